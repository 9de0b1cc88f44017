import type { ExtendedError } from './answer.ts';
import type { AskingNetwork } from './asking-network.ts';
import { readClientSubnet } from './client-subnet.ts';
import { clientCookieOctets, isCookieLength, serverCookieOctets } from './cookie.ts';

/** IANA: EDNS0 option codes. */
export const ednsOption = { nsid: 3, clientSubnet: 8, cookie: 10, extendedError: 15 } as const;

/** What is answered and asked for over UDP: above it datagrams are fragmented on their way. */
export const udpPayloadOctets = 1_232;
/** RFC 1035 section 2.3.4, and the least that RFC 6891 section 6.2.3 lets anybody say. */
export const smallestUdpPayloadOctets = 512;

const dnssecOkFlag = 0x8000;
/** RFC 9824 section 5.1. */
const compactOkFlag = 0x4000;
/** Root name, type, class, TTL and RDLENGTH. */
const emptyOptOctets = 11;
const optionHeaderOctets = 4;
/** Thirty are known to IANA. */
const mostOptions = 256;

/** The OPT record of a query (RFC 6891); options stay where they lie in the message. */
export interface EdnsQuery {
  readonly version: number;
  /** As sent; the writer clamps it. */
  readonly payloadOctets: number;
  readonly isDnssecOk: boolean;
  readonly isCompactOk: boolean;
  /** RFC 5001. */
  readonly wantsNsid: boolean;
  /** Offset of the COOKIE option's data; 0: there is none. */
  readonly cookieAt: number;
  readonly cookieLength: number;
  readonly clientSubnet: AskingNetwork | undefined;
  /** Offset and length of the client subnet option's data, which the answer repeats. */
  readonly clientSubnetAt: number;
  readonly clientSubnetLength: number;
  /** An option is malformed: FORMERR. */
  readonly isMalformed: boolean;
}

/** `at` is where the record's class stands, `end` is behind its data; the gate has checked both. */
export function readEdns(message: Uint8Array, at: number, end: number): EdnsQuery {
  const edns = {
    version: message[at + 3] ?? 0,
    payloadOctets: uint16(message, at),
    isDnssecOk: (uint16(message, at + 4) & dnssecOkFlag) !== 0,
    isCompactOk: (uint16(message, at + 4) & compactOkFlag) !== 0,
    wantsNsid: false,
    cookieAt: 0,
    cookieLength: 0,
    clientSubnet: undefined,
    clientSubnetAt: 0,
    clientSubnetLength: 0,
    isMalformed: false,
  };
  // What options of another version look like is not known (RFC 6891 section 6.1.3).
  if (edns.version === 0) readOptions(edns, message, at + 8, end);
  return edns;
}

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** Unknown options are skipped (RFC 6891 section 6.1.2); of several of a kind the first counts. */
function readOptions(edns: Writable<EdnsQuery>, message: Uint8Array, from: number, end: number): void {
  let at = from;
  for (let count = 1; at < end; count += 1) {
    const code = uint16(message, at);
    const length = uint16(message, at + 2);
    const dataAt = at + optionHeaderOctets;
    at = dataAt + length;
    if (at > end || count > mostOptions) {
      edns.isMalformed = true;
      return;
    }
    if (code === ednsOption.cookie) takeCookie(edns, dataAt, length);
    else if (code === ednsOption.clientSubnet) takeClientSubnet(edns, message, dataAt, length);
    else if (code === ednsOption.nsid) edns.wantsNsid = true;
  }
}

function takeCookie(edns: Writable<EdnsQuery>, at: number, length: number): void {
  if (edns.cookieAt !== 0) return;
  if (!isCookieLength(length)) edns.isMalformed = true;
  edns.cookieAt = at;
  edns.cookieLength = length;
}

function takeClientSubnet(edns: Writable<EdnsQuery>, message: Uint8Array, at: number, length: number): void {
  if (edns.clientSubnetAt !== 0) return;
  edns.clientSubnet = readClientSubnet(message, at, length);
  if (edns.clientSubnet === undefined) edns.isMalformed = true;
  edns.clientSubnetAt = at;
  edns.clientSubnetLength = length;
}

