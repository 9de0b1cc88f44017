import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import { machineMs } from '../handover/delay-histogram.ts';
import type { BridgeFigures, ProcessSize } from './bridge-process.ts';
import type { PlannedFailure } from './failure-plan.ts';
import { makeFailure } from './failures.ts';
import type { Hearing } from './hearing.ts';
import type { SideFigures, SideReport } from './side-process.ts';
import type { SoakWorld, WorldName } from './soak-world.ts';
import { otherSide, type Side, sides } from './traffic-plan.ts';

/** Times are machine milliseconds. */
export interface MadeFailure extends PlannedFailure {
  readonly beganMs: number;
  readonly mendedMs: number;
  /** The bridge was connected everywhere and had caught up. */
  readonly recoveredMs: number;
}

export interface SizeSample extends ProcessSize {
  readonly atMs: number;
  /** Of which process of the bridge. */
  readonly start: number;
  /** No failure was under way, and every one before it was recovered from. */
  readonly isCalm: boolean;
}

export interface SideFindings {
  readonly figures: SideFigures;
  readonly report: SideReport;
  /** Of the other side's, by key: published there, acknowledged there, and not heard here. */
  readonly missing: ReturnType<Hearing['missing']>;
}

export interface SoakFindings {
  readonly world: WorldName;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly failures: readonly MadeFailure[];
  readonly sides: Readonly<Record<Side, SideFindings>>;
  readonly bridge: BridgeFigures;
  readonly bridgeStarts: number;
  readonly deadLetterBytes: number;
  readonly sizes: readonly SizeSample[];
  /** Of the bridge at its end, by SIGTERM. */
  readonly exitCode: number | null;
}

export interface SoakOptions {
  readonly runMs: number;
  readonly failures: readonly PlannedFailure[];
  readonly onProgress?: (text: string) => void;
}

const warmUpMs = 1_000;
const sampleMs = 1_000;
const recoveryLookMs = 100;
const recoveryDeadlineMs = 60_000;
const endDeadlineMs = 120_000;
/** What the hearing side's broker still had to deliver when the bridge was through. */
const settleMs = 1_500;

/** Traffic both ways, the failures of the plan in it, and the end of all that was on its way. */
export async function runSoak(world: SoakWorld, options: SoakOptions): Promise<SoakFindings> {
  const run = new SoakRun(world, options);
  return run.play();
}

class SoakRun {
  readonly #world: SoakWorld;
  readonly #options: SoakOptions;
  #failures: readonly MadeFailure[] = [];
  readonly #sizes: SizeSample[] = [];
  #beganMs = 0;
  #isFailing = false;
  #recovering: Promise<void> | undefined;

  constructor(world: SoakWorld, options: SoakOptions) {
    this.#world = world;
    this.#options = options;
  }

