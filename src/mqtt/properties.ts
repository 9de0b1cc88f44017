import { isUtf8 } from 'node:buffer';
import type { ByteReader } from './byte-reader.ts';
import { binaryField, uint8Field, uint16Field, uint32Field, utf8Field, variableByteInteger } from './packet-bytes.ts';
import type { PacketFault } from './packet-fault.ts';
import { reasonCode } from './reason-code.ts';

/** MQTT 5 property identifiers (§2.2.2.2). */
export const propertyId = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  sessionExpiryInterval: 0x11,
  assignedClientIdentifier: 0x12,
  serverKeepAlive: 0x13,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblemInformation: 0x17,
  willDelayInterval: 0x18,
  requestResponseInformation: 0x19,
  responseInformation: 0x1a,
  serverReference: 0x1c,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  topicAlias: 0x23,
  maximumQos: 0x24,
  retainAvailable: 0x25,
  userProperty: 0x26,
  maximumPacketSize: 0x27,
  wildcardSubscriptionAvailable: 0x28,
  subscriptionIdentifierAvailable: 0x29,
  sharedSubscriptionAvailable: 0x2a,
} as const;

const messageProperties = [0x01, 0x02, 0x03, 0x08, 0x09, 0x26] as const;

/** The identifiers that each packet allows (§2.2.2.2, table 2-4). */
export const allowedProperties = {
  connect: new Set([0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27]),
  will: new Set<number>([...messageProperties, 0x18]),
  connack: new Set([
    0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
  ]),
  /** Without Subscription Identifier [MQTT-3.3.4-6]. */
  publishOfClient: new Set<number>([...messageProperties, 0x23]),
  publishOfServer: new Set<number>([...messageProperties, 0x23, 0x0b]),
  acknowledgement: new Set([0x1f, 0x26]),
  subscribe: new Set([0x0b, 0x26]),
  unsubscribe: new Set([0x26]),
  disconnectOfClient: new Set([0x11, 0x1f, 0x26]),
  disconnectOfServer: new Set([0x1c, 0x1f, 0x26]),
} as const satisfies Record<string, ReadonlySet<number>>;

type PropertyKind =
  | 'flag'
  | 'uint16'
  | 'positive-uint16'
  | 'uint32'
  | 'positive-uint32'
  | 'positive-variable'
  | 'utf8'
  | 'topic'
  | 'binary'
  | 'pair';

/** By identifier, so that a list is checked without a lookup in a map. */
const kinds: readonly (PropertyKind | undefined)[] = kindsById([
  ['flag', [0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a]],
  ['uint16', [0x13, 0x22]],
  ['positive-uint16', [0x21, 0x23]],
  ['uint32', [0x02, 0x11, 0x18]],
  ['positive-uint32', [0x27]],
  ['positive-variable', [0x0b]],
  ['utf8', [0x03, 0x12, 0x15, 0x1a, 0x1c, 0x1f]],
  ['topic', [0x08]],
  ['binary', [0x09, 0x16]],
  ['pair', [0x26]],
]);

function kindsById(rows: readonly (readonly [PropertyKind, readonly number[]])[]): (PropertyKind | undefined)[] {
  const byId: (PropertyKind | undefined)[] = new Array(0x2b).fill(undefined);
  for (const [kind, ids] of rows) for (const id of ids) byId[id] = kind;
  return byId;
}

/** One property: its identifier and its value as on the wire. */
export interface RawProperty {
  readonly id: number;
  readonly bytes: Buffer;
}

/** A property list without a fault. Its bytes are a copy: they hold no larger buffer in memory. */
export class Properties {
  readonly #bytes: Buffer;
  #list: readonly RawProperty[] | undefined;

