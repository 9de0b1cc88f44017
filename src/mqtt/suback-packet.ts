import { type ProtocolVersion, packetType } from './control-packet.ts';
import { encodePacket, openPacket, uint16Field } from './packet-bytes.ts';
import { decodingOf, type PacketDecoding } from './packet-fault.ts';
import { allowedProperties, decodeProperties, encodePropertyList, type RawProperty } from './properties.ts';
import { knownReasons, reasonCode } from './reason-code.ts';

/** A SUBACK or an UNSUBACK. */
export interface SubackPacket {
  readonly packetId: number;
  /** As on the wire, one for each filter; an UNSUBACK before MQTT 5 has none. */
  readonly codes: readonly number[];
  /** Empty before MQTT 5. */
  readonly properties: readonly RawProperty[];
}

/** MQTT 3.1 knows no 0x80, but its brokers say it. */
const codesBefore5: ReadonlySet<number> = new Set([0x00, 0x01, 0x02, 0x80]); // [MQTT-3.9.3-2] of 3.1.1

/** Decodes one exact SUBACK, fixed header included. */
export function decodeSuback(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<SubackPacket> {
  return decode(packet, protocol, {
    type: packetType.suback,
    known: protocol === '5' ? knownReasons.suback : codesBefore5,
  });
}

export function encodeSuback(protocol: ProtocolVersion, packet: SubackPacket): Buffer {
  return encode(protocol, packetType.suback, packet);
}

/** Decodes one exact UNSUBACK, fixed header included. */
export function decodeUnsuback(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<SubackPacket> {
  const known = protocol === '5' ? knownReasons.unsuback : undefined;
  return decode(packet, protocol, { type: packetType.unsuback, known });
}

/** Before MQTT 5 the codes are left out. */
export function encodeUnsuback(protocol: ProtocolVersion, packet: SubackPacket): Buffer {
  return encode(protocol, packetType.unsuback, protocol === '5' ? packet : { ...packet, codes: [] });
}

/** `known` undefined: the packet has no codes. */
function decode(
  packet: Buffer,
  protocol: ProtocolVersion,
  { type, known }: { readonly type: number; readonly known: ReadonlySet<number> | undefined },
): PacketDecoding<SubackPacket> {
  const reader = openPacket(packet, type, protocol);
  const packetId = reader.uint16('packet identifier');
  if (packetId === 0) reader.fail('the packet identifier is 0', reasonCode.protocolError); // [MQTT-2.2.1-3]
  const properties =
    protocol === '5' ? decodeProperties(reader, allowedProperties.acknowledgement, 'properties').list : [];
  const codes = known === undefined ? [] : [...reader.raw(reader.bytesLeft, 'codes')];
  const unknown = codes.find((code) => known?.has(code) === false);
  if (unknown !== undefined) {
    reader.fail(`code 0x${unknown.toString(16)} does not belong there`, reasonCode.protocolError);
  }
  // One for each filter [MQTT-3.8.4-6], and there was at least one.
  if (known !== undefined && codes.length === 0) reader.fail('there is no code', reasonCode.protocolError);
  return decodingOf(reader, { packetId, codes, properties });
}

function encode(protocol: ProtocolVersion, type: number, { packetId, codes, properties }: SubackPacket): Buffer {
  const list = protocol === '5' ? [encodePropertyList(properties)] : [];
  return encodePacket(type << 4, [uint16Field(packetId), ...list, Buffer.from(codes)]);
}
