import type { AddressOctets } from '../plan/subnet-key.ts';
import { type ExtendedError, extendedError } from './answer.ts';
import type { AnswerSource } from './answer-source.ts';
import type { CookieState } from './cookie.ts';
import type { FoundImage } from './image-store.ts';
import { headerOctets, type Query } from './question-reader.ts';
import { opcode, rcode, recordType } from './record-type.ts';
import { unknownKeyRecord } from './transaction-signature.ts';

export type DnsTransport = 'udp' | 'tcp';

/** Who asks, and how. */
export interface Asker {
  /** The address that the message came from; an IPv4-mapped one as its IPv4 address. */
  readonly address: AddressOctets;
  readonly transport: DnsTransport;
}

/** A message that passed the header, and all that is known about it. */
export interface Exchange {
  readonly message: Uint8Array;
  readonly query: Query;
  readonly asker: Asker;
  /** Undefined: no COOKIE option, or none is answered here. */
  readonly cookie: CookieState | undefined;
  readonly nowMs: number;
  readonly source: AnswerSource;
}

/** What is answered, before it is bytes. */
export interface Verdict {
  /** All twelve bits. */
  readonly rcode: number;
  readonly extendedErrors: readonly ExtendedError[];
  /** Absent: an answer without records of a zone. */
  readonly found?: FoundImage;
  /** TSIG, which stands behind everything else. */
  readonly lastRecord?: Uint8Array;
}

export interface Lookups {
  /** Answers a question of class IN. */
  lookUp(exchange: Exchange): Verdict;
  /** The question's name is the origin of a zone that is served. */
  isOrigin(exchange: Exchange): boolean;
}

/** Whether a message is refused, asks only for a cookie, asks for what nobody gets here, or is to be looked up. */
export function judgeQuery(exchange: Exchange, lookups: Lookups): Verdict {
  const { query } = exchange;
  if (query.fault !== rcode.NOERROR) return refusal(query.fault, query.infoCode);
  if (query.signatureAt !== 0) return unknownKey(exchange);
  if (query.questionEnd === headerOctets) return cookieOnly(exchange.cookie);
  if (query.opcode !== opcode.QUERY || query.type === recordType.AXFR || query.type === recordType.IXFR) {
    // RFC 5936 section 2.2.1, RFC 2136 section 3.1, RFC 1996 section 3: not our zone, or ours and not for you.
    return refusal(lookups.isOrigin(exchange) ? rcode.REFUSED : rcode.NOTAUTH, extendedError.prohibited);
  }
  return lookups.lookUp(exchange);
}

export function refusal(code: number, infoCode?: number): Verdict {
  return { rcode: code, extendedErrors: infoCode === undefined ? [] : [{ infoCode }] };
}

/** RFC 7873 section 5.4: NOERROR for a good server cookie or none, BADCOOKIE for a wrong one. */
function cookieOnly(cookie: CookieState | undefined): Verdict {
  if (cookie === undefined) return refusal(rcode.FORMERR);
  return refusal(cookie === 'invalid' ? rcode.BADCOOKIE : rcode.NOERROR);
}

function unknownKey({ message, query }: Exchange): Verdict {
  const lastRecord = unknownKeyRecord(message, query.signatureAt);
  return lastRecord === undefined ? refusal(rcode.FORMERR) : { ...refusal(rcode.NOTAUTH), lastRecord };
}
