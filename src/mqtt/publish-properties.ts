import { isUtf8 } from 'node:buffer';
import { propertyId } from './properties.ts';

/**
 * The properties of a PUBLISH, read in place: what the gateway looks at and whether the list is well-formed (MQTT 5
 * §3.3.2.3). One object is used again for every packet.
 */
export class PublishProperties {
  /** 0: none. */
  topicAlias = 0;
  /** Where the alias stands, identifier included; it is three bytes long. */
  topicAliasAt = 0;
  /** Seconds; -1: none. */
  messageExpiryInterval = -1;
  messageExpiryAt = 0;
  hasSubscriptionIdentifier = false;
  /** Whether any stands there; the list may be empty. */
  isEmpty = true;
  #at = 0;
  #end = 0;
  #bytes: Buffer = noBytes;
  #seen = 0;

  /** Reads `bytes` from `start` to `end`; gives the MQTT 5 reason code of what is wrong, or 0. */
  read(bytes: Buffer, start: number, end: number): number {
    this.topicAlias = 0;
    this.messageExpiryInterval = -1;
    this.hasSubscriptionIdentifier = false;
    this.isEmpty = start === end;
    if (this.isEmpty) return 0;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#seen = 0;
    while (this.#at < end) {
      const fault = this.#readOne();
      if (fault !== 0) return fault;
    }
    return 0;
  }

  #readOne(): number {
    const at = this.#at;
    const id = this.#bytes[at] as number;
    this.#at += 1;
    if (id === propertyId.userProperty) return this.#skipText() || this.#skipText();
    if (id === propertyId.subscriptionIdentifier) return this.#skipSubscriptionIdentifier();
    if (id === propertyId.topicAlias) return this.topicAlias === 0 ? this.#readAlias(at) : protocolError;
    if (id > 31) return malformed;
    if ((this.#seen & (1 << id)) !== 0) return protocolError;
    this.#seen |= 1 << id;
    switch (id) {
      case propertyId.payloadFormatIndicator:
        return this.#readFormat();
      case propertyId.messageExpiryInterval:
        this.messageExpiryAt = at;
        return this.#readExpiry();
      case propertyId.contentType:
        return this.#skipText();
      case propertyId.responseTopic:
        return this.#skipResponseTopic();
      case propertyId.correlationData:
        return this.#skipBinary();
      default:
        return malformed;
    }
  }

  #readFormat(): number {
    if (this.#at >= this.#end) return malformed;
    const value = this.#bytes[this.#at++] as number;
    return value > 1 ? protocolError : 0;
  }

  #readExpiry(): number {
    if (this.#end - this.#at < 4) return malformed;
    this.messageExpiryInterval = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return 0;
  }

  #readAlias(at: number): number {
    if (this.#end - this.#at < 2) return malformed;
    this.topicAlias = this.#bytes.readUInt16BE(this.#at);
    this.topicAliasAt = at;
    this.#at += 2;
    // [MQTT-3.3.2-8]; 0x94 is for one above the maximum (MQTT 5 §3.14.2.1).
    return this.topicAlias === 0 ? malformed : 0;
  }

  #skipBinary(): number {
    if (this.#end - this.#at < 2) return malformed;
    this.#at += 2 + this.#bytes.readUInt16BE(this.#at);
    return this.#at > this.#end ? malformed : 0;
  }

  #skipText(): number {
    const start = this.#at + 2;
    const fault = this.#skipBinary();
    if (fault !== 0) return fault;
    return isPlainText(this.#bytes, start, this.#at) ? 0 : malformed;
  }

  /** A response topic is a topic name [MQTT-3.3.2-14]. */
  #skipResponseTopic(): number {
    const start = this.#at + 2;
    const fault = this.#skipText();
    if (fault !== 0) return fault;
    if (this.#at === start) return protocolError; // [MQTT-4.7.3-1]
    for (let at = start; at < this.#at; at += 1) {
      const byte = this.#bytes[at];
      if (byte === 0x23 || byte === 0x2b) return protocolError;
    }
    return 0;
  }

  #skipSubscriptionIdentifier(): number {
    this.hasSubscriptionIdentifier = true;
    for (let index = 0, isZero = true; index < 4; index += 1) {
      if (this.#at >= this.#end) return malformed;
      const byte = this.#bytes[this.#at++] as number;
      isZero &&= (byte & 0x7f) === 0;
      if (byte === 0 && index > 0) return malformed; // [MQTT-1.5.5-1]
      if (byte < 0x80) return isZero ? protocolError : 0;
    }
    return malformed;
  }
}

const malformed = 0x81;
const protocolError = 0x82;
const noBytes = Buffer.alloc(0);

/** Well-formed UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. */
export function isPlainText(bytes: Buffer, start: number, end: number): boolean {
  let isAscii = true;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0) return false;
    if (byte > 0x7f) isAscii = false;
  }
  return isAscii || isUtf8(bytes.subarray(start, end));
}
