import type { AddressOctets } from '../plan/subnet-key.ts';
import { createWindowTable } from './window-table.ts';

/** Bounds on what is sent to one network (IPv4 /24, IPv6 /56) over UDP, where anybody can pretend to be it. */
export interface ResponseRateOptions {
  /**
   * Octets a second that a network gets whatever it sends; above it gets no more octets than it sent, so that a flood in
   * its name is not amplified. In a first second slips come on top, each no longer than its query. Default 16 384.
   */
  readonly freeOctetsPerSecond?: number;
  /** Times a second that a network gets the same answer. Default 100. */
  readonly sameAnswersPerSecond?: number;
  /** Of the answers that are held back, every how manieth goes out as a TC without records. 0: none. Default 2. */
  readonly slip?: number;
  /** Networks that are counted at a time; further ones share a count. Default 65 536. */
  readonly networks?: number;
  /** Sets what networks share a place in the table; nobody outside should know it. */
  readonly seed: number;
}

/** Send the answer, send only a TC, send nothing. */
export type RateVerdict = 'answer' | 'slip' | 'drop';

export interface RatedAnswer {
  /** What the asker sent. */
  readonly queryOctets: number;
  readonly answerOctets: number;
  /** What a slip would take. */
  readonly slipOctets: number;
  /** The same for answers that count as the same, 32 bits. */
  readonly answerClass: number;
}

/** A limiter; `nowMs` is on one clock, a step back starts a new second. */
export interface ResponseRate {
  judge(asker: AddressOctets, answer: RatedAnswer, nowMs: number): RateVerdict;
}

const windowMs = 1_000;
/** Columns of the tables. */
const column = { octetsIn: 0, answersOut: 1, slipsOut: 2, heldBack: 3, octetsBefore: 4 } as const;

export function createResponseRate(options: ResponseRateOptions): ResponseRate {
  const { freeOctetsPerSecond = 16_384, sameAnswersPerSecond = 100, slip = 2, networks = 65_536, seed } = options;
  const byNetwork = createWindowTable({ rows: networks, columns: 5, inUseMs: 2 * windowMs, whenFull: 'share' });
  const byAnswer = createWindowTable({ rows: networks, columns: 1, inUseMs: windowMs, whenFull: 'replace' });

  /** The row of a network in this second, with what came in the second before. */
  function networkRow(hash: number, nowMs: number): number {
    const row = byNetwork.rowOf(hash, nowMs);
    if (byNetwork.isCurrent(row, nowMs, windowMs)) return row;
    const isNext = byNetwork.isCurrent(row, nowMs, 2 * windowMs);
    const octetsBefore = isNext ? byNetwork.valueAt(row, column.octetsIn) : 0;
    const heldBack = byNetwork.valueAt(row, column.heldBack);
    byNetwork.restart(row, nowMs);
    byNetwork.add(row, column.octetsBefore, octetsBefore);
    byNetwork.add(row, column.heldBack, heldBack);
    return row;
  }

  function isRepeatedTooOften(hash: number, nowMs: number): boolean {
    const row = byAnswer.rowOf(hash, nowMs);
    if (!byAnswer.isCurrent(row, nowMs, windowMs)) byAnswer.restart(row, nowMs);
    byAnswer.add(row, 0, 1);
    return byAnswer.valueAt(row, 0) > sameAnswersPerSecond;
  }

  /** Free octets of this second; none in the one after a flood. */
  function freeOctets(row: number): number {
    return byNetwork.valueAt(row, column.octetsBefore) > freeOctetsPerSecond ? 0 : freeOctetsPerSecond;
  }

  /** Of the free octets, answers leave what slips will take if as much comes as did in the second before. */
  function hasRoomForAnswer(row: number, octets: number): boolean {
    const answers = byNetwork.valueAt(row, column.answersOut) + octets;
    const reserve = slip > 0 ? byNetwork.valueAt(row, column.octetsBefore) / slip : 0;
    if (answers <= freeOctets(row) - reserve) return true;
    return answers + byNetwork.valueAt(row, column.slipsOut) <= byNetwork.valueAt(row, column.octetsIn);
  }

  function hasRoomForSlip(row: number, octets: number): boolean {
    const out = byNetwork.valueAt(row, column.answersOut) + byNetwork.valueAt(row, column.slipsOut) + octets;
    return out <= Math.max(freeOctets(row), byNetwork.valueAt(row, column.octetsIn));
  }

  return {
    judge(asker, { queryOctets, answerOctets, slipOctets, answerClass }, nowMs) {
      const network = networkHash(asker, seed);
      const row = networkRow(network, nowMs);
      byNetwork.add(row, column.octetsIn, queryOctets);
      const isRepeated = isRepeatedTooOften(mixed(network ^ answerClass), nowMs);
      if (!isRepeated && hasRoomForAnswer(row, answerOctets)) {
        byNetwork.add(row, column.answersOut, answerOctets);
        return 'answer';
      }
      byNetwork.add(row, column.heldBack, 1);
      const isSlip = slip > 0 && byNetwork.valueAt(row, column.heldBack) % slip === 0;
      // One that is no longer than what it answers amplifies nothing: nobody is to be left in silence for want of room.
      if (!isSlip || (slipOctets > queryOctets && !hasRoomForSlip(row, slipOctets))) return 'drop';
      byNetwork.add(row, column.slipsOut, slipOctets);
      return 'slip';
    },
  };
}

function networkHash(asker: AddressOctets, seed: number): number {
  const octets = asker.length === 4 ? 3 : 7;
  let hash = seed ^ asker.length;
  for (let at = 0; at < octets; at += 1) hash = Math.imul(hash ^ (asker[at] ?? 0), 0x01000193);
  return mixed(hash);
}

/** MurmurHash3's finalizer: every bit of the result depends on every bit. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
