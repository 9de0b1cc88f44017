import { isUtf8 } from 'node:buffer';
import { reasonCode } from './reason-code.ts';

/**
 * Reads MQTT's data types from one packet. The first problem sticks: every later read returns an empty value, and the
 * decoder asks `problem` once at its end instead of after every field.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #offset: number;
  problem: string | undefined;
  /** The MQTT 5 reason code of `problem`. */
  reason: number = reasonCode.malformedPacket;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  get bytesLeft(): number {
    return this.problem === undefined ? this.#end - this.#offset : 0;
  }

  fail(problem: string, reason: number = reasonCode.malformedPacket): void {
    if (this.problem !== undefined) return;
    this.problem = problem;
    this.reason = reason;
  }

  uint8(what: string): number {
    const at = this.#take(1, what);
    return at < 0 ? 0 : this.#bytes.readUInt8(at);
  }

  uint16(what: string): number {
    const at = this.#take(2, what);
    return at < 0 ? 0 : this.#bytes.readUInt16BE(at);
  }

  uint32(what: string): number {
    const at = this.#take(4, what);
    return at < 0 ? 0 : this.#bytes.readUInt32BE(at);
  }

  /** Minimal encodings of at most four bytes only [MQTT-1.5.5-1]. */
  variableByteInteger(what: string): number {
    let value = 0;
    for (let index = 0, multiplier = 1; index < 4; index += 1, multiplier *= 128) {
      const byte = this.uint8(what);
      value += (byte & 0x7f) * multiplier;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) this.fail(`${what} is not encoded in the fewest bytes`);
        return this.problem === undefined ? value : 0;
      }
    }
    this.fail(`${what} has more than four length bytes`);
    return 0;
  }

  binary(what: string): Buffer {
    return this.raw(this.uint16(what), what);
  }

  /** Well-formed UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. */
  utf8(what: string): string {
    const bytes = this.binary(what);
    if (!isUtf8(bytes)) this.fail(`${what} is not well-formed UTF-8`);
    else if (bytes.includes(0)) this.fail(`${what} contains U+0000`);
    return this.problem === undefined ? bytes.toString('utf8') : '';
  }

  /** The next `length` bytes as they lie in the packet, not copied. */
  raw(length: number, what: string): Buffer {
    const at = this.#take(length, what);
    return at < 0 ? Buffer.alloc(0) : this.#bytes.subarray(at, at + length);
  }

  #take(length: number, what: string): number {
    if (this.problem !== undefined) return -1;
    if (this.#end - this.#offset < length) {
      this.fail(`${what} needs ${length} bytes, ${this.#end - this.#offset} are left`);
      return -1;
    }
    this.#offset += length;
    return this.#offset - length;
  }
}
