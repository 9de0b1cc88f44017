/** What is known of the numbers 1, 2, 3, … of one sender: which came, and how often one came again. */
export class SequenceSet {
  #bits = new Uint8Array(16);
  #count = 0;
  #largest = 0;
  #duplicates = 0;

  add(number: number): void {
    const byte = number >> 3;
    if (byte >= this.#bits.length) this.#grow(byte);
    const bit = 1 << (number & 7);
    const value = this.#bits[byte] ?? 0;
    if ((value & bit) !== 0) {
      this.#duplicates += 1;
      return;
    }
    this.#bits[byte] = value | bit;
    this.#count += 1;
    if (number > this.#largest) this.#largest = number;
  }

  has(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  /** Different numbers. */
  get count(): number {
    return this.#count;
  }

  get largest(): number {
    return this.#largest;
  }

  /** Arrivals beyond the first of a number. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Numbers from 1 to `last` that did not come, in order. */
  missing(last: number): readonly number[] {
    const found: number[] = [];
    for (let number = 1; number <= last; number += 1) if (!this.has(number)) found.push(number);
    return found;
  }

  #grow(byte: number): void {
    const larger = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
    larger.set(this.#bits);
    this.#bits = larger;
  }
}
