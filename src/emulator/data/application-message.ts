import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import { encodePacket, uint16Field, utf8Field } from '../../mqtt/packet-bytes.ts';
import {
  encodePropertyList,
  forEachProperty,
  pairProperty,
  propertyId,
  type RawProperty,
  uint16Property,
  uint32Property,
} from '../../mqtt/properties.ts';

export type UserProperty = readonly [name: string, value: string];

export interface ApplicationMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  /** As it was published. */
  readonly retain: boolean;
  /** Of MQTT 5, without topic alias and message expiry: those are said anew for each receiver. */
  readonly properties: readonly RawProperty[];
  /** Infinity: never. */
  readonly expiresAtMs: number;
}

/** What differs between the copies of one message. */
export interface MessageCopy {
  readonly protocol: ProtocolVersion;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** 0 at QoS 0. */
  readonly packetId: number;
  /** `isKnown`: the client has the topic of this alias already. */
  readonly alias?: { readonly number: number; readonly isKnown: boolean };
}

/** AWS documents 1 to 604 800 seconds: 0 becomes 1, and more becomes that. */
const maxExpirySeconds = 604_800;

/** When a message with a Message Expiry Interval ends; `seconds` undefined: never. */
export function messageExpiry(seconds: number | undefined, nowMs: number): number {
  if (seconds === undefined) return Number.POSITIVE_INFINITY;
  return nowMs + Math.min(maxExpirySeconds, Math.max(1, seconds)) * 1_000;
}

/** Bytes that a message that is kept is counted with: what it holds, and what holding it costs. */
export function keptBytes({ topic, payload, properties }: ApplicationMessage): number {
  return 256 + 2 * topic.length + payload.length + properties.reduce((sum, { bytes }) => sum + bytes.length + 96, 0);
}

/** A PUBLISH. It never has DUP: AWS does not support it. */
export function encodePublish(message: ApplicationMessage, copy: MessageCopy, nowMs: number): Buffer {
  const { topic, payload, properties, expiresAtMs } = message;
  const { protocol, qos, retain, packetId, alias } = copy;
  const parts = [utf8Field(alias?.isKnown === true ? '' : topic)];
  if (qos === 1) parts.push(uint16Field(packetId));
  if (protocol === '5') {
    const list = [...properties];
    if (expiresAtMs !== Number.POSITIVE_INFINITY) {
      list.push(
        uint32Property(propertyId.messageExpiryInterval, Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1_000))),
      );
    }
    if (alias !== undefined) list.push(uint16Property(propertyId.topicAlias, alias.number));
    parts.push(encodePropertyList(list));
  }
  parts.push(payload);
  return encodePacket(0x30 | (qos << 1) | (retain ? 1 : 0), parts);
}

/** The properties of a list without a fault that go with the message, copied. */
export function messagePropertiesIn(bytes: Buffer, start: number, end: number): RawProperty[] {
  const kept: RawProperty[] = [];
  forEachProperty(bytes, start, end, (id, from, to) => {
    if (id === propertyId.topicAlias || id === propertyId.messageExpiryInterval) return;
    kept.push({ id, bytes: Buffer.from(bytes.subarray(from, to)) });
  });
  return kept;
}

export function toRawProperties(pairs: readonly UserProperty[]): RawProperty[] {
  return pairs.map(([name, value]) => pairProperty(propertyId.userProperty, name, value));
}

export function userPropertiesOf(properties: readonly RawProperty[]): UserProperty[] {
  return properties.filter(({ id }) => id === propertyId.userProperty).map(({ bytes }) => readPair(bytes));
}

function readPair(bytes: Buffer): UserProperty {
  const nameEnd = 2 + bytes.readUInt16BE(0);
  return [bytes.toString('utf8', 2, nameEnd), bytes.toString('utf8', nameEnd + 2)];
}
