import { seededRandom, shuffled } from '../../../src/emulator/data/seeded-random.ts';

/**
 * `legacy` and `target` are the brokers. `cut`: all connections of the bridge to a broker are lost. `strand`: a broker
 * freezes, and the bridge, which has begun to spool for it, is killed.
 */
export const failureKinds = [
  'kill-bridge',
  'freeze-bridge',
  'restart-legacy',
  'restart-target',
  'freeze-legacy',
  'freeze-target',
  'cut-legacy',
  'cut-target',
  'strand-legacy',
  'strand-target',
] as const;
export type FailureKind = (typeof failureKinds)[number];

export interface PlannedFailure {
  readonly kind: FailureKind;
  /** Milliseconds from the beginning of the run. */
  readonly atMs: number;
  /** Milliseconds until it is mended. */
  readonly lastsMs: number;
}

export interface FailurePlanOptions {
  readonly seed: number;
  readonly count: number;
  readonly runMs: number;
  readonly kinds: readonly FailureKind[];
}

const shortestMs = 200;
const longestMs = 8_000;

/** One failure in each of as many equal parts of the run, the kinds in turn and shuffled: the same for the same seed. */
export function planFailures({ seed, count, runMs, kinds }: FailurePlanOptions): readonly PlannedFailure[] {
  const random = seededRandom(seed);
  const partMs = runMs / count;
  const deck: FailureKind[] = [];
  while (deck.length < count) deck.push(...shuffled(kinds, random));
  return deck.slice(0, count).map((kind, part) => {
    const atMs = Math.round((part + 0.1 + 0.2 * random()) * partMs);
    const most = Math.min(longestMs, partMs * 0.4);
    return { kind, atMs, lastsMs: Math.round(shortestMs + random() ** 2 * Math.max(0, most - shortestMs)) };
  });
}
