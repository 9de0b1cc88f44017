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
export function messageOf(head: PublishHead, wallMs: () => number): BridgedMessage {
  const { properties } = head;
  const expiry = properties.messageExpiryInterval;
  const kept = properties.isEmpty ? noBytes : keptProperties(head);
  return {
    topic: head.topic(),
    qos: head.qos,
    retain: head.retain,
    properties: kept,
    payload: Buffer.from(head.bytes.subarray(head.payloadAt, head.end)),
    expiresAtMs: expiry < 0 ? Number.POSITIVE_INFINITY : wallMs() + expiry * 1_000,
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
