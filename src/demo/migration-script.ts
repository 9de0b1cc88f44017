import { setTimeout as delay } from 'node:timers/promises';
import type { MoveAccepted, MoveDocument } from '../admin/admin-api.ts';
import type { ClientResult } from '../admin/admin-client.ts';
import { CrossfadeError } from '../base/errors.ts';
import { failure } from '../base/result.ts';
import { createSnapshot } from '../plan/snapshot.ts';
import { renderWeight } from '../plan/weight.ts';
import { cohortName, sourceBroker, targetBroker } from './demo-files.ts';
import type { StepReport } from './demo-report.ts';
import type { DemoWorld } from './demo-world.ts';

export interface ScriptPace {
  readonly signal: AbortSignal;
  /** Milliseconds that the fleet publishes undisturbed after each step. */
  readonly soakMs: number;
  /** Devices in place, while one step goes on. */
  readonly onInPlace: (step: number, stepName: string, inPlace: number) => void;
}

interface ScriptStep {
  readonly name: string;
  readonly weightBps: number;
  readonly kind: 'begin' | 'cutover' | 'rollback';
}

/** The migration that the demo shows. */
export const scriptSteps: readonly ScriptStep[] = [
  { name: 'start', kind: 'begin', weightBps: 0 },
  ...[500, 5_000, 10_000].map((weightBps) => ({ name: renderWeight(weightBps), kind: 'cutover', weightBps }) as const),
  { name: 'rollback', kind: 'rollback', weightBps: 0 },
];

/** Live sessions that begin to hand over per second: devices, brokers and gateway share one machine here. */
const pacePerSecond = 150;
const pollMs = 100;
const progressMs = 400;
/** Bounds of waiting, milliseconds; busy machines need more for more devices, and the target registers 15 of them a second. */
const settleMs = { least: 30_000, perDevice: 150 };
const connectMs = { least: 30_000, perDevice: 60 };
const commandMs = 10_000;
const statusMs = 5_000;
const straysListed = 20;

/** Moves the fleet over and back, as an operator does it: through the admin API. The first step connects it. */
export async function runMigration(world: DemoWorld, pace: ScriptPace): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for (const [index, step] of scriptSteps.entries()) {
    const show = () => pace.onInPlace(index, step.name, world.placement.inPlace);
    const timer = setInterval(show, progressMs);
    try {
      reports.push(await runStep(world, step, pace));
      show();
    } finally {
      clearInterval(timer);
    }
  }
  return reports;
}

async function runStep(
  world: DemoWorld,
  step: ScriptStep,
  { signal, soakMs }: Pick<ScriptPace, 'signal' | 'soakMs'>,
): Promise<StepReport> {
  const startedAt = performance.now();
  const reconnectsBefore = world.fleet.reconnects;
  const holdersBefore = holdersOfAll(world);
  const accepted = step.kind === 'begin' ? undefined : await requestMove(world, step);
  const planned = await plannedBrokers(world, step);
  world.placement.expect(planned.brokers);
  if (step.kind === 'begin') await connectFleet(world, signal);
  const timeoutMs = settleMs.least + settleMs.perDevice * planned.brokers.size;
  const move = accepted === undefined ? undefined : await followMove(world, accepted, { timeoutMs, signal });
  await world.placement.settle({ timeoutMs, signal });
  const durationMs = Math.round(performance.now() - startedAt);
  // Counted before anything else happens, so that the figures are of one moment.
  const placed = describePlacement(world, planned.brokers, holdersBefore);
  const statusAgrees = await waitForStatus(world, signal);
  const commandsReceived = await sendCommands(world, step, signal);
  await delay(soakMs, undefined, { signal });
  return {
    name: step.name,
    weightBps: step.weightBps,
    revision: planned.revision,
    ...placed,
    reconnects: world.fleet.reconnects - reconnectsBefore,
    move: move?.state ?? null,
    commandsReceived,
    statusAgrees,
    durationMs,
  };
}

/** Who does not come is found missing by the step. */
async function connectFleet({ fleet }: DemoWorld, signal: AbortSignal): Promise<void> {
  await fleet.connect({ timeoutMs: connectMs.least + connectMs.perDevice * fleet.devices.length, signal });
  fleet.startTelemetry();
}