  /** `bytes` is a list that `propertyListFault` found nothing in, without its length; kept as it is, not copied. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** In the order of the wire. Made when first asked for. */
  get list(): readonly RawProperty[] {
    if (this.#list !== undefined) return this.#list;
    const list: RawProperty[] = [];
    forEachProperty(this.#bytes, 0, this.#bytes.length, (id, start, end) => {
      list.push({ id, bytes: this.#bytes.subarray(start, end) });
    });
    this.#list = list;
    return list;
  }

  number(id: number): number | undefined {
    return this.numbers(id)[0];
  }

  /** Several only for Subscription Identifiers; empty for what is absent or no number. */
  numbers(id: number): readonly number[] {
    return this.list.filter((property) => property.id === id).flatMap(({ bytes }) => numberOf(id, bytes) ?? []);
  }

  text(id: number): string | undefined {
    const kind = kinds[id];
    if (kind !== 'utf8' && kind !== 'topic') return undefined;
    return this.list.find((property) => property.id === id)?.bytes.toString('utf8', 2);
  }

  has(id: number): boolean {
    return this.list.some((property) => property.id === id);
  }
}

/** The number that a property's value says; undefined for text and bytes. */
export function numberOf(id: number, bytes: Buffer): number | undefined {
  switch (kinds[id]) {
    case 'flag':
      return bytes[0];
    case 'uint16':
    case 'positive-uint16':
      return bytes.readUInt16BE();
    case 'uint32':
    case 'positive-uint32':
      return bytes.readUInt32BE();
    case 'positive-variable':
      return bytes.reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
    default:
      return undefined;
  }
}

/**
 * Reads a property list, length in front, of a packet that allows the identifiers in `allowed`. What is wrong with it
 * fails the reader, and the list is then empty.
 */
export function decodeProperties(reader: ByteReader, allowed: ReadonlySet<number>, what: string): Properties {
  const length = reader.variableByteInteger(`${what} length`);
  const bytes = reader.raw(length, what);
  const fault = findPropertyFault(bytes, 0, bytes.length, allowed);
  if (fault !== undefined) reader.fail(`${what}: ${fault.message}`, fault.reason);
  return new Properties(fault === undefined ? Buffer.from(bytes) : Buffer.alloc(0));
}

/** What is wrong with the property list (without its length) in `bytes` from `start` to `end`. */
export function propertyListFault(
  bytes: Buffer,
  start: number,
  end: number,
  allowed: ReadonlySet<number>,
): string | undefined {
  return findPropertyFault(bytes, start, end, allowed)?.message;
}

/** As `propertyListFault`, with the reason code. Nothing is allocated for a list of numbers and short ASCII text. */
export function findPropertyFault(
  bytes: Buffer,
  start: number,
  end: number,
  allowed: ReadonlySet<number>,
): PacketFault | undefined {
  let seenLow = 0;
  let seenHigh = 0;
  for (let at = start; at < end; ) {
    const id = bytes[at] as number;
    if (!allowed.has(id)) return malformed(id, 'does not belong there');
    const valueEnd = valueEndAt(bytes, at + 1, end, id);
    if (valueEnd < 0) return malformed(id, 'is cut short or not well-formed');
    if (id !== propertyId.userProperty && id !== propertyId.subscriptionIdentifier) {
      const bit = 1 << (id & 31);
      if (((id < 32 ? seenLow : seenHigh) & bit) !== 0) return forbidden(id, 'is given twice');
      if (id < 32) seenLow |= bit;
      else seenHigh |= bit;
    }
    const fault = valueFault(bytes, at + 1, valueEnd, id);
    if (fault !== undefined) return fault;
    at = valueEnd;
  }
  return undefined;
}

/** Visits the properties of a list without a fault, with the bounds of each value. */
export function forEachProperty(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (id: number, start: number, end: number) => void,
): void {
  for (let at = start; at < end; ) {
    const id = bytes[at] as number;
    const valueEnd = boundsEndAt(bytes, at + 1, end, kinds[id]);
    if (valueEnd < 0) return;
    visit(id, at + 1, valueEnd);
    at = valueEnd;
  }
}

function malformed(id: number, what: string): PacketFault {
  return { reason: reasonCode.malformedPacket, message: `property 0x${id.toString(16)} ${what}` };
}

function forbidden(id: number, what: string): PacketFault {
  const reason = id === propertyId.topicAlias ? reasonCode.topicAliasInvalid : reasonCode.protocolError;
  return { reason, message: `property 0x${id.toString(16)} ${what}` };
}

/** Where the value that begins at `at` ends; -1 when it is cut short, or its text or number is not well-formed. */
function valueEndAt(bytes: Buffer, at: number, end: number, id: number): number {
  const kind = kinds[id];
  const valueEnd = boundsEndAt(bytes, at, end, kind);
  if (valueEnd < 0) return -1;
  if (kind === 'utf8' || kind === 'topic') return isText(bytes, at + 2, valueEnd) ? valueEnd : -1;
  if (kind !== 'pair') return valueEnd;
  const nameEnd = textEndAt(bytes, at, end);
  return isText(bytes, at + 2, nameEnd) && isText(bytes, nameEnd + 2, valueEnd) ? valueEnd : -1;
}

function boundsEndAt(bytes: Buffer, at: number, end: number, kind: PropertyKind | undefined): number {
  switch (kind) {
    case 'flag':
      return at + 1 <= end ? at + 1 : -1;
    case 'uint16':
    case 'positive-uint16':
      return at + 2 <= end ? at + 2 : -1;
    case 'uint32':
    case 'positive-uint32':
      return at + 4 <= end ? at + 4 : -1;
    case 'positive-variable':
      return variableEndAt(bytes, at, end);
    case 'utf8':
    case 'topic':
    case 'binary':
      return textEndAt(bytes, at, end);
    case 'pair': {
      const nameEnd = textEndAt(bytes, at, end);
      return nameEnd < 0 ? -1 : textEndAt(bytes, nameEnd, end);
    }
    case undefined:
      return -1;
  }
}

function textEndAt(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return -1;
  const valueEnd = at + 2 + bytes.readUInt16BE(at);
  return valueEnd <= end ? valueEnd : -1;
}

/** At most four bytes, no more than the number needs [MQTT-1.5.5-1]. */
function variableEndAt(bytes: Buffer, at: number, end: number): number {
  for (let index = 0; index < 4 && at + index < end; index += 1) {
    const byte = bytes[at + index] as number;
    if (byte < 0x80) return byte === 0 && index > 0 ? -1 : at + index + 1;
  }
  return -1;
}

/** Well-formed UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. Short ASCII, the usual case, without a view. */
function isText(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= 64) {
    let at = start;
    for (; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === 0) return false;
      if (byte > 0x7f) break;
    }
    if (at === end) return true;
  }
  const text = bytes.subarray(start, end);
  return isUtf8(text) && !text.includes(0);
}

