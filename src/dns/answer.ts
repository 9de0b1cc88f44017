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
  /** What is left out first where it does not fit: without TC, unless the authority section has NS and this is its glue. */
  readonly additional: readonly RecordSet[];
  /**
   * Wall clock, milliseconds: until then the answer may be repeated as it is. Absent: while its snapshot stands; 0: not
   * at all, for example because its signatures are to be made when there is time for them.
   */
  readonly reusableUntilMs?: number;
  /** Wall clock, milliseconds: before that, after a step back of the clock, its signatures are of the future. Absent: none. */
  readonly reusableFromMs?: number;
  readonly extendedErrors?: readonly ExtendedError[];
  /** RFC 9824 section 5.1: the CO flag was heeded, and is repeated. */
  readonly isCompact?: boolean;
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
