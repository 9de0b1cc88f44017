import type { ByteReader } from './byte-reader.ts';
import { type ProtocolVersion, packetType } from './control-packet.ts';
import { encodePacket, openPacket, uint8Field, uint16Field, utf8Field } from './packet-bytes.ts';
import { decodingOf, type PacketDecoding } from './packet-fault.ts';
import {
  allowedProperties,
  decodeProperties,
  encodePropertyList,
  type Properties,
  propertyId,
  type RawProperty,
  variableProperty,
} from './properties.ts';
import { reasonCode } from './reason-code.ts';
import { topicFilterFault } from './topic.ts';

/** One filter with its options; before MQTT 5 there is only the QoS, and the others are false and 0. */
/** In one packet: no session holds more, and each costs far more to plan than to read. */
const maxFilters = 10_000;
const tooManyFilters = `there are more than ${maxFilters} topic filters`;

export interface SubscriptionRequest {
  /** As asked for, with `$share/name/` if it has that. */
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  readonly packetId: number;
  /** At least one, in the order of the wire. */
  readonly requests: readonly SubscriptionRequest[];
  readonly subscriptionIdentifier?: number;
  readonly userProperties: readonly RawProperty[];
}

export interface UnsubscribePacket {
  readonly packetId: number;
  /** At least one, in the order of the wire. */
  readonly filters: readonly string[];
  readonly userProperties: readonly RawProperty[];
}

/**
 * Decodes one exact SUBSCRIBE, fixed header included. MQTT 5 §4.13.1 leaves it open whether a mistake is 0x81 or 0x82; it is
 * what Mosquitto says.
 */
export function decodeSubscribe(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<SubscribePacket> {
  const reader = openPacket(packet, packetType.subscribe, protocol);
  const packetId = decodePacketId(reader);
  const properties = protocol === '5' ? decodeProperties(reader, allowedProperties.subscribe, 'properties') : undefined;
  const identifiers = properties?.numbers(propertyId.subscriptionIdentifier) ?? [];
  if (identifiers.length > 1) reader.fail('two subscription identifiers', reasonCode.protocolError); // §3.8.2.1.2
  const requests: SubscriptionRequest[] = [];
  while (reader.bytesLeft > 0) {
    requests.push(decodeRequest(reader, protocol));
    if (requests.length > maxFilters) reader.fail(tooManyFilters, reasonCode.quotaExceeded);
  }
  if (requests.length === 0) reader.fail('there is no topic filter'); // [MQTT-3.8.3-2]
  return decodingOf(reader, {
    packetId,
    requests,
    ...(identifiers[0] === undefined ? {} : { subscriptionIdentifier: identifiers[0] }),
    userProperties: userPropertiesOf(properties),
  });
}

/** Before MQTT 5 only filters and QoS are written. */
export function encodeSubscribe(protocol: ProtocolVersion, packet: SubscribePacket): Buffer {
  const parts = [uint16Field(packet.packetId)];
  if (protocol === '5') {
    const { subscriptionIdentifier } = packet;
    const identifier =
      subscriptionIdentifier === undefined
        ? []
        : [variableProperty(propertyId.subscriptionIdentifier, subscriptionIdentifier)];
    parts.push(encodePropertyList([...identifier, ...packet.userProperties]));
  }
  for (const request of packet.requests) {
    parts.push(utf8Field(request.filter), uint8Field(protocol === '5' ? optionsOf(request) : request.qos));
  }
  return encodePacket((packetType.subscribe << 4) | 0x02, parts);
}

/** Decodes one exact UNSUBSCRIBE, fixed header included. */
export function decodeUnsubscribe(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<UnsubscribePacket> {
  const reader = openPacket(packet, packetType.unsubscribe, protocol);
  const packetId = decodePacketId(reader);
  const properties =
    protocol === '5' ? decodeProperties(reader, allowedProperties.unsubscribe, 'properties') : undefined;
  const filters: string[] = [];
  while (reader.bytesLeft > 0) {
    filters.push(decodeFilter(reader, protocol));
    if (filters.length > maxFilters) reader.fail(tooManyFilters, reasonCode.quotaExceeded);
  }
  if (filters.length === 0) reader.fail('there is no topic filter'); // [MQTT-3.10.3-2]
  return decodingOf(reader, { packetId, filters, userProperties: userPropertiesOf(properties) });
}

export function encodeUnsubscribe(protocol: ProtocolVersion, packet: UnsubscribePacket): Buffer {
  const properties = protocol === '5' ? [encodePropertyList(packet.userProperties)] : [];
  const filters = packet.filters.map((filter) => utf8Field(filter));
  return encodePacket((packetType.unsubscribe << 4) | 0x02, [uint16Field(packet.packetId), ...properties, ...filters]);
}

function decodePacketId(reader: ByteReader): number {
  const packetId = reader.uint16('packet identifier');
  if (packetId === 0) reader.fail('the packet identifier is 0'); // [MQTT-2.2.1-3]
  return packetId;
}

function decodeFilter(reader: ByteReader, protocol: ProtocolVersion): string {
  const filter = reader.utf8('topic filter');
  const fault = reader.problem === undefined ? topicFilterFault(filter, protocol) : undefined;
  // Not 0x8F: that is for a filter that is well-formed and not accepted (MQTT 5 §2.4).
  if (fault !== undefined) reader.fail(fault);
  return filter;
}

function decodeRequest(reader: ByteReader, protocol: ProtocolVersion): SubscriptionRequest {
  const filter = decodeFilter(reader, protocol);
  const options = reader.uint8('subscription options');
  const qos = options & 0x03;
  const retainHandling = (options >> 4) & 0x03;
  const noLocal = (options & 0x04) !== 0;
  const reserved = protocol === '5' ? 0xc0 : 0xfc;
  // [MQTT-3.8.3-5]; before MQTT 5 [MQTT-3-8.3-4] of 3.1.1.
  if ((options & reserved) !== 0) reader.fail('reserved bits of the subscription options are set');
  if (qos === 3) reader.fail('the requested QoS is 3');
  if (retainHandling === 3) reader.fail('retain handling is 3'); // MQTT 5 §3.8.3.1
  if (noLocal && filter.startsWith('$share/')) {
    reader.fail('no local on a shared subscription', reasonCode.protocolError); // [MQTT-3.8.3-4]
  }
  return {
    filter,
    qos: qos === 2 ? 2 : qos === 1 ? 1 : 0,
    noLocal,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling: retainHandling === 2 ? 2 : retainHandling === 1 ? 1 : 0,
  };
}

function optionsOf({ qos, noLocal, retainAsPublished, retainHandling }: SubscriptionRequest): number {
  return qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4);
}

function userPropertiesOf(properties: Properties | undefined): readonly RawProperty[] {
  return properties?.list.filter(({ id }) => id === propertyId.userProperty) ?? [];
}
