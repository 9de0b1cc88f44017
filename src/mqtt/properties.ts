import type { ByteReader } from './byte-reader.ts';
import { binaryField, uint8Field, uint16Field, uint32Field, utf8Field, variableByteInteger } from './packet-bytes.ts';
import type { PacketFault } from './packet-fault.ts';
import { boundsEndAt, forbiddenValue, numberOf, textOf, valueEndAt } from './property-value.ts';
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

/** One property: its identifier and its value as on the wire. */
export interface RawProperty {
  readonly id: number;
  readonly bytes: Buffer;
}

/**
 * A property list without a fault. It keeps only a copy of its bytes: a peer that fills its CONNECT with properties costs
 * the bytes that it sent, and no larger buffer is held.
 */
export class Properties {
  readonly #bytes: Buffer;

  /** `bytes` is a list that `propertyListFault` found nothing in, without its length. */
  constructor(bytes: Buffer) {
    // Not Buffer.from: that takes a piece of a slab, which is then held as a whole.
    this.#bytes = Buffer.alloc(bytes.length);
    this.#bytes.set(bytes);
  }

  /** In the order of the wire; made anew each time. */
  get list(): readonly RawProperty[] {
    const list: RawProperty[] = [];
    forEachProperty(this.#bytes, 0, this.#bytes.length, (id, start, end) => {
      list.push({ id, bytes: this.#bytes.subarray(start, end) });
    });
    return list;
  }

  number(id: number): number | undefined {
    return this.numbers(id)[0];
  }

  /** Several only for Subscription Identifiers; empty for what is absent or no number. */
  numbers(id: number): readonly number[] {
    return this.#values(id).flatMap((bytes) => numberOf(id, bytes) ?? []);
  }

  text(id: number): string | undefined {
    const bytes = this.#values(id)[0];
    return bytes === undefined ? undefined : textOf(id, bytes);
  }

  has(id: number): boolean {
    return this.#values(id).length > 0;
  }

  #values(id: number): Buffer[] {
    const values: Buffer[] = [];
    forEachProperty(this.#bytes, 0, this.#bytes.length, (found, start, end) => {
      if (found === id) values.push(this.#bytes.subarray(start, end));
    });
    return values;
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
  return new Properties(fault === undefined ? bytes : bytes.subarray(0, 0));
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
    if (!allowed.has(id)) return misplaced(id, allowed);
    const valueEnd = valueEndAt(bytes, at + 1, end, id);
    if (valueEnd < 0) return malformed(id, 'is cut short or not well-formed');
    if (id !== propertyId.userProperty && id !== propertyId.subscriptionIdentifier) {
      const bit = 1 << (id & 31);
      if (((id < 32 ? seenLow : seenHigh) & bit) !== 0) return protocolError(id, 'is given twice');
      if (id < 32) seenLow |= bit;
      else seenHigh |= bit;
    }
    const wrong = forbiddenValue(bytes, at + 1, valueEnd, id);
    if (wrong !== undefined) return isZeroMalformed(id) ? malformed(id, wrong) : protocolError(id, wrong);
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
    const valueEnd = boundsEndAt(bytes, at + 1, end, id);
    if (valueEnd < 0) return;
    visit(id, at + 1, valueEnd);
    at = valueEnd;
  }
}

/** What the packet type knows, but not from this side, is a Protocol Error; what it does not know is malformed (§2.2.2.2). */
const otherSideOnly: ReadonlyMap<ReadonlySet<number>, number> = new Map([
  [allowedProperties.publishOfClient, propertyId.subscriptionIdentifier], // [MQTT-3.3.4-6]
  [allowedProperties.disconnectOfServer, propertyId.sessionExpiryInterval], // [MQTT-3.14.2-2]
  [allowedProperties.disconnectOfClient, propertyId.serverReference],
]);

/** MQTT 5 §4.13.1 leaves 0x81 or 0x82 open; of these two Mosquitto says 0x81. 0x94 is for an alias above the maximum. */
function isZeroMalformed(id: number): boolean {
  return id === propertyId.topicAlias || id === propertyId.subscriptionIdentifier;
}

function misplaced(id: number, allowed: ReadonlySet<number>): PacketFault {
  const what = 'does not belong there';
  return otherSideOnly.get(allowed) === id ? protocolError(id, what) : malformed(id, what);
}

function malformed(id: number, what: string): PacketFault {
  return { reason: reasonCode.malformedPacket, message: `property 0x${id.toString(16)} ${what}` };
}

function protocolError(id: number, what: string): PacketFault {
  return { reason: reasonCode.protocolError, message: `property 0x${id.toString(16)} ${what}` };
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
