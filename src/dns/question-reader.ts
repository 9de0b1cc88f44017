import { extendedError } from './answer.ts';
import { type EdnsQuery, readEdns } from './edns.ts';
import { opcode, rcode, recordClass, recordType } from './record-type.ts';
import { longestLabelOctets, longestNameOctets } from './wire-name.ts';

export const headerOctets = 12;
/** Type and class. */
const questionTailOctets = 4;
/** Type, class, TTL and RDLENGTH. */
const recordHeadOctets = 10;
const responseFlag = 0x80;
/** A query has up to three: OPT, TSIG, and what nobody asked for. Each can be 255 labels to look at. */
const mostRecords = 32;

/** What the gate found in a message. */
export interface Query {
  /** The rcode to refuse it with; NOERROR: it is to be answered. */
  readonly fault: number;
  /** INFO-CODE (RFC 8914) that goes with the fault. */
  readonly infoCode: number | undefined;
  readonly opcode: number;
  /** Where the question ends, which is repeated byte for byte; 12: there is none, or none that could be read. */
  readonly questionEnd: number;
  readonly type: number;
  readonly class: number;
  /** Undefined: there is no OPT record, or the message could not be read up to it. */
  readonly edns: EdnsQuery | undefined;
  /** Where the owner of the TSIG record begins; 0: there is none. */
  readonly signatureAt: number;
}

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/**
 * The gate: judges a message by its header and one pass over its sections, and allocates nothing by what a count says.
 * Undefined: silence, for what is shorter than a header and for responses, so that no two servers answer each other.
 */
export function readQuery(message: Uint8Array): Query | undefined {
  if (message.length < headerOctets || ((message[2] ?? 0) & responseFlag) !== 0) return undefined;
  const query: Writable<Query> = {
    fault: rcode.NOERROR,
    infoCode: undefined,
    opcode: ((message[2] ?? 0) >>> 3) & 15,
    questionEnd: headerOctets,
    type: 0,
    class: 0,
    edns: undefined,
    signatureAt: 0,
  };
  const isReadable = readSections(query, message);
  judge(query, uint16(message, 4), isReadable);
  return query;
}

/** False: the bytes are no message. */
function readSections(query: Writable<Query>, message: Uint8Array): boolean {
  const questions = uint16(message, 4);
  // RFC 9619: a query has one question. What stands behind a second one is not looked at.
  if (questions > 1) return false;
  if (questions === 1) {
    const nameEnd = questionNameEnd(message);
    if (nameEnd < 0 || nameEnd + questionTailOctets > message.length) return false;
    query.type = uint16(message, nameEnd);
    query.class = uint16(message, nameEnd + 2);
    query.questionEnd = nameEnd + questionTailOctets;
  }
  const answers = uint16(message, 6);
  const beforeAdditional = answers + uint16(message, 8);
  const records = beforeAdditional + uint16(message, 10);
  // What is refused whatever it carries (UPDATE, NOTIFY) may carry as much as it likes.
  if (records > mostRecords) return query.opcode !== opcode.QUERY;
  let at = query.questionEnd;
  for (let index = 0; index < records; index += 1) {
    at = readRecord(query, message, at, index >= beforeAdditional);
    if (at < 0) return false;
    // RFC 8945 section 5.1: TSIG is the last record.
    if (query.signatureAt !== 0 && index < records - 1) return false;
  }
  return at === message.length;
}

/** Where the record at `at` ends; below 0 when it is malformed or must not stand there. */
function readRecord(query: Writable<Query>, message: Uint8Array, at: number, isAdditional: boolean): number {
  const nameEnd = recordNameEnd(message, at);
  if (nameEnd < 0 || nameEnd + recordHeadOctets > message.length) return -1;
  const end = nameEnd + recordHeadOctets + uint16(message, nameEnd + 8);
  if (end > message.length) return -1;
  const type = uint16(message, nameEnd);
  if (type === recordType.OPT) {
    // RFC 6891 section 6.1.1: one, in the additional section, owned by the root.
    if (!isAdditional || query.edns !== undefined || nameEnd !== at + 1) return -1;
    query.edns = readEdns(message, nameEnd + 2, end);
  } else if (type === recordType.TSIG) {
    if (!isAdditional) return -1;
    query.signatureAt = at;
  }
  return end;
}

/** What may be asked here at all, in the order in which servers that are compared with this one judge it. */
function judge(query: Writable<Query>, questions: number, isReadable: boolean): void {
  const { edns } = query;
  if (!isKnownOpcode(query.opcode)) query.fault = rcode.NOTIMP;
  else if (!isReadable) query.fault = rcode.FORMERR;
  else if (edns !== undefined && edns.version > 0) query.fault = rcode.BADVERS;
  else if (edns?.isMalformed === true) query.fault = rcode.FORMERR;
  else if (questions === 0) query.fault = isCookieRequest(query) ? rcode.NOERROR : rcode.FORMERR;
  else judgeQuestion(query);
}

/** RFC 7873 section 5.4: a query without a question asks for a server cookie. */
function isCookieRequest({ opcode: code, edns }: Query): boolean {
  return code === opcode.QUERY && edns !== undefined && edns.cookieAt !== 0;
}

function judgeQuestion(query: Writable<Query>): void {
  if (query.opcode === opcode.UPDATE && query.type !== recordType.SOA) {
    // RFC 2136 section 2.3.
    query.fault = rcode.FORMERR;
  } else if (query.class !== recordClass.IN && query.class !== recordClass.ANY) {
    query.fault = rcode.REFUSED;
  } else if (query.opcode !== opcode.QUERY) {
    return;
  } else if (query.type === 0) {
    query.fault = rcode.NOTIMP;
  } else if (query.type === recordType.NXNAME) {
    // RFC 9824 section 3.5.
    query.fault = rcode.FORMERR;
    query.infoCode = extendedError.invalidQueryType;
  }
}

function isKnownOpcode(code: number): boolean {
  return code === opcode.QUERY || code === opcode.NOTIFY || code === opcode.UPDATE;
}

/** Where the name of the question ends; below 0 for what is no name. There is nothing that it could point back to. */
function questionNameEnd(message: Uint8Array): number {
  let at = headerOctets;
  for (;;) {
    const length = message[at] ?? 0xff;
    at += 1 + length;
    if (length > longestLabelOctets || at - headerOctets > longestNameOctets) return -1;
    if (length === 0) return at;
  }
}

/** Where the owner of a record ends. What a pointer leads to is read by who needs the name. */
function recordNameEnd(message: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const length = message[at] ?? 0x80;
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (message[at + 1] ?? 0);
      return target >= headerOctets && target < at ? at + 2 : -1;
    }
    if (length > longestLabelOctets) return -1;
    at += 1 + length;
    if (length === 0) return at;
    if (at - start > longestNameOctets) return -1;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
