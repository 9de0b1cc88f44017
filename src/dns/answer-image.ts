import type { AnswerImage, Cut } from './answer-writer.ts';
import { type OptContent, optOctets, writeOpt } from './edns.ts';
import { headerOctets, type Query } from './question-reader.ts';

const responseFlag = 0x80;
const authoritativeFlag = 0x04;
const truncatedFlag = 0x02;
/** Opcode and RD are the query's (RFC 1035 section 4.1.1); RA, Z, AD and CD are never set (RFC 4035 section 3.1.6). */
const repeatedFlags = 0x79;

/** How an image becomes an answer to one query. */
export interface Rendering {
  readonly query: Query;
  readonly message: Uint8Array;
  /** Octets that the transport and the asker take. */
  readonly limit: number;
  /** Undefined: the asker does not speak EDNS. */
  readonly opt: OptContent | undefined;
}

/** The answer's octets: as many whole record sets as fit beside the OPT record, which always stays. */
export function renderImage(image: AnswerImage, rendering: Rendering): Uint8Array {
  const { limit, opt } = rendering;
  const room = limit - (opt === undefined ? 0 : optOctets(opt));
  const lastCut = image.cuts.length - 1;
  let cutIndex = lastCut;
  while (cutIndex > 0 && (image.cuts[cutIndex]?.end ?? 0) > room) cutIndex -= 1;
  const isTruncated = cutIndex < image.neededCut || image.isTooLong;
  return render(image, image.cuts[cutIndex] ?? image.cuts[0], isTruncated, rendering);
}

/** The same answer without its records and with TC: whoever asked may come back over TCP. */
export function renderTruncated(image: AnswerImage, rendering: Rendering): Uint8Array {
  return render(image, image.cuts[0], true, rendering);
}

/** An answer without records of a zone: a refusal, or a cookie for who asked for nothing else. */
export function renderRefusal(code: number, rendering: Omit<Rendering, 'limit'>, lastRecord?: Uint8Array): Uint8Array {
  const { query, message, opt } = rendering;
  const end = truncatedOctets(query, opt);
  const bytes = Buffer.allocUnsafe(end + (lastRecord?.length ?? 0));
  copy(message, bytes, 0, query.questionEnd);
  bytes[2] = responseFlag | ((message[2] ?? 0) & repeatedFlags);
  bytes[3] = code & 15;
  putUint16(bytes, 4, query.questionEnd > headerOctets ? 1 : 0);
  putUint16(bytes, 6, 0);
  putUint16(bytes, 8, 0);
  putUint16(bytes, 10, (opt === undefined ? 0 : 1) + (lastRecord === undefined ? 0 : 1));
  if (opt !== undefined) writeOpt(bytes, query.questionEnd, opt, message);
  if (lastRecord !== undefined) bytes.set(lastRecord, end);
  return bytes;
}

/** Octets of renderTruncated, and of renderRefusal without a last record. */
export function truncatedOctets(query: Query, opt: OptContent | undefined): number {
  return query.questionEnd + (opt === undefined ? 0 : optOctets(opt));
}

function render(image: AnswerImage, cut: Cut, isTruncated: boolean, { query, message, opt }: Rendering): Uint8Array {
  const length = cut.end + (opt === undefined ? 0 : optOctets(opt));
  const bytes = Buffer.allocUnsafe(length);
  copy(image.bytes, bytes, query.questionEnd, cut.end);
  copy(message, bytes, 0, query.questionEnd);
  bytes[2] =
    responseFlag |
    ((message[2] ?? 0) & repeatedFlags) |
    (image.authoritative ? authoritativeFlag : 0) |
    (isTruncated ? truncatedFlag : 0);
  bytes[3] = image.rcode & 15;
  putUint16(bytes, 4, query.questionEnd > headerOctets ? 1 : 0);
  putUint16(bytes, 6, cut.answers);
  putUint16(bytes, 8, cut.authorities);
  putUint16(bytes, 10, cut.additionals + (opt === undefined ? 0 : 1));
  if (opt !== undefined) writeOpt(bytes, cut.end, opt, message);
  return bytes;
}

/** A loop beats TypedArray.set and its subarray for the hundred octets of a usual answer. */
function copy(from: Uint8Array, to: Uint8Array, start: number, end: number): void {
  if (end - start > 256) to.set(from.subarray(start, end), start);
  else for (let at = start; at < end; at += 1) to[at] = from[at] ?? 0;
}

function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
