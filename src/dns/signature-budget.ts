import { createTokenBucket } from '../base/rates.ts';

/**
 * Whose signature it is. `known-device`: a steered name that was asked for before. `new-device`: one that was not; any
 * label may be a device's. `wildcard`: a name that a wildcard of the zone file stands for. `denial`: no such name.
 */
export type PassingKind = 'known-device' | 'new-device' | 'wildcard' | 'denial';

/** Grants signatures of names that are not in the zone; all zones share it. */
export interface SignatureBudget {
  /** `nowMs`: wall clock. */
  take(kind: PassingKind, nowMs: number): boolean;
}

/**
 * So many a second of each kind: names that nobody has, or that cost nothing to think of, are free to whoever floods and
 * must not use up what devices need. Known devices also have what new ones leave.
 */
export function createSignatureBudget(ratePerSecond: number): SignatureBudget {
  const bucket = () => createTokenBucket({ ratePerSecond, startsFull: true });
  const buckets = { 'known-device': bucket(), 'new-device': bucket(), wildcard: bucket(), denial: bucket() };
  return {
    take: (kind, nowMs) => buckets[kind].take(nowMs) || (kind === 'known-device' && buckets['new-device'].take(nowMs)),
  };
}
