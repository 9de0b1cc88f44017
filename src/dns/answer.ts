import type { RecordSet } from './record-set.ts';

/** RFC 8914: why, for whoever reads the answer by hand. Sent only to who speaks EDNS. */
export interface ExtendedError {
  /** INFO-CODE of the IANA registry. */
  readonly infoCode: number;
  readonly text?: string;
}

/** What a lookup decided, before it is written. */
export interface Answer {
  /** May be above 15, and then needs EDNS. */
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answer: readonly RecordSet[];
  readonly authority: readonly RecordSet[];
  /** What may be left out where it does not fit, for example glue: without TC, unless the answer is a referral. */
  readonly additional: readonly RecordSet[];
  /**
   * RFC 7871: bits of the asking network that this answer depends on. Absent: 0, it is the same for everybody. Sent only
   * when the query had a client subnet.
   */
  readonly scopePrefixLength?: number;
  readonly extendedErrors?: readonly ExtendedError[];
}

/** RFC 8914 section 4 and its registry: the codes that are used here. */
export const extendedError = {
  other: 0,
  staleAnswer: 3,
  forgedAnswer: 4,
  notReady: 14,
  prohibited: 18,
  notAuthoritative: 20,
  notSupported: 21,
  networkError: 23,
  invalidData: 24,
  synthesized: 29,
  invalidQueryType: 30,
} as const;
