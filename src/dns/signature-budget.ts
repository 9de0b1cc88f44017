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

/** A fleet that comes back from an outage asks for all its names within minutes. */
const deviceTimes = 4;

/**
 * So many a second of each kind, four times as many for devices: names that nobody has, or that cost nothing to think of, are free to whoever floods and
 * must not use up what devices need. Known devices also have what new ones leave.
 */
export function createSignatureBudget(ratePerSecond: number): SignatureBudget {
  const bucket = (times: number) => createTokenBucket({ ratePerSecond: times * ratePerSecond, startsFull: true });
  const buckets = {
    'known-device': bucket(deviceTimes),
    'new-device': bucket(deviceTimes),
    wildcard: bucket(1),
    denial: bucket(1),
  };
  return {
    take: (kind, nowMs) => buckets[kind].take(nowMs) || (kind === 'known-device' && buckets['new-device'].take(nowMs)),
  };
}
