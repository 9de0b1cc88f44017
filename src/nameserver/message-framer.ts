/** RFC 7766 section 8: two octets of length before each message. */
const lengthOctets = 2;
const firstPartialOctets = 512;

/**
 * Cuts a TCP stream into DNS messages. What came of an unfinished message is kept in room that grows with it, so that a
 * declared length costs nothing.
 */
export class MessageFramer {
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #partial = new Uint8Array(0);
  #partialLength = 0;

  /** More of the stream; called when `next` has nothing left. */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** True while a message has begun and not ended; `next` has said undefined. */
  get isInMessage(): boolean {
    return this.#partialLength > 0;
  }

  /** The next whole message, or undefined when more must come. It is valid until the next call. */
  next(): Uint8Array | undefined {
    return this.#partialLength > 0 ? this.#completePartial() : this.#nextOfChunk();
  }

  #nextOfChunk(): Uint8Array | undefined {
    const left = this.#chunk.length - this.#at;
    const declared = left < lengthOctets ? Number.POSITIVE_INFINITY : this.#declaredAt(this.#chunk, this.#at);
    if (left < lengthOctets + declared) {
      this.#keep(left);
      return undefined;
    }
    const start = this.#at + lengthOctets;
    this.#at = start + declared;
    return this.#chunk.subarray(start, this.#at);
  }

  #completePartial(): Uint8Array | undefined {
    if (this.#partialLength < lengthOctets) this.#keep(lengthOctets - this.#partialLength);
    if (this.#partialLength < lengthOctets) return undefined;
    const whole = lengthOctets + this.#declaredAt(this.#partial, 0);
    this.#keep(whole - this.#partialLength);
    if (this.#partialLength < whole) return undefined;
    this.#partialLength = 0;
    const message = this.#partial.subarray(lengthOctets, whole);
    // A large message's room is not kept for as long as the connection lives.
    if (this.#partial.length > firstPartialOctets) this.#partial = new Uint8Array(0);
    return message;
  }

  #declaredAt(bytes: Uint8Array, at: number): number {
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }

  /** Moves at most `wanted` octets of the chunk to what is kept. */
  #keep(wanted: number): void {
    const taken = Math.min(wanted, this.#chunk.length - this.#at);
    if (taken <= 0) return;
    const length = this.#partialLength + taken;
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.max(firstPartialOctets, 2 * this.#partial.length, length));
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#partialLength);
    this.#partialLength = length;
    this.#at += taken;
  }
}
