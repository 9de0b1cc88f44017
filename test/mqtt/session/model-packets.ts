import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';

/**
 * The packets of the models, written and read without the product's codecs: what the models say and understand is a second
 * opinion. Only well-formed packets are read; anything else throws.
 */
export interface ModelPacket {
  readonly type: number;
  readonly firstByte: number;
  readonly packetBytes: number;
  readonly qos: number;
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
  /** The property list without its length; empty before MQTT 5. */
  readonly properties: Buffer;
  readonly reason: number;
  /** Filters of SUBSCRIBE and UNSUBSCRIBE with their options byte. */
  readonly filters: readonly (readonly [string, number])[];
  /** SUBACK and UNSUBACK. */
  readonly codes: readonly number[];
}

export interface PublishFields {
  readonly qos: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly properties?: Buffer;
}

export const noBytes: Buffer = Buffer.alloc(0);

export function publishBytes(protocol: ProtocolVersion, fields: PublishFields): Buffer {
  const { qos, id, topic, payload, properties = noBytes } = fields;
  const topicBytes = Buffer.byteLength(topic);
  const listBytes = protocol === '5' ? lengthOfLength(properties.length) + properties.length : 0;
  const remaining = 2 + topicBytes + (qos > 0 ? 2 : 0) + listBytes + payload.length;
  const packet = Buffer.allocUnsafe(1 + lengthOfLength(remaining) + remaining);
  packet[0] = 0x30 | (fields.dup === true ? 8 : 0) | (qos << 1) | (fields.retain === true ? 1 : 0);
  let at = putLength(packet, 1, remaining);
  packet[at] = topicBytes >> 8;
  packet[at + 1] = topicBytes & 0xff;
  at += 2;
  at += packet.write(topic, at);
  if (qos > 0) {
    packet[at] = id >> 8;
    packet[at + 1] = id & 0xff;
    at += 2;
  }
  if (protocol === '5') {
    at = putLength(packet, at, properties.length);
    at += properties.copy(packet, at);
  }
  payload.copy(packet, at);
  return packet;
}

/** PUBACK 4, PUBREC 5, PUBREL 6, PUBCOMP 7. */
export function acknowledgementBytes(type: number, id: number, reason = 0): Buffer {
  const firstByte = (type << 4) | (type === 6 ? 2 : 0);
  return reason === 0
    ? Buffer.from([firstByte, 2, id >> 8, id & 0xff])
    : Buffer.from([firstByte, 3, id >> 8, id & 0xff, reason]);
}

export function subscribeBytes(
  protocol: ProtocolVersion,
  id: number,
  filters: readonly (readonly [string, number])[],
  properties = noBytes,
): Buffer {
  const parts = filters.flatMap(([filter, options]) => [text(filter), Buffer.from([options])]);
  return packetOf(0x82, [Buffer.from([id >> 8, id & 0xff]), listOf(protocol, properties), ...parts]);
}

export function unsubscribeBytes(protocol: ProtocolVersion, id: number, filters: readonly string[]): Buffer {
  return packetOf(0xa2, [Buffer.from([id >> 8, id & 0xff]), listOf(protocol, noBytes), ...filters.map(text)]);
}

/** SUBACK 9; UNSUBACK 11, which has no codes before MQTT 5. */
export function subackBytes(protocol: ProtocolVersion, type: 9 | 11, id: number, codes: readonly number[]): Buffer {
  const said = type === 11 && protocol !== '5' ? [] : codes;
  return packetOf(type << 4, [Buffer.from([id >> 8, id & 0xff]), listOf(protocol, noBytes), Buffer.from(said)]);
}

export function disconnectBytes(protocol: ProtocolVersion, reason = 0): Buffer {
  return protocol === '5' && reason !== 0 ? Buffer.from([0xe0, 1, reason]) : Buffer.from([0xe0, 0]);
}

export const pingreq = Buffer.from([0xc0, 0]);
export const pingresp = Buffer.from([0xd0, 0]);

/** Puts chunks together and gives whole packets. */
export class ModelReader {
  readonly #protocol: ProtocolVersion;
  #rest = noBytes;

  constructor(protocol: ProtocolVersion) {
    this.#protocol = protocol;
  }

