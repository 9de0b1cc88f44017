import { packetType } from './control-packet.ts';

/** Why a byte stream stopped being MQTT, or stopped being wanted. */
export type FramingProblem =
  /** A Remaining Length of five bytes, or one longer than its number needs [MQTT-1.5.5-1]. */
  | 'malformed-length'
  /** The header declares more than the limit; nothing of the body was taken. */
  | 'packet-too-large'
  /** Packet type 0 [MQTT 5 §2.1.2], or a PUBLISH with both QoS bits set [MQTT-3.3.1-4]. */
  | 'reserved'
  /** `handlePacket` said no. */
  | 'stopped';

/**
 * Finds packet boundaries in chunks that pass by and keeps none of them: its whole memory is a few numbers.
 * Whoever looks for headers extends it with `handlePacket`. Nothing is allocated per packet or per chunk.
 */
export abstract class PacketScanner {
  readonly #maxPacketBytes: number;
  #firstByte = 0;
  /** Bytes of the fixed header seen so far; 0 between packets and inside a body. */
  #headerBytes = 0;
  #remainingLength = 0;
  #multiplier = 1;
  #bodyBytesLeft = 0;
  #offset = 0;

  /** `maxPacketBytes` counts the whole packet, header included. */
  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** Called at the end of each fixed header; false stops the scan right behind it. `remainingLength` is in bytes. */
  protected abstract handlePacket(firstByte: number, remainingLength: number): boolean;

  /** True when the last byte scanned was the last of a packet (or none was scanned yet). */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#bodyBytesLeft === 0;
  }

  /** After `stopped`: where the body begins in the chunk. After another problem: where the packet's header went wrong. */
  get offset(): number {
    return this.#offset;
  }

  /** Scans all of `chunk`, or up to the first problem. After a problem the scanner is not used again. */
  scan(chunk: Uint8Array): FramingProblem | undefined {
    const end = chunk.length;
    let offset = 0;
    if (this.#bodyBytesLeft > 0) {
      offset = Math.min(this.#bodyBytesLeft, end);
      this.#bodyBytesLeft -= offset;
    }
    while (offset < end) {
      const headerEnd = this.#headerBytes === 0 ? this.#scanShortHeader(chunk, offset) : 0;
      let problem: FramingProblem | undefined;
      if (headerEnd > 0) {
        offset = headerEnd;
        problem = this.handlePacket(this.#firstByte, this.#bodyBytesLeft) ? undefined : 'stopped';
      } else {
        problem = this.#scanHeaderByte(chunk[offset++] as number);
      }
      if (problem !== undefined) {
        this.#offset = offset;
        return problem;
      }
      if (this.#bodyBytesLeft > 0) {
        const taken = Math.min(this.#bodyBytesLeft, end - offset);
        this.#bodyBytesLeft -= taken;
        offset += taken;
      }
    }
    return undefined;
  }

  /**
   * The common case in one step: a header of two or three bytes that lies whole in the chunk and has nothing wrong
   * with it. Gives where it ends, or 0 for the careful way byte by byte.
   */
  #scanShortHeader(chunk: Uint8Array, offset: number): number {
    if (offset + 2 >= chunk.length) return 0;
    const firstByte = chunk[offset] as number;
    const low = chunk[offset + 1] as number;
    const high = low < 0x80 ? 0 : (chunk[offset + 2] as number);
    const isPlain = low < 0x80 || (high > 0 && high < 0x80);
    const remainingLength = (low & 0x7f) + high * 128;
    const headerBytes = low < 0x80 ? 2 : 3;
    if (!isPlain || isReserved(firstByte) || headerBytes + remainingLength > this.#maxPacketBytes) return 0;
    this.#firstByte = firstByte;
    this.#bodyBytesLeft = remainingLength;
    return offset + headerBytes;
  }

  #scanHeaderByte(byte: number): FramingProblem | undefined {
    if (this.#headerBytes === 0) {
      this.#firstByte = byte;
      this.#headerBytes = 1;
      this.#remainingLength = 0;
      this.#multiplier = 1;
      return isReserved(byte) ? 'reserved' : undefined;
    }
    this.#headerBytes += 1;
    this.#remainingLength += (byte & 0x7f) * this.#multiplier;
    if (byte > 0x7f) {
      this.#multiplier *= 128;
      return this.#headerBytes === 5 ? 'malformed-length' : undefined;
    }
    return this.#finishHeader(byte);
  }

  #finishHeader(lastByte: number): FramingProblem | undefined {
    const headerBytes = this.#headerBytes;
    if (lastByte === 0 && headerBytes > 2) return 'malformed-length';
    if (headerBytes + this.#remainingLength > this.#maxPacketBytes) return 'packet-too-large';
    this.#headerBytes = 0;
    this.#bodyBytesLeft = this.#remainingLength;
    return this.handlePacket(this.#firstByte, this.#remainingLength) ? undefined : 'stopped';
  }
}

function isReserved(firstByte: number): boolean {
  return firstByte < 0x10 || (firstByte >> 4 === packetType.publish && (firstByte & 0x06) === 0x06);
}