/** What the OPT record of an answer carries. */
export interface OptContent {
  /** All twelve bits; the upper eight are written here. */
  readonly rcode: number;
  readonly isDnssecOk: boolean;
  /** RFC 9824 section 5.1: the answer heeds the flag. */
  readonly isCompactOk: boolean;
  /** RFC 5001; undefined: not asked for, or none is configured. */
  readonly nsid: Uint8Array | undefined;
  /** Where the client cookie lies in the query, and the server cookie that goes with it. */
  readonly cookie: { readonly clientAt: number; readonly server: Uint8Array } | undefined;
  /** Where the client subnet's data lies in the query, and the scope to write into it. */
  readonly clientSubnet: { readonly at: number; readonly length: number; readonly scope: number } | undefined;
  readonly extendedErrors: readonly ExtendedError[];
}

/** The record with nothing that can be left out: no more than the query had, but for the server cookie. */
export function bareOpt(content: OptContent): OptContent {
  return { ...content, nsid: undefined, clientSubnet: undefined, extendedErrors: [] };
}

/** Octets that writeOpt takes for bareOpt. */
export function bareOptOctets({ cookie }: OptContent): number {
  return emptyOptOctets + (cookie === undefined ? 0 : optionHeaderOctets + clientCookieOctets + serverCookieOctets);
}

/** Octets that writeOpt takes. */
export function optOctets(content: OptContent): number {
  let octets = bareOptOctets(content);
  if (content.nsid !== undefined) octets += optionHeaderOctets + content.nsid.length;
  if (content.clientSubnet !== undefined) octets += optionHeaderOctets + content.clientSubnet.length;
  for (const { text } of content.extendedErrors) octets += optionHeaderOctets + 2 + textOctets(text);
  return octets;
}

/** Writes the OPT record at `at`; version 0, and no flag is repeated but DO and CO. Returns where it ends. */
export function writeOpt(into: Uint8Array, at: number, content: OptContent, query: Uint8Array): number {
  into[at] = 0;
  putUint16(into, at + 1, 41);
  putUint16(into, at + 3, udpPayloadOctets);
  into[at + 5] = content.rcode >>> 4;
  into[at + 6] = 0;
  putUint16(into, at + 7, (content.isDnssecOk ? dnssecOkFlag : 0) | (content.isCompactOk ? compactOkFlag : 0));
  let end = at + emptyOptOctets;
  if (content.nsid !== undefined) {
    end = putOption(into, end, ednsOption.nsid, content.nsid.length);
    into.set(content.nsid, end - content.nsid.length);
  }
  if (content.cookie !== undefined) end = writeCookie(into, end, content.cookie, query);
  if (content.clientSubnet !== undefined) end = writeClientSubnet(into, end, content.clientSubnet, query);
  for (const error of content.extendedErrors) end = writeExtendedError(into, end, error);
  putUint16(into, at + 9, end - at - emptyOptOctets);
  return end;
}

function writeCookie(
  into: Uint8Array,
  at: number,
  { clientAt, server }: NonNullable<OptContent['cookie']>,
  query: Uint8Array,
): number {
  const end = putOption(into, at, ednsOption.cookie, clientCookieOctets + serverCookieOctets);
  const dataAt = at + optionHeaderOctets;
  for (let index = 0; index < clientCookieOctets; index += 1) into[dataAt + index] = query[clientAt + index] ?? 0;
  into.set(server, dataAt + clientCookieOctets);
  return end;
}

/** RFC 7871 section 7.2.2: family, source prefix and address as they came, and the scope. */
function writeClientSubnet(
  into: Uint8Array,
  at: number,
  subnet: NonNullable<OptContent['clientSubnet']>,
  query: Uint8Array,
): number {
  const end = putOption(into, at, ednsOption.clientSubnet, subnet.length);
  const dataAt = at + optionHeaderOctets;
  for (let index = 0; index < subnet.length; index += 1) into[dataAt + index] = query[subnet.at + index] ?? 0;
  into[dataAt + 3] = subnet.scope;
  return end;
}

function writeExtendedError(into: Uint8Array, at: number, { infoCode, text }: ExtendedError): number {
  const end = putOption(into, at, ednsOption.extendedError, 2 + textOctets(text));
  putUint16(into, at + optionHeaderOctets, infoCode);
  if (text !== undefined) into.set(Buffer.from(text, 'utf8'), at + optionHeaderOctets + 2);
  return end;
}

function putOption(into: Uint8Array, at: number, code: number, length: number): number {
  putUint16(into, at, code);
  putUint16(into, at + 2, length);
  return at + optionHeaderOctets + length;
}

function textOctets(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text, 'utf8');
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