  get keptBytes(): number {
    return this.#rest.length;
  }

  push(chunk: Buffer, give: (packet: ModelPacket) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    while (start < bytes.length) {
      const [body, length] = readLength(bytes, start + 1);
      if (body === 0 || body + length > bytes.length) break;
      give(readPacket(bytes, start, { body, end: body + length, protocol: this.#protocol }));
      start = body + length;
    }
    this.#rest = start === bytes.length ? noBytes : bytes.subarray(start);
  }
}

interface Extent {
  readonly body: number;
  readonly end: number;
  readonly protocol: ProtocolVersion;
}

function readPacket(bytes: Buffer, start: number, { body, end, protocol }: Extent): ModelPacket {
  const firstByte = bytes[start] as number;
  const type = firstByte >> 4;
  const packet = {
    type,
    firstByte,
    packetBytes: end - start,
    qos: type === 3 ? (firstByte >> 1) & 3 : 0,
    id: 0,
    topic: '',
    payload: noBytes,
    properties: noBytes,
    reason: 0,
    filters: noFilters as [string, number][],
    codes: noCodes as number[],
  };
  let at = body;
  if (type === 3) {
    const topicEnd = at + 2 + bytes.readUInt16BE(at);
    packet.topic = bytes.toString('latin1', at + 2, topicEnd);
    at = topicEnd;
  }
  const hasIdentifier = type === 3 ? packet.qos > 0 : type >= 4 && type <= 11;
  if (hasIdentifier) {
    packet.id = bytes.readUInt16BE(at);
    at += 2;
  }
  if ((type >= 4 && type <= 7) || type === 14) {
    if (at < end && protocol !== '5') throw new Error(`a packet of type ${type} is longer than before MQTT 5`);
    if (at < end) packet.reason = bytes[at] as number;
    return packet;
  }
  if (protocol === '5' && (type === 3 || (type >= 8 && type <= 11))) {
    const [listAt, listLength] = readLength(bytes, at);
    if (listAt === 0 || listAt + listLength > end) throw new Error('a property list overruns its packet');
    packet.properties = bytes.subarray(listAt, listAt + listLength);
    at = listAt + listLength;
  }
  if (type === 3) packet.payload = bytes.subarray(at, end);
  else if (type === 9 || type === 11) packet.codes = [...bytes.subarray(at, end)];
  else if (type === 8 || type === 10) packet.filters = readFilters(bytes, at, { end, hasOptions: type === 8 });
  return packet;
}

function readFilters(bytes: Buffer, start: number, { end, hasOptions }: { end: number; hasOptions: boolean }) {
  const filters: [string, number][] = [];
  let at = start;
  while (at < end) {
    const filterEnd = at + 2 + bytes.readUInt16BE(at);
    filters.push([bytes.toString('utf8', at + 2, filterEnd), hasOptions ? (bytes[filterEnd] as number) : 0]);
    at = filterEnd + (hasOptions ? 1 : 0);
  }
  return filters;
}

/** Where a variable byte integer ends and what it says; 0: it is not whole. */
function readLength(bytes: Buffer, start: number): readonly [number, number] {
  let value = 0;
  for (let index = 0, multiplier = 1; index < 4; index += 1, multiplier *= 128) {
    if (start + index >= bytes.length) return [0, 0];
    const byte = bytes[start + index] as number;
    value += (byte & 0x7f) * multiplier;
    if (byte < 0x80) return [start + index + 1, value];
  }
  throw new Error('a length of more than four bytes');
}

function packetOf(firstByte: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.allocUnsafe(1 + lengthOfLength(body.length));
  head[0] = firstByte;
  putLength(head, 1, body.length);
  return Buffer.concat([head, body]);
}

function listOf(protocol: ProtocolVersion, properties: Buffer): Buffer {
  if (protocol !== '5') return noBytes;
  const length = Buffer.allocUnsafe(lengthOfLength(properties.length));
  putLength(length, 0, properties.length);
  return Buffer.concat([length, properties]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

export function lengthOfLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

function putLength(target: Buffer, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  do {
    target[at] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
    at += 1;
    rest >>>= 7;
  } while (rest > 0);
  return at;
}

const noFilters: readonly [string, number][] = [];
const noCodes: readonly number[] = [];
