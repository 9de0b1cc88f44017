import { type FramingProblem, PacketScanner } from './framer.ts';

export type CollectedPacket =
  | { readonly kind: 'incomplete' }
  /** `packet` is exactly one packet, header included; `rest` is what came behind it in the same chunk, maybe empty. */
  | { readonly kind: 'packet'; readonly packet: Buffer; readonly rest: Buffer }
  | { readonly kind: 'refused'; readonly problem: FramingProblem | 'unexpected-type' };

export interface PacketCollectorOptions {
  /** Bytes of the whole packet; one that declares more is refused at its header. */
  readonly maxPacketBytes: number;
  /** The packet types that may come; another is refused at its first byte. */
  readonly types: readonly number[];
}

/**
 * Collects one packet. Memory grows with what has come, never with what a header declares, and a packet that lies
 * in one chunk is not copied.
 */
export class PacketCollector {
  readonly #header: HeaderScanner;
  readonly #types: readonly number[];
  #buffer: Buffer | undefined;
  #length = 0;

  constructor({ maxPacketBytes, types }: PacketCollectorOptions) {
    this.#header = new HeaderScanner(maxPacketBytes);
    this.#types = types;
  }

  /** True once a byte has come. */
  get started(): boolean {
    return this.#length > 0;
  }

  push(chunk: Buffer): CollectedPacket {
    if (chunk.length === 0) return { kind: 'incomplete' };
    if (this.#length === 0 && !this.#types.includes((chunk[0] as number) >> 4)) {
      return { kind: 'refused', problem: 'unexpected-type' };
    }
    const problem = this.#header.totalBytes === undefined ? this.#header.scan(chunk) : undefined;
    if (problem !== undefined && problem !== 'stopped') return { kind: 'refused', problem };
    if (problem === 'stopped') this.#header.fixTotal(this.#length);
    const totalBytes = this.#header.totalBytes;
    if (totalBytes === undefined || this.#length + chunk.length < totalBytes) {
      this.#append(chunk);
      return { kind: 'incomplete' };
    }
    const taken = totalBytes - this.#length;
    const rest = chunk.subarray(taken);
    if (this.#buffer === undefined) return { kind: 'packet', packet: chunk.subarray(0, taken), rest };
    this.#append(chunk.subarray(0, taken));
    return { kind: 'packet', packet: this.#buffer.subarray(0, this.#length), rest };
  }

  #append(bytes: Buffer): void {
    const needed = this.#length + bytes.length;
    if (this.#buffer === undefined || this.#buffer.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#length, 64));
      this.#buffer?.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.#length);
    this.#length = needed;
  }
}

/** Stops at the first header and says how long the packet is. */
class HeaderScanner extends PacketScanner {
  totalBytes: number | undefined;
  #remainingLength = 0;

  protected override handlePacket(_firstByte: number, remainingLength: number): boolean {
    this.#remainingLength = remainingLength;
    return false;
  }

  /** `bytesBefore`: bytes of the packet in earlier chunks than the one in which the header ended. */
  fixTotal(bytesBefore: number): void {
    this.totalBytes = bytesBefore + this.offset + this.#remainingLength;
  }
}
