const maxWaitingPackets = 1_024;

/**
 * What goes out on one leg, in order. Packets that need no change and lie side by side leave in one write; nothing is put
 * into the middle of a PUBLISH whose payload still passes by.
 */
export class LegOutput {
  readonly #write: (bytes: Buffer) => void;
  /** The bytes passed so far that lie side by side. */
  #bytes: Buffer | undefined;
  #start = 0;
  #end = 0;
  #isInsidePacket = false;
  /** Packets that wait for the end of a large PUBLISH. */
  #waiting: Buffer[] | undefined;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /** False while a large PUBLISH is under way: what is sent now waits for its end. */
  get atBoundary(): boolean {
    return !this.#isInsidePacket;
  }

  /** So many packets wait for the end of a large PUBLISH that whoever causes them is not read any more. */
  get isCrowded(): boolean {
    return this.#waiting !== undefined && this.#waiting.length >= maxWaitingPackets;
  }

  /** Sends bytes that stay as they are until `flush`. */
  pass(bytes: Buffer, start: number, end: number): void {
    if (bytes === this.#bytes && start === this.#end) {
      this.#end = end;
      return;
    }
    this.flush();
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Sends one packet of the gateway's own. */
  send(packet: Buffer): void {
    if (!this.#isInsidePacket) {
      this.pass(packet, 0, packet.length);
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(packet);
  }

  /** What is passed from here on is the rest of a packet, up to `endPacket`. */
  beginPacket(): void {
    this.#isInsidePacket = true;
  }

  endPacket(): void {
    this.#isInsidePacket = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) for (const packet of waiting) this.send(packet);
  }

  flush(): void {
    const bytes = this.#bytes;
    if (bytes === undefined) return;
    this.#bytes = undefined;
    this.#write(this.#start === 0 && this.#end === bytes.length ? bytes : bytes.subarray(this.#start, this.#end));
  }
}
