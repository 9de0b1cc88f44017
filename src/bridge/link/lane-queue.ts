/** First in, first out, with a way back to the front; `shift` costs the same however long it is. */
export class LaneQueue<Item> {
  #items: Item[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  get first(): Item | undefined {
    return this.#items[this.#start];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#start];
    if (item === undefined) return undefined;
    this.#start += 1;
    // Half of it is behind us: moving the rest is paid for by the shifts that led here.
    if (this.#start > 64 && this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** In their order, before all others. */
  unshift(items: readonly Item[]): void {
    if (items.length === 0) return;
    this.#items = [...items, ...this.#items.slice(this.#start)];
    this.#start = 0;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let at = this.#start; at < this.#items.length; at += 1) yield this.#items[at] as Item;
  }
}