  async play(): Promise<SoakFindings> {
    const { traffic, bridge } = this.#world;
    await this.#phase('before');
    await Promise.all(sides.map((side) => traffic[side].ask('begin', undefined)));
    await wait(warmUpMs);
    const beganMs = machineMs();
    await this.#calm(() => beganMs + recoveryDeadlineMs);
    await this.#phase('calm');
    this.#beganMs = machineMs();
    const sampling = setInterval(() => void this.#sample(), sampleMs);
    for (const failure of this.#options.failures) await this.#fail(failure);
    await this.#until(this.#options.runMs);
    const endedMs = machineMs();
    await Promise.all(sides.map((side) => traffic[side].ask('cease', undefined)));
    while (this.#recovering !== undefined) await this.#recovering;
    await this.#everythingHeard();
    clearInterval(sampling);
    await this.#sample();
    return {
      ...{ world: this.#world.name, beganMs: this.#beganMs, endedMs, failures: this.#failures, sizes: this.#sizes },
      sides: { legacy: await this.#findings('legacy'), target: await this.#findings('target') },
      bridge: await this.#calmFigures(),
      bridgeStarts: bridge.starts,
      deadLetterBytes: await this.#world.deadLetterBytes(),
      exitCode: await bridge.stop(),
    };
  }

  /** Makes it and mends it; recovery is watched for meanwhile, beyond the beginning of the next if it takes so long. */
  async #fail(failure: PlannedFailure): Promise<void> {
    await this.#until(failure.atMs);
    const beganMs = machineMs();
    this.#say(`${failure.kind}, for ${failure.lastsMs} ms`);
    this.#isFailing = true;
    await this.#phase('failure');
    await makeFailure(this.#world, failure);
    const made = { ...failure, beganMs, mendedMs: machineMs(), recoveredMs: Number.POSITIVE_INFINITY };
    this.#failures = [...this.#failures, made];
    this.#isFailing = false;
    this.#recovering ??= this.#recover();
  }

  /** Until the bridge stands everywhere and nothing waits in its spools, for a while, with no failure under way. */
  async #recover(): Promise<void> {
    const calmSinceMs = await this.#calm(() => (this.#failures.at(-1)?.mendedMs ?? 0) + recoveryDeadlineMs);
    this.#failures = this.#failures.map((made) => ({ ...made, recoveredMs: Math.min(made.recoveredMs, calmSinceMs) }));
    this.#recovering = undefined;
    if (this.#isFailing) return;
    const isOver = this.#failures.every((made) => Number.isFinite(made.recoveredMs));
    if (isOver) await this.#phase('calm');
    else this.#recovering = this.#recover();
  }

  /** Since when it is so; or the deadline. */
  async #calm(deadlineMs: () => number): Promise<number> {
    let sinceMs: number | undefined;
    while (machineMs() < deadlineMs()) {
      sinceMs = (await this.#isCalm()) ? (sinceMs ?? machineMs()) : undefined;
      if (sinceMs !== undefined && machineMs() - sinceMs >= settleMs) return sinceMs;
      await wait(recoveryLookMs);
    }
    this.#say('the bridge does not come to rest');
    return machineMs();
  }

  async #isCalm(): Promise<boolean> {
    if (this.#isFailing) return false;
    const figures = await this.#world.bridge.figures().catch(() => undefined);
    return !this.#isFailing && figures !== undefined && isCalm(figures);
  }

  async #until(atMs: number): Promise<void> {
    await wait(Math.max(0, this.#beganMs + atMs - machineMs()));
  }

  async #phase(name: string): Promise<void> {
    await Promise.all(sides.map((side) => this.#world.traffic[side].ask('phase', name)));
  }

  async #sample(): Promise<void> {
    const { bridge } = this.#world;
    const size = await bridge.size().catch(() => undefined);
    if (size === undefined || size.rssMiB === 0) return;
    const isCalm = !this.#isFailing && this.#recovering === undefined;
    this.#sizes.push({ ...size, atMs: machineMs(), start: bridge.starts, isCalm });
  }

  /** All is acknowledged and heard; the verdict says what is not. */
  async #everythingHeard(): Promise<void> {
    const { traffic } = this.#world;
    const isHeard = async () => {
      const [legacy, target] = await Promise.all(sides.map((side) => traffic[side].ask('figures', undefined)));
      if (legacy === undefined || target === undefined) return false;
      const isAcknowledged = legacy.pending + target.pending === 0;
      return isAcknowledged && legacy.heard >= target.published && target.heard >= legacy.published;
    };
    await eventually('everything heard', isHeard, endDeadlineMs).catch((error: unknown) => this.#say(String(error)));
    await wait(settleMs);
  }

  async #calmFigures(): Promise<BridgeFigures> {
    const { bridge } = this.#world;
    const calm = async () => {
      const figures = await bridge.figures();
      return isCalm(figures) && figures;
    };
    return eventually('an empty spool', calm).catch(() => bridge.figures());
  }

  async #findings(side: Side): Promise<SideFindings> {
    const { traffic } = this.#world;
    const published = await traffic[otherSide(side)].ask('published', undefined);
    return {
      figures: await traffic[side].ask('figures', undefined),
      report: await traffic[side].ask('report', undefined),
      missing: await traffic[side].ask('missing', published),
    };
  }

  #say(text: string): void {
    this.#options.onProgress?.(text);
  }
}

function isCalm({ spooled, lanes, openLanes, members, subscribedMembers }: BridgeFigures): boolean {
  return spooled === 0 && openLanes === lanes && subscribedMembers === members && members > 0;
}
