import type { ProtocolVersion } from './control-packet.ts';
import { type PacketSpan, spanOfPacket } from './packet-stream.ts';
import type { PublishHead } from './publish-head.ts';

/** What a PUBLISH that goes on has other than the one that came. */
export interface PublishChange {
  readonly firstByte: number;
  readonly packetId: number;
  /** The version of the leg that it goes to. */
  readonly protocol: ProtocolVersion;
  /** UTF-8; absent: the topic stays. */
  readonly topic?: Buffer;
  /** Put in front of the properties that stay; only for MQTT 5. */
  readonly subscriptionIdentifiers?: readonly number[];
  /** Seconds that are left of the message expiry interval; absent: it stays. */
  readonly messageExpiryInterval?: number;
}

/**
 * The header of a PUBLISH encoded anew, for the payload to follow as it came. The topic alias never goes on: aliases end on
 * each leg. Properties go on in their order where both versions are MQTT 5, and are left out where not.
 */
export function encodePublishHead(head: PublishHead, change: PublishChange): Buffer {
  const { bytes } = head;
  const topic = change.topic ?? bytes.subarray(head.topicAt, head.topicEnd);
  const properties = change.protocol === '5' ? encodeProperties(head, change) : noBytes;
  const hasIdentifier = (change.firstByte & 0x06) !== 0;
  const variableBytes = 2 + topic.length + (hasIdentifier ? 2 : 0) + properties.length;
  const remainingLength = variableBytes + head.payloadBytes;
  const encoded = Buffer.allocUnsafe(1 + lengthBytes(remainingLength) + variableBytes);
  encoded[0] = change.firstByte;
  let at = writeLength(encoded, 1, remainingLength);
  at = encoded.writeUInt16BE(topic.length, at);
  at += topic.copy(encoded, at);
  if (hasIdentifier) at = encoded.writeUInt16BE(change.packetId, at);
  properties.copy(encoded, at);
  return encoded;
}

/** Bytes of the whole packet that `encodePublishHead` begins. */
export function changedPacketBytes(head: PublishHead, encodedHead: Buffer): number {
  return encodedHead.length + head.payloadBytes;
}

/** The packet that `encodedHead` begins, with as much of the payload as `head` has at hand. */
export function spanOfPublish(encodedHead: Buffer, head: PublishHead): PacketSpan {
  const span = spanOfPacket(Buffer.concat([encodedHead, head.bytes.subarray(head.payloadAt, head.end)]));
  span.packetBytes = changedPacketBytes(head, encodedHead);
  return span;
}

function encodeProperties(head: PublishHead, change: PublishChange): Buffer {
  const { bytes, properties, propertiesAt, payloadAt } = head;
  const identifiers = (change.subscriptionIdentifiers ?? []).map(encodeSubscriptionIdentifier);
  const kept = properties.isEmpty ? noBytes : Buffer.from(bytes.subarray(propertiesAt, payloadAt));
  if (change.messageExpiryInterval !== undefined && properties.messageExpiryInterval >= 0) {
    kept.writeUInt32BE(change.messageExpiryInterval, properties.messageExpiryAt + 1 - propertiesAt);
  }
  const aliasAt = properties.topicAlias === 0 ? kept.length : properties.topicAliasAt - propertiesAt;
  const list = Buffer.concat([...identifiers, kept.subarray(0, aliasAt), kept.subarray(aliasAt + topicAliasBytes)]);
  const length = Buffer.allocUnsafe(lengthBytes(list.length));
  writeLength(length, 0, list.length);
  return Buffer.concat([length, list]);
}

function encodeSubscriptionIdentifier(identifier: number): Buffer {
  const encoded = Buffer.allocUnsafe(1 + lengthBytes(identifier));
  encoded[0] = 0x0b;
  writeLength(encoded, 1, identifier);
  return encoded;
}

/** Bytes of a variable byte integer (MQTT 5 §1.5.5). */
export function lengthBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** Writes a variable byte integer; gives the offset behind it. */
export function writeLength(target: Buffer, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  do {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    target[at] = rest > 0 ? byte | 0x80 : byte;
    at += 1;
  } while (rest > 0);
  return at;
}

const topicAliasBytes = 3;
const noBytes = Buffer.alloc(0);
