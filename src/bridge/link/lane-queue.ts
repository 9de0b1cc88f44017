/** First in, first out, with a way back to the front; each step costs the same however long it is. */
export class LaneQueue<Item> {
  /** A ring whose length is a power of two; what has left is not held. */
  #ring: (Item | undefined)[] = new Array(leastRing);
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#ring[this.#start];
  }

  push(item: Item): void {
    if (this.#length === this.#ring.length) this.#resize(2 * this.#length);
    this.#ring[(this.#start + this.#length) & (this.#ring.length - 1)] = item;
    this.#length += 1;
  }

  shift(): Item | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#start];
    this.#ring[this.#start] = undefined;
    this.#start = (this.#start + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    // A long outage leaves no long ring: a quarter full, so that the way back up is long too.
    if (this.#ring.length > largestKept && this.#length * 4 < this.#ring.length) this.#resize(this.#ring.length / 2);
    return item;
  }

  /** In their order, before all others. */
  unshift(items: readonly Item[]): void {
    for (let at = items.length - 1; at >= 0; at -= 1) {
      if (this.#length === this.#ring.length) this.#resize(2 * this.#length);
      this.#start = (this.#start - 1) & (this.#ring.length - 1);
      this.#ring[this.#start] = items[at];
      this.#length += 1;
    }
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let at = 0; at < this.#length; at += 1) {
      yield this.#ring[(this.#start + at) & (this.#ring.length - 1)] as Item;
    }
  }

  #resize(size: number): void {
    const ring: (Item | undefined)[] = new Array(size);
    for (let at = 0; at < this.#length; at += 1) ring[at] = this.#ring[(this.#start + at) & (this.#ring.length - 1)];
    this.#ring = ring;
    this.#start = 0;
  }
}

const leastRing = 16;
const largestKept = 4_096;