function requestMove({ admin }: DemoWorld, { kind, weightBps, name }: ScriptStep): Promise<MoveAccepted> {
  const body = { reason: `demo: ${name}`, live: 'handover', pacePerSecond } as const;
  return kind === 'rollback'
    ? granted(admin.rollback(cohortName, { ...body, toBps: weightBps }))
    : granted(admin.cutover(cohortName, { ...body, weightBps }));
}

async function granted<Value>(answer: ClientResult<Value>): Promise<Value> {
  const result = await answer;
  if (result.ok) return result.value;
  const { error } = result;
  const message = error.kind === 'problem' ? `${error.problem.title}: ${error.problem.detail}` : error.message;
  throw new CrossfadeError('demo', `the admin API refused: ${message}`);
}

/** Where the plan in force wants each device, by the formula, computed here and not asked of the gateway. */
async function plannedBrokers(
  { admin, fleet }: DemoWorld,
  step: ScriptStep,
): Promise<{ readonly revision: number; readonly brokers: ReadonlyMap<string, string> }> {
  const { revision, ...plan } = await granted(admin.plan());
  const weightBps = plan.cohorts.find(({ name }) => name === cohortName)?.weightBps;
  if (weightBps !== step.weightBps) {
    throw new CrossfadeError('demo', `expected weight ${step.weightBps} in revision ${revision}, got ${weightBps}`);
  }
  const snapshot = createSnapshot({
    revision,
    plan,
    readInclude: (path) => failure(`${path} is not part of the demo`),
  });
  if (!snapshot.ok) throw new CrossfadeError('demo', snapshot.error);
  const { assign } = snapshot.value;
  const brokers = fleet.devices.map(({ traits: { name } }) => {
    return [name, assign({ certificate: { commonName: name }, clientId: name }).broker] as const;
  });
  return { revision, brokers: new Map(brokers) };
}

async function followMove(
  { admin }: DemoWorld,
  { move: { id } }: MoveAccepted,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<MoveDocument> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const move = await granted(admin.move(id));
    const isUnderWay = move.state === 'running' || move.state === 'paused';
    if (!isUnderWay || performance.now() > deadline) return move;
    await delay(pollMs, undefined, { signal });
  }
}

/** By device, the names of the brokers that serve it. */
function holdersOfAll({ fleet, holders }: DemoWorld): ReadonlyMap<string, readonly string[]> {
  return new Map(fleet.devices.map(({ traits: { name } }) => [name, holders(name)]));
}

function describePlacement(
  world: DemoWorld,
  planned: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, readonly string[]>,
) {
  const held = [...holdersOfAll(world)];
  const strays = world.placement.strays();
  // A device that the target does not know yet moves behind the move's end; so what moved is counted at the brokers.
  const hasMoved = ([name, now]: readonly [string, readonly string[]]) => {
    const [then] = before.get(name) ?? [];
    return then !== undefined && !now.includes(then);
  };
  return {
    onSource: held.filter(([, now]) => now.includes(sourceBroker)).length,
    onTarget: held.filter(([, now]) => now.includes(targetBroker)).length,
    moved: held.filter(hasMoved).length,
    expectedOnTarget: [...planned.values()].filter((broker) => broker === targetBroker).length,
    misplaced: strays.length,
    strays: strays.slice(0, straysListed),
  };
}

/** Workers report their figures now and then, so the gateway gets a moment to say what the brokers say. */
async function waitForStatus({ admin, brokers }: DemoWorld, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + statusMs;
  for (;;) {
    const status = await granted(admin.status());
    const agrees = Object.entries(brokers).every(
      ([name, broker]) => status.brokers[name]?.sessions === broker.servedCount,
    );
    if (agrees || performance.now() > deadline) return agrees;
    await delay(pollMs, undefined, { signal });
  }
}

/** Both brokers send every device its command; it has to come by the one that holds the device. */
async function sendCommands(
  { brokers, commands, fleet }: DemoWorld,
  { name }: ScriptStep,
  signal: AbortSignal,
): Promise<number> {
  commands.begin(name);
  for (const { traits } of fleet.devices) {
    for (const broker of Object.values(brokers)) broker.publish(`fleet/${traits.name}/cmd`, name);
  }
  await commands.settle(fleet.devices.length, { timeoutMs: commandMs, signal });
  return commands.count;
}