function valueFault(bytes: Buffer, start: number, end: number, id: number): PacketFault | undefined {
  switch (kinds[id]) {
    case 'flag':
      return (bytes[start] as number) > 1 ? forbidden(id, 'must be 0 or 1') : undefined;
    case 'positive-uint16':
      return bytes.readUInt16BE(start) === 0 ? forbidden(id, 'must not be 0') : undefined;
    case 'positive-uint32':
      return bytes.readUInt32BE(start) === 0 ? forbidden(id, 'must not be 0') : undefined;
    case 'positive-variable':
      return bytes[start] === 0 ? forbidden(id, 'must not be 0') : undefined;
    case 'topic':
      return isTopicName(bytes, start + 2, end) ? undefined : forbidden(id, 'must be a topic name');
    default:
      return undefined;
  }
}

/** Not empty [MQTT-4.7.3-1] and without `+` and `#` [MQTT-3.3.2-14]. */
function isTopicName(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] === 0x2b || bytes[at] === 0x23) return false;
  return start < end;
}

/** A property list with its length in front. */
export function encodePropertyList(list: readonly RawProperty[]): Buffer {
  const parts = list.flatMap(({ id, bytes }) => [uint8Field(id), bytes]);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([variableByteInteger(length), ...parts]);
}

export function uint8Property(id: number, value: number): RawProperty {
  return { id, bytes: uint8Field(value) };
}

export function uint16Property(id: number, value: number): RawProperty {
  return { id, bytes: uint16Field(value) };
}

export function uint32Property(id: number, value: number): RawProperty {
  return { id, bytes: uint32Field(value) };
}

export function variableProperty(id: number, value: number): RawProperty {
  return { id, bytes: variableByteInteger(value) };
}

export function utf8Property(id: number, text: string): RawProperty {
  return { id, bytes: utf8Field(text) };
}

export function binaryProperty(id: number, bytes: Buffer): RawProperty {
  return { id, bytes: binaryField(bytes) };
}

export function pairProperty(id: number, name: string, value: string): RawProperty {
  return { id, bytes: Buffer.concat([utf8Field(name), utf8Field(value)]) };
}
