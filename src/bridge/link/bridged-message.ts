import { type ProtocolVersion, packetType } from '../../mqtt/control-packet.ts';
import { variableByteInteger } from '../../mqtt/packet-bytes.ts';
import { forEachProperty, pairProperty, propertyId } from '../../mqtt/properties.ts';
import type { PublishHead } from '../../mqtt/publish-head.ts';

/** An application message on its way through the bridge. Its buffers are its own. */
export interface BridgedMessage {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** MQTT 5 properties that go on, as on the wire, without their length; no expiry, alias or subscription identifier. */
  readonly properties: Buffer;
  readonly payload: Buffer;
  /** Milliseconds since the Unix epoch, by the bridge's own clock; infinity: it never expires. */
  readonly expiresAtMs: number;
  /** It has been carried by a bridge already. */
  readonly isMarked: boolean;
}

/** User properties that say that a message was carried: by which hop count, and from which broker. */
export const hopsProperty = 'crossfade-hops';
export const originProperty = 'crossfade-origin';

const noBytes = Buffer.alloc(0);
const hopsName = Buffer.from(hopsProperty);

/** Copies what a PUBLISH says; of a payload that is not whole, as much as is there. */
export function messageOf(head: PublishHead, wallMs: number): BridgedMessage {
  const { properties } = head;
  const expiry = properties.messageExpiryInterval;
  const kept = properties.isEmpty ? noBytes : keptProperties(head);
  return {
    topic: head.topic(),
    qos: head.qos,
    retain: head.retain,
    properties: kept,
    payload: Buffer.from(head.bytes.subarray(head.payloadAt, head.end)),
    expiresAtMs: expiry < 0 ? Number.POSITIVE_INFINITY : wallMs + expiry * 1_000,
    isMarked: kept.length > 0 && isMarked(kept),
  };
}

function keptProperties({ bytes, propertiesAt, payloadAt }: PublishHead): Buffer {
  const kept: Buffer[] = [];
  forEachProperty(bytes, propertiesAt, payloadAt, (id, start, end) => {
    const endsHere =
      id === propertyId.topicAlias ||
      id === propertyId.subscriptionIdentifier ||
      id === propertyId.messageExpiryInterval;
    if (!endsHere) kept.push(bytes.subarray(start - 1, end));
  });
  return Buffer.concat(kept);
}

function isMarked(properties: Buffer): boolean {
  let found = false;
  forEachProperty(properties, 0, properties.length, (id, start) => {
    if (id !== propertyId.userProperty) return;
    const nameEnd = start + 2 + properties.readUInt16BE(start);
    if (properties.subarray(start + 2, nameEnd).equals(hopsName)) found = true;
  });
  return found;
}

/** The marks as they stand in a property list, without its length. */
export function originMarks(origin: string): Buffer {
  const marks = [
    pairProperty(propertyId.userProperty, hopsProperty, '1'),
    pairProperty(propertyId.userProperty, originProperty, origin),
  ];
  return Buffer.concat(marks.flatMap(({ id, bytes }) => [Buffer.from([id]), bytes]));
}

export interface PublishForm {
  readonly protocol: ProtocolVersion;
  /** Put behind the message's own properties; only MQTT 5 shows them. */
  readonly marks: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly wallMs: number;
}

/** One PUBLISH, with 0 where its packet identifier will stand. */
export interface EncodedPublish {
  readonly bytes: Buffer;
  /** 0 at QoS 0. */
  readonly packetIdAt: number;
}

/** Throws RangeError where the topic or the packet is longer than MQTT can say. */
export function encodePublish(message: BridgedMessage, form: PublishForm): EncodedPublish {
  const { topic, payload } = message;
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes > 0xffff) throw new RangeError(`expected a topic of at most 65535 bytes, got ${topicBytes}`);
  const properties =
    form.protocol === '5' ? [message.properties, form.marks, expiryProperty(message, form.wallMs)] : [];
  const propertyBytes = properties.reduce((sum, { length }) => sum + length, 0);
  const propertyLength = form.protocol === '5' ? variableByteInteger(propertyBytes) : noBytes;
  const identifierBytes = form.qos === 0 ? 0 : 2;
  const remaining = 2 + topicBytes + identifierBytes + propertyLength.length + propertyBytes + payload.length;
  const length = variableByteInteger(remaining);
  const bytes = Buffer.allocUnsafe(1 + length.length + remaining);
  bytes[0] = (packetType.publish << 4) | (form.qos << 1) | (form.retain ? 1 : 0);
  let at = 1 + length.copy(bytes, 1);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at);
  const packetIdAt = identifierBytes === 0 ? 0 : at;
  if (identifierBytes > 0) at = bytes.writeUInt16BE(0, at);
  at += propertyLength.copy(bytes, at);
  for (const list of properties) at += list.copy(bytes, at);
  payload.copy(bytes, at);
  return { bytes, packetIdAt };
}

/** What is left of the message's time, in whole seconds upwards (MQTT 5 §3.3.2.3.3). */
function expiryProperty({ expiresAtMs }: BridgedMessage, wallMs: number): Buffer {
  if (expiresAtMs === Number.POSITIVE_INFINITY) return noBytes;
  const property = Buffer.allocUnsafe(5);
  property[0] = propertyId.messageExpiryInterval;
  property.writeUInt32BE(Math.min(0xffff_ffff, Math.max(1, Math.ceil((expiresAtMs - wallMs) / 1_000))), 1);
  return property;
}
