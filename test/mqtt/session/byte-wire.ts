/** Bytes on their way into the machine, taken in pieces of any size; a word is told when its packet's last byte has gone. */
export class ByteWire {
  #packets: Buffer[] = [];
  #words: number[] = [];
  /** Bytes of the first packet that have gone. */
  #gone = 0;
  bytes = 0;

  send(packet: Buffer, word: number): void {
    this.#packets.push(packet);
    this.#words.push(word);
    this.bytes += packet.length;
  }

  /** At most `limit` bytes in one new buffer; `told` hears the word of every packet that is whole with them. */
  take(limit: number, told: (word: number) => void): Buffer {
    const taken = Buffer.allocUnsafe(Math.min(limit, this.bytes));
    let at = 0;
    let done = 0;
    while (at < taken.length) {
      const packet = this.#packets[done] as Buffer;
      const piece = Math.min(packet.length - this.#gone, taken.length - at);
      packet.copy(taken, at, this.#gone, this.#gone + piece);
      at += piece;
      this.#gone += piece;
      if (this.#gone < packet.length) break;
      told(this.#words[done] as number);
      this.#gone = 0;
      done += 1;
    }
    if (done > 0) {
      this.#packets.splice(0, done);
      this.#words.splice(0, done);
    }
    this.bytes -= taken.length;
    return taken;
  }
}
