import { setTimeout as wait } from 'node:timers/promises';
import { machineMs } from './delay-histogram.ts';
import { type Fault, type FaultPoint, faultPoints } from './faults.ts';
import { devicePlan } from './fleet-plan.ts';
import type { HandoverWorld, Outage } from './handover-world.ts';
import type { MoveRecord } from './move-record.ts';
import { type Live, moveCohort, prepare } from './operator.ts';
import { misplacedDevices } from './placement.ts';
import { awaySince, excuseOf, type Findings, isWithBroker, missingCommands, missingTelemetry } from './verdict.ts';

export interface ScriptOptions {
  /** Over and back, so often. */
  readonly rounds: number;
  readonly live: Live;
  /** Milliseconds of undisturbed traffic first. */
  readonly baselineMs: number;
  /** Milliseconds that the cohort stays prepared, and in the rollback window. */
  readonly holdMs: number;
  readonly fault?: Fault;
  readonly onProgress?: (text: string) => void;
}

/** Connects the fleet, moves it over and back under traffic, and gathers what became of every message. */
export async function runScript(world: HandoverWorld, options: ScriptOptions): Promise<Findings> {
  const run = new ScriptRun(world, options);
  await run.begin();
  for (let round = 1; round <= options.rounds; round += 1) await run.round(round);
  return run.findings();
}

/** Brokers deliver twice for the overlap after a move; what is measured then belongs to it. */
const afterMoveMs = 3_000;
const placementDeadlineMs = 60_000;

class ScriptRun {
  readonly #world: HandoverWorld;
  readonly #options: ScriptOptions;
  readonly #moves: MoveRecord[] = [];
  readonly #outages: Outage[] = [];
  readonly #asleep: number[];
  readonly #wakeAtOnce: number;

  constructor(world: HandoverWorld, options: ScriptOptions) {
    this.#world = world;
    this.#options = options;
    const all = Array.from({ length: world.devices }, (_, index) => index);
    this.#asleep = all.filter((index) => devicePlan(index).startsOffline);
    this.#wakeAtOnce = Math.ceil(this.#asleep.length / (2 * options.rounds));
  }

  async begin(): Promise<void> {
    const { baselineMs } = this.#options;
    this.#say(`connecting ${this.#world.devices} devices`);
    await this.#world.connectFleet();
    await this.#world.startTraffic();
    await wait(warmUpMs);
    await this.#world.phase('before');
    this.#say(`${baselineMs / 1_000} s of traffic without a move`);
    await wait(baselineMs);
  }

  async round(round: number): Promise<void> {
    const faultPoint = this.#options.fault && pointOf(this.#options.fault, round);
    await this.#prepare(faultPoint);
    await this.#move('cutover', `${round}. cutover`, faultPoint);
    await this.#hold('window', faultPoint);
    await this.#move('rollback', `${round}. rollback`, faultPoint);
    await this.#hold('back', undefined);
  }

  async findings(): Promise<Findings> {
    this.#say('waiting for the last messages');
    await this.#world.everybodyReady();
    await this.#world.endTraffic();
    const misplaced = await this.#placement();
    const report = await this.#world.fleet.ask('report', null);
    const fleet = { ...report, devices: report.devices.map((device) => awaySince(device, this.#world.gatewayKillsMs)) };
    const backend = await this.#world.backend.ask('report', null);
    const lost = missingCommands(fleet, backend);
    const lostTelemetry = missingTelemetry(fleet, backend);
    const acknowledgedMs = await this.#world.fleet.ask('acknowledgedMs', lostTelemetry);
    const times = await this.#world.backend.ask('timesOf', lost);
    return {
      ...{ fleet, backend, misplaced, moves: this.#moves, outages: this.#outages },
      lostTelemetry: lostTelemetry.map((message, at) => {
        const atMs = acknowledgedMs[at] ?? 0;
        return { ...message, acknowledgedMs: atMs, isWithBroker: isWithBroker(atMs, this.#outages) };
      }),
      lostCommands: lost.map((message, at) => {
        const sentMs = times[at]?.sentMs ?? 0;
        const device = fleet.devices[message.index];
        return { ...message, sentMs, excuse: device && excuseOf(sentMs, device, this.#outages) };
      }),
      mirrorUnderWay: (await this.#world.mirror.ask('lag', null)).underWay,
    };
  }

  async #prepare(faultPoint: FaultPoint | undefined): Promise<void> {
    if (this.#options.live !== 'handover') return;
    await this.#world.phase('prepare');
    const disturbance = faultPoint === 'preparing' ? { onAccepted: () => this.#makeFault('preparing') } : {};
    const { state, preparedMs } = await prepare(this.#world, disturbance);
    this.#say(`prepared: ${state} in ${Math.round(preparedMs)} ms`);
    await this.#hold('prepared', faultPoint);
  }

  async #move(verb: 'cutover' | 'rollback', name: string, faultPoint?: FaultPoint): Promise<void> {
    const points: readonly FaultPoint[] = verb === 'cutover' ? ['switching', 'draining'] : ['rolling-back'];
    const disturbance = points.find((point) => point === faultPoint);
    const isDisturbed = disturbance !== undefined;
    await this.#world.phase(isDisturbed ? 'fault' : 'move');
    const { live } = this.#options;
    const record = await moveCohort(this.#world, verb, {
      ...{ name, live },
      ...(isDisturbed ? { onAccepted: () => this.#makeFault(disturbance) } : {}),
    });
    this.#moves.push(record);
    this.#say(`${name}: ${record.state}, ${record.moved} moved, switched in ${Math.round(record.switchedMs)} ms`);
    await this.#world.everybodyReady();
    if (isDisturbed) this.#moves.push(await moveCohort(this.#world, verb, { name: `${name} again`, live }));
    await wait(afterMoveMs);
    await this.#world.phase('steady');
  }

  /** Some of the sleeping devices come back in it. */
  async #hold(phase: 'prepared' | 'window' | 'back', faultPoint: FaultPoint | undefined): Promise<void> {
    await this.#world.phase(phase);
    const endMs = machineMs() + this.#options.holdMs;
    if (faultPoint === phase) {
      await this.#world.phase('fault');
      await this.#makeFault(faultPoint);
      await this.#world.everybodyReady();
    }
    if (phase !== 'prepared') await this.#world.fleet.ask('wake', this.#asleep.splice(0, this.#wakeAtOnce));
    await wait(Math.max(0, endMs - machineMs()));
  }

  async #makeFault(point: FaultPoint): Promise<void> {
    this.#say(`fault: ${this.#options.fault?.name}, ${point}`);
    const outage = await this.#options.fault?.make(this.#world, point);
    if (outage !== undefined) this.#outages.push(outage);
  }

  /** The former broker takes a moment to be left, longer after a fault. */
  async #placement(): Promise<readonly string[]> {
    const deadlineMs = machineMs() + placementDeadlineMs;
    for (;;) {
      const misplaced = await misplacedDevices(this.#world);
      if (misplaced.length === 0 || machineMs() > deadlineMs) return misplaced;
    }
  }

  #say(text: string): void {
    this.#options.onProgress?.(text);
  }
}

const warmUpMs = 3_000;

/** A fault that is for every point goes through them round by round. */
function pointOf(fault: Fault, round: number): FaultPoint {
  return fault.at ?? faultPoints[(round - 1) % faultPoints.length] ?? 'switching';
}
