/** The packets that the handover world speaks, MQTT 3.1.1 and 5, cheap enough for thousands of devices in one process. */
export type WireVersion = 4 | 5;

export const packetType = {
  connack: 2,
  publish: 3,
  puback: 4,
  suback: 9,
  pingresp: 13,
  disconnect: 14,
} as const;

export const pingreq = Buffer.from([0xc0, 0x00]);
export const disconnect = Buffer.from([0xe0, 0x00]);

export interface WireConnect {
  readonly version: WireVersion;
  readonly clientId: string;
  readonly clean: boolean;
  readonly keepAliveSeconds: number;
  readonly will?: { readonly topic: string; readonly payload: string };
}

/** MQTT 5: how long a session outlives its connection. */
const sessionExpirySeconds = 7_200;

export function encodeConnect({ version, clientId, clean, keepAliveSeconds, will }: WireConnect): Buffer {
  const flags = (clean ? 0x02 : 0) | (will === undefined ? 0 : 0x04 | 0x08);
  const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, version, flags, keepAliveSeconds >> 8, keepAliveSeconds]);
  return packet(0x10, [
    head,
    version === 4 ? empty : clean ? noProperties : expiryProperties(),
    text(clientId),
    ...(will === undefined ? [] : [version === 5 ? noProperties : empty, text(will.topic), text(will.payload)]),
  ]);
}

export interface WireFilter {
  readonly filter: string;
  /** MQTT 5: what this client published does not come back to it. */
  readonly noLocal?: boolean;
}

/** All at QoS 1. */
export function encodeSubscribe(version: WireVersion, packetId: number, filters: readonly WireFilter[]): Buffer {
  const entries = filters.flatMap(({ filter, noLocal }) => [text(filter), Buffer.from([noLocal ? 0x05 : 0x01])]);
  return packet(0x82, [twoBytes(packetId), version === 5 ? noProperties : empty, ...entries]);
}

export interface WirePublish {
  readonly topic: string;
  readonly payload: string;
  /** MQTT 5: the value of one user property `n`. */
  readonly tag?: string;
}

/** A QoS 1 PUBLISH; its packet identifier is written by `sendAs`. */
export function encodePublish(version: WireVersion, { topic, payload, tag }: WirePublish, retain = false): Buffer {
  const properties = version === 4 ? empty : tag === undefined ? noProperties : tagProperties(tag);
  return packet(retain ? 0x33 : 0x32, [text(topic), twoBytes(0), properties, Buffer.from(payload)]);
}

/** Writes packet identifier and DUP into a PUBLISH of `encodePublish`. */
export function sendAs(publish: Buffer, packetId: number, isDuplicate: boolean): Buffer {
  const at = headerLength(publish);
  publish.writeUInt16BE(packetId, at + 2 + publish.readUInt16BE(at));
  publish[0] = ((publish[0] ?? 0) & ~0x08) | (isDuplicate ? 0x08 : 0);
  return publish;
}

export function encodePuback(packetId: number): Buffer {
  return Buffer.from([0x40, 0x02, packetId >> 8, packetId & 0xff]);
}

export interface ReceivedPublish extends WirePublish {
  readonly qos: number;
  readonly retain: boolean;
  readonly isDuplicate: boolean;
  readonly packetId: number;
}

/** `bytes`: a whole packet. */
export function parsePublish(version: WireVersion, bytes: Buffer): ReceivedPublish {
  const flags = bytes[0] ?? 0;
  const qos = (flags >> 1) & 3;
  const at = headerLength(bytes);
  const topicEnd = at + 2 + bytes.readUInt16BE(at);
  const topic = bytes.toString('latin1', at + 2, topicEnd);
  const afterId = qos === 0 ? topicEnd : topicEnd + 2;
  const { tag, end } = version === 5 ? parseTag(bytes, afterId) : { tag: undefined, end: afterId };
  return {
    ...{ topic, qos, retain: (flags & 1) === 1, isDuplicate: (flags & 8) !== 0 },
    packetId: qos === 0 ? 0 : bytes.readUInt16BE(topicEnd),
    payload: bytes.toString('latin1', end),
    ...(tag === undefined ? {} : { tag }),
  };
}

/** Cuts a stream into whole packets; each is valid only during its call. */
export class WireFramer {
  #rest: Buffer | undefined;

  feed(chunk: Buffer, handle: (packetBytes: Buffer) => void): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      const end = packetEnd(bytes, start);
      if (end === undefined || end > bytes.length) break;
      handle(bytes.subarray(start, end));
      start = end;
    }
    this.#rest = start === bytes.length ? undefined : Buffer.from(bytes.subarray(start));
  }
}

const empty = Buffer.alloc(0);
const noProperties = Buffer.from([0]);
// MQTT 5 sections 3.1.2.11.2 and 2.2.2.2.
const sessionExpiryIdentifier = 0x11;
const userPropertyIdentifier = 0x26;

function expiryProperties(): Buffer {
  const bytes = Buffer.from([5, sessionExpiryIdentifier, 0, 0, 0, 0]);
  bytes.writeUInt32BE(sessionExpirySeconds, 2);
  return bytes;
}

function tagProperties(tag: string): Buffer {
  const property = Buffer.concat([Buffer.from([userPropertyIdentifier]), text('n'), text(tag)]);
  return Buffer.concat([remainingLength(property.length), property]);
}

function parseTag(bytes: Buffer, at: number): { readonly tag: string | undefined; readonly end: number } {
  const length = bytes[at] ?? 0;
  if (length > 127) throw new Error(`expected short properties, got ${length} or more bytes`);
  const end = at + 1 + length;
  if (length === 0) return { tag: undefined, end };
  if (bytes[at + 1] !== userPropertyIdentifier) throw new Error(`expected a user property, got ${bytes[at + 1]}`);
  const valueAt = at + 4 + bytes.readUInt16BE(at + 2);
  return { tag: bytes.toString('latin1', valueAt + 2, valueAt + 2 + bytes.readUInt16BE(valueAt)), end };
}

function packet(firstByte: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([firstByte]), remainingLength(length), ...parts]);
}

function remainingLength(length: number): Buffer {
  return length < 128 ? Buffer.from([length]) : Buffer.from([(length & 0x7f) | 0x80, length >> 7]);
}

function text(value: string): Buffer {
  return Buffer.concat([twoBytes(Buffer.byteLength(value)), Buffer.from(value)]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function headerLength(bytes: Buffer): number {
  let at = 1;
  while (((bytes[at] ?? 0) & 0x80) !== 0) at += 1;
  return at + 1;
}

function packetEnd(bytes: Buffer, start: number): number | undefined {
  let length = 0;
  for (let at = start + 1, shift = 0; at < bytes.length; at += 1, shift += 7) {
    const byte = bytes[at] ?? 0;
    length |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return at + 1 + length;
  }
  return undefined;
}
