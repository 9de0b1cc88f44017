import type { ProtocolVersion } from './control-packet.ts';
import { uint16Field, variableByteInteger } from './packet-bytes.ts';
import { type PacketSpan, spanOfPacket } from './packet-stream.ts';
import { propertyId } from './properties.ts';
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
}

/**
 * The header of a PUBLISH encoded anew, for the payload to follow as it came. The topic alias never goes on: aliases end on
 * each leg. Properties go on in their order where both versions are MQTT 5, and are left out where not.
 */
export function encodePublishHead(head: PublishHead, change: PublishChange): Buffer {
  const { bytes } = head;
  const topic = change.topic ?? bytes.subarray(head.topicAt, head.topicEnd);
  const properties = change.protocol === '5' ? encodeProperties(head, change) : noBytes;
  const identifier = (change.firstByte & 0x06) === 0 ? noBytes : uint16Field(change.packetId);
  const variable = [uint16Field(topic.length), topic, identifier, properties];
  const remainingLength = variable.reduce((sum, { length }) => sum + length, head.payloadBytes);
  return Buffer.concat([Buffer.from([change.firstByte]), variableByteInteger(remainingLength), ...variable]);
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
  const identifiers = (change.subscriptionIdentifiers ?? []).flatMap((identifier) => [
    Buffer.from([propertyId.subscriptionIdentifier]),
    variableByteInteger(identifier),
  ]);
  const kept = properties.isEmpty ? noBytes : bytes.subarray(propertiesAt, payloadAt);
  const aliasAt = properties.topicAlias === 0 ? kept.length : properties.topicAliasAt - propertiesAt;
  const list = Buffer.concat([...identifiers, kept.subarray(0, aliasAt), kept.subarray(aliasAt + topicAliasBytes)]);
  return Buffer.concat([variableByteInteger(list.length), list]);
}

const topicAliasBytes = 3;
const noBytes = Buffer.alloc(0);
