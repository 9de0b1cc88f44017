/** A packet that waits for the other leg's window. */
export interface HeldPacket {
  /** The whole packet, a copy. */
  readonly bytes: Buffer;
  /** Milliseconds; what is left of a message expiry interval is counted from here. */
  heldAtMs: number;
  /** It was sent on a leg that is lost, and keeps its place among the acknowledgements. */
  readonly isAgain?: boolean;
}

/** At the first of the two the sender is read no further. */
export const maxHeldPackets = 64;
export const maxHeldBytes = 262_144;
/** By so much the bounds are wider for what cannot wait unread. */
const urgentTimes = 16;

/** Packets in the order in which they came, bounded: the window's look-ahead, not a queue. */
export class HeldPackets {
  #packets: HeldPacket[] | undefined;
  #bytes = 0;

  get size(): number {
    return this.#packets?.length ?? 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Copies the packet and keeps it. `isUrgent`: what would open the window lies behind it, or it waits for no window, so
   * that the bounds are wider.
   * False: the bound is reached, and nothing was kept.
   */
  hold(packet: Buffer, nowMs: number, isUrgent = false): boolean {
    if (this.size > 0 && !this.hasRoom(packet.length, isUrgent)) return false;
    this.#packets ??= [];
    this.#packets.push({ bytes: Buffer.from(packet), heldAtMs: nowMs });
    this.#bytes += packet.length;
    return true;
  }

  /** Whether a further packet of so many bytes is within the bounds. */
  hasRoom(bytes: number, isUrgent: boolean): boolean {
    const times = isUrgent ? urgentTimes : 1;
    return this.size < times * maxHeldPackets && this.#bytes + bytes <= times * maxHeldBytes;
  }

  /** Puts packets in front of all others, whatever the bounds: they were taken in before. */
  putFirst(packets: readonly HeldPacket[]): void {
    if (packets.length === 0) return;
    this.#packets = [...packets, ...(this.#packets ?? [])];
    for (const { bytes } of packets) this.#bytes += bytes.length;
  }

  /** Whether a PUBLISH waits here that `packet` only says again: nothing but DUP is different. */
  holdsSame(packet: Buffer): boolean {
    for (const { bytes } of this.#packets ?? []) {
      const isSameHead = (((bytes[0] as number) ^ (packet[0] as number)) & ~dupFlag) === 0;
      if (isSameHead && bytes.length === packet.length && bytes.compare(packet, 1, packet.length, 1) === 0) return true;
    }
    return false;
  }

  get first(): HeldPacket | undefined {
    return this.#packets?.[0];
  }

  get last(): HeldPacket | undefined {
    return this.#packets?.at(-1);
  }

  shift(): void {
    const packet = this.#packets?.shift();
    if (packet !== undefined) this.#bytes -= packet.bytes.length;
  }
}

const dupFlag = 0x08;
