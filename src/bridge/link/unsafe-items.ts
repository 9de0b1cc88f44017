import { LaneQueue } from './lane-queue.ts';
import type { LinkItem } from './link-item.ts';

/** Items whose sources wait, in the order of their arrival; what is over leaves from the front. */
export class UnsafeItems {
  readonly #items = new LaneQueue<LinkItem>();

  push(item: LinkItem): void {
    this.#items.push(item);
  }

  /** When the oldest that is written down nowhere came; infinity: there is none. */
  get oldestArrivedMs(): number {
    for (;;) {
      const first = this.#items.first;
      if (first === undefined) return Number.POSITIVE_INFINITY;
      if (isWaiting(first)) return first.arrivedMs;
      // On its way to the disk: should that fail, it waits again.
      if (!isOver(first)) return Number.POSITIVE_INFINITY;
      this.#items.shift();
    }
  }

  /** Those that are written down nowhere. */
  get waiting(): readonly LinkItem[] {
    return [...this.#items].filter(isWaiting);
  }
}

function isOver(item: LinkItem): boolean {
  return item.isDone || item.isDead || item.delivery?.isSafe === true;
}

function isWaiting(item: LinkItem): boolean {
  return !isOver(item) && item.position < 0;
}
