import type { ProtocolVersion } from './control-packet.ts';
import { encodePacket, openPacket, uint8Field, uint16Field } from './packet-bytes.ts';
import { decodingOf, type PacketDecoding } from './packet-fault.ts';
import { allowedProperties, decodeProperties, encodePropertyList, type RawProperty } from './properties.ts';
import { knownReasons, reasonCode } from './reason-code.ts';

/** PUBACK 4, PUBREC 5, PUBREL 6 or PUBCOMP 7. */
export interface Acknowledgement {
  readonly type: 4 | 5 | 6 | 7;
  readonly packetId: number;
  /** 0 before MQTT 5. */
  readonly reason: number;
  readonly properties: readonly RawProperty[];
}

const reasonsByType: Readonly<Record<Acknowledgement['type'], ReadonlySet<number>>> = {
  4: knownReasons.puback,
  5: knownReasons.pubrec,
  6: knownReasons.pubrel,
  7: knownReasons.pubcomp,
};

const none: readonly RawProperty[] = [];

/** Decodes one exact packet, fixed header included; its first byte says which of the four it is. */
export function decodeAcknowledgement(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<Acknowledgement> {
  const type = acknowledgementType((packet[0] ?? 0) >> 4);
  const reader = openPacket(packet, type ?? 4, protocol);
  const packetId = reader.uint16('packet identifier');
  if (packetId === 0) reader.fail('the packet identifier is 0', reasonCode.protocolError); // [MQTT-2.2.1-3]
  // MQTT 5 §3.4.2.1: reason and properties may be missing; before MQTT 5 nothing stands behind the identifier.
  const hasReason = protocol === '5' && reader.bytesLeft > 0;
  const reason = hasReason ? reader.uint8('reason') : reasonCode.success;
  if (!reasonsByType[type ?? 4].has(reason)) {
    reader.fail(`reason 0x${reason.toString(16)} does not belong there`, reasonCode.protocolError);
  }
  const hasProperties = hasReason && reader.bytesLeft > 0;
  const properties = hasProperties
    ? decodeProperties(reader, allowedProperties.acknowledgement, 'properties').list
    : none;
  return decodingOf(reader, { type: type ?? 4, packetId, reason, properties });
}

/** The shortest legal form; before MQTT 5 always four bytes, whatever reason and properties are given. */
export function encodeAcknowledgement(
  protocol: ProtocolVersion,
  acknowledgement: Pick<Acknowledgement, 'type' | 'packetId'> & Partial<Acknowledgement>,
): Buffer {
  const { type, packetId, reason = reasonCode.success, properties = none } = acknowledgement;
  const firstByte = (type << 4) | (type === 6 ? 0x02 : 0);
  const parts = [uint16Field(packetId)];
  const isLong = protocol === '5' && properties.length > 0;
  if (isLong || (protocol === '5' && reason !== reasonCode.success)) parts.push(uint8Field(reason));
  if (isLong) parts.push(encodePropertyList(properties));
  return encodePacket(firstByte, parts);
}

function acknowledgementType(type: number): Acknowledgement['type'] | undefined {
  return type === 4 || type === 5 || type === 6 || type === 7 ? type : undefined;
}
