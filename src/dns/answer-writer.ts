import type { Answer, ExtendedError } from './answer.ts';
import { createImageMemory } from './image-memory.ts';
import { createNameCompression, type NameCompression } from './name-compression.ts';
import { headerOctets } from './question-reader.ts';
import type { RecordSet } from './record-set.ts';
import { recordClass, recordType } from './record-type.ts';
import type { WireName } from './wire-name.ts';

/** RFC 1035 section 4.2.2: what the length before a message over TCP can say. */
export const longestMessageOctets = 0xffff;

/** A place where a message may end: behind a whole record set, with the counts up to there. */
export interface Cut {
  readonly end: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
}

/**
 * An answer as a message without OPT record, written once and copied for everybody who asks the same: ID, opcode, RD, TC,
 * the question's own case and the OPT record are the asker's and are put in then.
 */
export interface AnswerImage {
  /** Header, question and sections, at most 65 535 octets. The question is in lower case. */
  readonly bytes: Uint8Array;
  readonly questionEnd: number;
  readonly rcode: number;
  readonly authoritative: boolean;
  /** Ascending; the first is the message without a record, the last is the whole. */
  readonly cuts: readonly [Cut, ...Cut[]];
  /** A message that ends before this one of the cuts is truncated; after it only what may be left out is missing. */
  readonly neededCut: number;
  /** Not even a message over TCP takes all that is needed. */
  readonly isTooLong: boolean;
  readonly extendedErrors: readonly ExtendedError[];
  readonly isCompact: boolean;
}

export interface WrittenQuestion {
  /** In lower case. */
  readonly name: WireName;
  readonly type: number;
}

/** Records may run over the end of a message before it is seen that they do. */
const scratchOctets = 2 * longestMessageOctets + 1_024;

/** A writer with its own working memory, for one thread. */
export function createAnswerWriter(): (question: WrittenQuestion, answer: Answer) => AnswerImage {
  const scratch = Buffer.alloc(scratchOctets);
  const keep = createImageMemory();
  const compression = createNameCompression();
  return (question, answer) => {
    compression.begin();
    const questionEnd = writeQuestion(scratch, question, compression);
    const cuts: [Cut, ...Cut[]] = [{ end: questionEnd, answers: 0, authorities: 0, additionals: 0 }];
    const { answer: answers, authority, additional } = answer;
    const isComplete =
      writeSection(scratch, answers, 'answers', cuts, compression) &&
      writeSection(scratch, authority, 'authorities', cuts, compression);
    const neededAbove = cuts.length - 1;
    const hasAll = isComplete && writeSection(scratch, additional, 'additionals', cuts, compression);
    // RFC 9471: a referral without its glue leads nowhere, so that TC says that there is more.
    const needsGlue = isComplete && authority.some(({ type }) => type === recordType.NS);
    const end = cuts.at(-1)?.end ?? questionEnd;
    return {
      bytes: keep(scratch, end),
      questionEnd,
      rcode: answer.rcode,
      authoritative: answer.authoritative,
      cuts,
      neededCut: needsGlue ? cuts.length - 1 : neededAbove,
      isTooLong: !isComplete || (needsGlue && !hasAll),
      extendedErrors: answer.extendedErrors ?? [],
      isCompact: answer.isCompact === true,
    };
  };
}

function writeQuestion(into: Uint8Array, { name, type }: WrittenQuestion, compression: NameCompression): number {
  into.fill(0, 0, headerOctets);
  into.set(name, headerOctets);
  compression.remember(name, headerOctets);
  const at = headerOctets + name.length;
  putUint16(into, at, type);
  putUint16(into, at + 2, recordClass.IN);
  return at + 4;
}

/** Writes whole record sets while the message takes them, and a cut behind each; false when it did not take all. */
function writeSection(
  into: Uint8Array,
  sets: readonly RecordSet[],
  counted: 'answers' | 'authorities' | 'additionals',
  cuts: [Cut, ...Cut[]],
  compression: NameCompression,
): boolean {
  for (const set of sets) {
    const last = cuts.at(-1) ?? cuts[0];
    const end = writeRecordSet(into, last.end, set, compression);
    if (end < 0) return false;
    cuts.push({ ...last, end, [counted]: last[counted] + set.rdatas.length });
  }
  return true;
}

/** Below 0 when the message would be too long. */
function writeRecordSet(into: Uint8Array, from: number, set: RecordSet, compression: NameCompression): number {
  let at = from;
  for (const rdata of set.rdatas) {
    at = compression.writeName(into, at, set.owner);
    putUint16(into, at, set.type);
    putUint16(into, at + 2, recordClass.IN);
    putUint16(into, at + 4, set.ttl >>> 16);
    putUint16(into, at + 6, set.ttl);
    const end = compression.writeRdata(into, at + 10, set.type, rdata);
    putUint16(into, at + 8, end - at - 10);
    if (end > longestMessageOctets) return -1;
    at = end;
  }
  return at;
}

function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
