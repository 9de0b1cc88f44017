import { ByteReader } from './byte-reader.ts';
import { maxRemainingLength, type ProtocolVersion, packetType } from './control-packet.ts';
import { reasonCode } from './reason-code.ts';

/** The lower four bits of a packet's first byte; 0 for the types that are not here [MQTT-2.1.3-1]. */
const flagsByType: Readonly<Record<number, number>> = {
  [packetType.pubrel]: 0x02, // [MQTT-3.6.1-1]
  [packetType.subscribe]: 0x02, // [MQTT-3.8.1-1]
  [packetType.unsubscribe]: 0x02, // [MQTT-3.10.1-1]
};

/**
 * Of a packet of MQTT 3.1: with QoS 1 in its header (PUBREL, SUBSCRIBE, UNSUBSCRIBE) it may have DUP, which clients set when
 * they send one again, and RETAIN is not used (§3.6, §3.8, §3.10). Of DISCONNECT no flag is used (§3.14).
 */
function flagsIgnoredIn31(type: number): number {
  if (type === packetType.disconnect) return 0x0f;
  return flagsByType[type] === undefined ? 0 : 0x09;
}

/**
 * Bytes of the largest packet that is taken apart; PUBLISH and CONNECT have bounds of their own. Filters and properties
 * become many times their bytes in memory, and 1 MiB already holds more filters than any device has.
 */
export const maxDecodedBytes = 1_048_576;

/** A reader of the body of one exact packet of that type, whose first byte and Remaining Length it has checked. */
export function openPacket(packet: Buffer, type: number, protocol: ProtocolVersion): ByteReader {
  const reader = new ByteReader(packet);
  if (packet.length > maxDecodedBytes) {
    reader.fail(`more than ${maxDecodedBytes} bytes in a packet of type ${type}`, reasonCode.packetTooLarge);
  }
  const firstByte = reader.uint8('first byte');
  if (firstByte >> 4 !== type) reader.fail(`expected a packet of type ${type}, got type ${firstByte >> 4}`);
  const flags = flagsByType[type] ?? 0;
  const ignored = protocol === '3.1' ? flagsIgnoredIn31(type) : 0;
  const given = firstByte & 0x0f & ~ignored;
  if (given !== flags) reader.fail(`the flags of a packet of type ${type} must be ${flags}, they are ${given}`);
  const remainingLength = reader.variableByteInteger('remaining length');
  if (reader.bytesLeft !== remainingLength) reader.fail('the remaining length is not the length of the packet');
  return reader;
}

/** One packet from its parts. Throws RangeError when they are longer than a Remaining Length can say. */
export function encodePacket(firstByte: number, parts: readonly Buffer[]): Buffer {
  const remainingLength = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([firstByte]), variableByteInteger(remainingLength), ...parts]);
}

/** In the fewest bytes [MQTT-1.5.5-1]. Throws RangeError above 268 435 455. */
export function variableByteInteger(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > maxRemainingLength) {
    throw new RangeError(`expected a variable byte integer, got ${value}`);
  }
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = (rest - low) / 128;
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function uint8Field(value: number): Buffer {
  const field = Buffer.allocUnsafe(1);
  field.writeUInt8(value);
  return field;
}

export function uint16Field(value: number): Buffer {
  const field = Buffer.allocUnsafe(2);
  field.writeUInt16BE(value);
  return field;
}

export function uint32Field(value: number): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeUInt32BE(value);
  return field;
}

/** With its length in front. Throws RangeError above 65 535 bytes. */
export function binaryField(bytes: Buffer): Buffer {
  return Buffer.concat([uint16Field(bytes.length), bytes]);
}

export function utf8Field(text: string): Buffer {
  return binaryField(Buffer.from(text, 'utf8'));
}
