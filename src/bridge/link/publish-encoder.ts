import { maxPacketBytes, type ProtocolVersion, packetType } from '../../mqtt/control-packet.ts';
import { propertyId } from '../../mqtt/properties.ts';
import type { BridgedMessage } from './bridged-message.ts';

/** Above this a packet gets bytes of its own, so that one large message does not stay in memory for ever. */
const scratchBytes = 65_536;

/** Writes PUBLISH packets as one target gets them, one after the other into the same bytes. */
export class PublishEncoder {
  readonly #isFive: boolean;
  readonly #marks: Buffer;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);

  /** `marks` stand behind the message's own properties; only MQTT 5 shows them. */
  constructor(protocol: ProtocolVersion, marks: Buffer) {
    this.#isFive = protocol === '5';
    this.#marks = marks;
  }

  /** Bytes of the whole packet. Throws RangeError where the topic or the packet is longer than MQTT can say. */
  sizeOf(message: BridgedMessage): number {
    const topicBytes = Buffer.byteLength(message.topic);
    if (topicBytes > 0xffff) throw new RangeError(`expected a topic of at most 65535 bytes, got ${topicBytes}`);
    const propertyBytes = this.#propertyBytes(message);
    const properties = this.#isFive ? lengthBytes(propertyBytes) + propertyBytes : 0;
    const remaining = 2 + topicBytes + (message.qos === 0 ? 0 : 2) + properties + message.payload.length;
    const packetBytes = 1 + lengthBytes(remaining) + remaining;
    if (packetBytes > maxPacketBytes)
      throw new RangeError(`expected a packet that MQTT can say, got ${packetBytes} bytes`);
    return packetBytes;
  }

  /** `packetBytes` as `sizeOf` gave it. What comes back begins with the packet, and is another's at the next call. */
  encode(
    message: BridgedMessage,
    {
      packetBytes,
      packetId,
      retain,
      wallMs,
    }: { packetBytes: number; packetId: number; retain: boolean; wallMs: number },
  ): Buffer {
    const bytes = packetBytes <= scratchBytes ? this.#scratch : Buffer.allocUnsafe(packetBytes);
    bytes[0] = (packetType.publish << 4) | (message.qos === 0 ? 0 : 2) | (retain ? 1 : 0);
    let at = writeLength(bytes, 1, remainingOf(packetBytes));
    at = writeTopic(bytes, at, message.topic);
    if (message.qos !== 0) at = writeUint16(bytes, at, packetId);
    if (this.#isFive) at = this.#writeProperties(bytes, at, message, wallMs);
    message.payload.copy(bytes, at);
    return bytes;
  }

  #propertyBytes({ properties, expiresAtMs }: BridgedMessage): number {
    return properties.length + this.#marks.length + (expiresAtMs === Number.POSITIVE_INFINITY ? 0 : expiryBytes);
  }

  #writeProperties(bytes: Buffer, start: number, message: BridgedMessage, wallMs: number): number {
    let at = writeLength(bytes, start, this.#propertyBytes(message));
    if (message.properties.length > 0) at += message.properties.copy(bytes, at);
    if (this.#marks.length > 0) {
      bytes.set(this.#marks, at);
      at += this.#marks.length;
    }
    if (message.expiresAtMs === Number.POSITIVE_INFINITY) return at;
    // What is left of the message's time, in whole seconds upwards (MQTT 5 §3.3.2.3.3).
    bytes[at] = propertyId.messageExpiryInterval;
    const seconds = Math.min(0xffff_ffff, Math.max(1, Math.ceil((message.expiresAtMs - wallMs) / 1_000)));
    return bytes.writeUInt32BE(seconds, at + 1);
  }
}

const expiryBytes = 5;

function lengthBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** The Remaining Length of a packet of so many bytes. */
function remainingOf(packetBytes: number): number {
  let length = 1;
  while (lengthBytes(packetBytes - 1 - length) > length) length += 1;
  return packetBytes - 1 - length;
}

/** A variable byte integer of at most four bytes [MQTT-1.5.5-1]; gives where it ends. */
function writeLength(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

function writeUint16(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
  return at + 2;
}

/** With its length in front; most topics are ASCII, and short enough for a loop. */
function writeTopic(bytes: Buffer, start: number, topic: string): number {
  const text = start + 2;
  let at = text;
  for (let index = 0; index < topic.length; index += 1) {
    const code = topic.charCodeAt(index);
    if (code > 0x7f) {
      at = text + bytes.write(topic, text);
      break;
    }
    bytes[at] = code;
    at += 1;
  }
  writeUint16(bytes, start, at - text);
  return at;
}
