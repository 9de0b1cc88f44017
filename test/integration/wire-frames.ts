import mqtt, { type Packet } from 'mqtt-packet';

mqtt.writeToStream.cacheNumbers = false;

export type WireVersion = 3 | 4 | 5;

/** A packet, with the bytes that it was and when it came (milliseconds of the monotonic clock). */
export interface WirePacket {
  readonly packet: Packet;
  readonly bytes: Buffer;
  readonly atMs: number;
}

/** Cuts a byte stream into whole packets, by nothing but their lengths. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Whole packets; a length of more than four bytes answers 'malformed'. */
  push(chunk: Buffer): Buffer[] | 'malformed' {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: Buffer[] = [];
    for (;;) {
      const length = frameLength(this.#pending);
      if (length === 'malformed') return length;
      if (length === 'incomplete' || length > this.#pending.length) return frames;
      frames.push(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
    }
  }
}

function frameLength(bytes: Buffer): number | 'incomplete' | 'malformed' {
  let remaining = 0;
  for (let index = 1; index <= 4; index += 1) {
    const byte = bytes[index];
    if (byte === undefined) return 'incomplete';
    remaining += (byte & 0x7f) * 128 ** (index - 1);
    if (byte < 0x80) return index + 1 + remaining;
  }
  return 'malformed';
}

/** One whole packet, as `mqtt-packet` reads it; undefined where it does not. */
export function decodeFrame(bytes: Buffer, version: WireVersion): Packet | undefined {
  const parser = mqtt.parser({ protocolVersion: version });
  let decoded: Packet | undefined;
  parser.on('packet', (packet) => {
    decoded = packet;
  });
  let isFaulty = false;
  parser.on('error', () => {
    isFaulty = true;
  });
  try {
    parser.parse(Buffer.from(bytes));
  } catch {
    return undefined;
  }
  return isFaulty ? undefined : decoded;
}

export function encodePacket(packet: Packet, version: WireVersion): Buffer {
  return mqtt.generate(packet, { protocolVersion: version });
}
