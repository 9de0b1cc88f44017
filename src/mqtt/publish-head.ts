import type { ProtocolVersion } from './control-packet.ts';
import type { PacketSpan } from './packet-stream.ts';
import { isPlainText, PublishProperties } from './publish-properties.ts';

/**
 * The fixed and variable header of a PUBLISH, read in place (MQTT 5 §3.3). One object is used again for every packet of a
 * leg: it is true until the next `read`, and offsets count from the beginning of `bytes`.
 */
export class PublishHead {
  bytes: Buffer = noBytes;
  start = 0;
  end = 0;
  packetBytes = 0;
  firstByte = 0;
  qos: 0 | 1 | 2 = 0;
  topicAt = 0;
  topicEnd = 0;
  topicSlashes = 0;
  packetId = 0;
  /** Where the packet identifier stands; 0 at QoS 0. */
  packetIdAt = 0;
  /** Before MQTT 5 the list is empty and begins where the payload begins. */
  propertiesAt = 0;
  payloadAt = 0;
  readonly properties = new PublishProperties();
  readonly #hasProperties: boolean;
  readonly #isStrict: boolean;

  /** `isStrict`: a device's packet, where everything is checked; a broker's is only taken apart. */
  constructor(protocol: ProtocolVersion, isStrict: boolean) {
    this.#hasProperties = protocol === '5';
    this.#isStrict = isStrict;
  }

  get isDuplicate(): boolean {
    return (this.firstByte & 0x08) !== 0;
  }

  get retain(): boolean {
    return (this.firstByte & 0x01) !== 0;
  }

  get topicBytes(): number {
    return this.topicEnd - this.topicAt;
  }

  get payloadBytes(): number {
    return this.packetBytes - (this.payloadAt - this.start);
  }

  get beginsWithDollar(): boolean {
    return this.topicEnd > this.topicAt && this.bytes[this.topicAt] === 0x24;
  }

  get hasTopicAlias(): boolean {
    return this.properties.topicAlias !== 0;
  }

  readonly topic = (): string => this.bytes.toString('utf8', this.topicAt, this.topicEnd);

  /** Gives the MQTT 5 reason code of what is wrong with the packet, or 0. */
  read({ bytes, start, body, end, packetBytes }: PacketSpan): number {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.packetBytes = packetBytes;
    const firstByte = bytes[start] as number;
    this.firstByte = firstByte;
    const qos = (firstByte >> 1) & 0x03;
    this.qos = qos as 0 | 1 | 2;
    this.topicAt = body + 2;
    if (this.topicAt > end) return malformed;
    const topicEnd = this.topicAt + (((bytes[body] as number) << 8) | (bytes[body + 1] as number));
    this.topicEnd = topicEnd;
    const identifierEnd = qos === 0 ? topicEnd : topicEnd + 2;
    if (identifierEnd > end) return malformed;
    this.packetIdAt = 0;
    this.packetId = 0;
    if (qos !== 0) {
      this.packetIdAt = topicEnd;
      this.packetId = ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number);
      if (this.packetId === 0) return protocolError; // [MQTT-2.2.1-3]
    }
    return this.#hasProperties ? this.#readProperties(identifierEnd) : this.#endHead(identifierEnd, identifierEnd);
  }

  #readProperties(at: number): number {
    const { bytes, end } = this;
    let length = 0;
    for (let index = 0, multiplier = 1; index < 4; index += 1, multiplier *= 128) {
      if (at + index >= end) return malformed;
      const byte = bytes[at + index] as number;
      length += (byte & 0x7f) * multiplier;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) return malformed;
        const propertiesAt = at + index + 1;
        const payloadAt = propertiesAt + length;
        if (payloadAt > end) return malformed;
        return this.properties.read(bytes, propertiesAt, payloadAt) || this.#endHead(propertiesAt, payloadAt);
      }
    }
    return malformed;
  }

  #endHead(propertiesAt: number, payloadAt: number): number {
    this.propertiesAt = propertiesAt;
    this.payloadAt = payloadAt;
    return this.#isStrict ? this.#checkTopic() : 0;
  }

  #checkTopic(): number {
    const { bytes, topicEnd } = this;
    let slashes = 0;
    let isAscii = true;
    for (let at = this.topicAt; at < topicEnd; at += 1) {
      const byte = bytes[at] as number;
      if (byte === 0x2f) slashes += 1;
      else if (byte === 0x23 || byte === 0x2b)
        return protocolError; // [MQTT-3.3.2-2]; 0x90 is for a name that is well-formed and not accepted (MQTT 5 §3.14.2.1)
      else if (byte === 0) return malformed;
      else if (byte > 0x7f) isAscii = false;
    }
    this.topicSlashes = slashes;
    if (!isAscii && !isPlainText(bytes, this.topicAt, topicEnd)) return malformed;
    if (topicEnd === this.topicAt && !(this.#hasProperties && this.hasTopicAlias)) {
      return protocolError; // [MQTT-4.7.3-1], MQTT 5 §3.3.2.1
    }
    return 0;
  }
}

const malformed = 0x81;
const protocolError = 0x82;
const noBytes = Buffer.alloc(0);
