import type { WireName } from './wire-name.ts';

/** All records with the same owner and type, class IN: the unit that is answered with, signed and cut off. */
export interface RecordSet {
  readonly owner: WireName;
  readonly type: number;
  /** Seconds, 0 to 2^31 − 1. */
  readonly ttl: number;
  /** Wire form with uncompressed names, at most 65 535 octets each; at least one. */
  readonly rdatas: readonly Uint8Array[];
}
