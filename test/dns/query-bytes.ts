import { nameOfLabels, parseName, type WireName } from '../../src/dns/wire-name.ts';

/** The wire form of a name in presentation form. */
export function nameOf(text: string): WireName {
  const name = parseName(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

export function uint16(value: number): Buffer {
  return Buffer.of(value >>> 8, value & 0xff);
}

export function uint32(value: number): Buffer {
  return Buffer.concat([uint16(value >>> 16), uint16(value & 0xffff)]);
}

export interface HeaderFields {
  readonly id?: number;
  /** QR, opcode, flags and rcode, all sixteen bits; default RD. */
  readonly flags?: number;
  readonly questions?: number;
  readonly answers?: number;
  readonly authorities?: number;
  readonly additionals?: number;
}

export function header(fields: HeaderFields = {}): Buffer {
  const { id = 0x1234, flags = 0x0100, questions = 1, answers = 0, authorities = 0, additionals = 0 } = fields;
  return Buffer.concat([id, flags, questions, answers, authorities, additionals].map(uint16));
}

export function question(name: string | WireName, type = 1, recordClass = 1): Buffer {
  return Buffer.concat([typeof name === 'string' ? nameOf(name) : name, uint16(type), uint16(recordClass)]);
}

export interface RecordFields {
  readonly owner?: Uint8Array;
  readonly type: number;
  readonly class?: number;
  readonly ttl?: number;
  readonly rdata?: Uint8Array;
}

export function record({
  owner = nameOf('a.b.'),
  type,
  class: cls = 1,
  ttl = 60,
  rdata = Buffer.alloc(0),
}: RecordFields) {
  return Buffer.concat([owner, uint16(type), uint16(cls), uint32(ttl), uint16(rdata.length), rdata]);
}

export interface OptFields {
  readonly payload?: number;
  readonly version?: number;
  readonly flags?: number;
  readonly extendedRcode?: number;
  readonly options?: readonly Uint8Array[];
  readonly owner?: Uint8Array;
}

export function opt(fields: OptFields = {}): Buffer {
  const { payload = 1232, version = 0, flags = 0, extendedRcode = 0, options = [], owner = Buffer.of(0) } = fields;
  const ttl = ((extendedRcode << 24) | (version << 16) | flags) >>> 0;
  return record({ owner, type: 41, class: payload, ttl, rdata: Buffer.concat(options) });
}

export function option(code: number, data: Uint8Array | string = ''): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data);
  return Buffer.concat([uint16(code), uint16(bytes.length), bytes]);
}

/** An unsigned query for one name, with an OPT record where `edns` is given. */
export function queryFor(name: string, type = 1, edns?: OptFields, fields: HeaderFields = {}): Buffer {
  const tail = edns === undefined ? [] : [opt(edns)];
  return Buffer.concat([header({ additionals: tail.length, ...fields }), question(name, type), ...tail]);
}

/** A TSIG record as a client with a key would send it. */
export function tsig(
  fields: { readonly owner?: Uint8Array; readonly rdata?: Uint8Array; readonly class?: number } = {},
) {
  const rdata = Buffer.concat([
    nameOf('hmac-sha256.'),
    uint16(0),
    uint32(1_700_000_000),
    uint16(300),
    uint16(32),
    Buffer.alloc(32, 0x78),
    uint16(0x1234),
    uint16(0),
    uint16(0),
  ]);
  return record({ owner: nameOf('key.'), type: 250, class: 255, ttl: 0, rdata, ...fields });
}

/** A name of the longest length, of labels of one octet. */
export const longestName: WireName = nameOfLabels(Array.from({ length: 127 }, () => Buffer.from('a'))) ?? nameOf('.');
