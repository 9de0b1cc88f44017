import { createTokenBucket, type TokenBucket } from '../base/rates.ts';

/** The filter rate of one broker as a machine: whoever wants filters waits in order until all of them may be asked for. */
export class FilterGate<Waiter> {
  readonly #bucket: TokenBucket;
  /** With the filters that each wants, in order. */
  readonly #waiting = new Map<Waiter, number>();

  constructor(filtersPerSecond: number) {
    // Empty at the start: what an earlier process gave in the same second is not known.
    this.#bucket = createTokenBucket({ ratePerSecond: filtersPerSecond });
  }

  /** `tick` answers. */
  ask(waiter: Waiter, filters: number): void {
    this.#waiting.set(waiter, filters);
  }

  withdraw(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  spend(filters: number, nowMs: number): void {
    this.#bucket.spend(nowMs, filters);
  }

  /** Those whose turn has come. */
  tick(nowMs: number): Waiter[] {
    const granted: Waiter[] = [];
    for (const [waiter, filters] of this.#waiting) {
      if (!this.#bucket.take(nowMs, filters)) break;
      this.#waiting.delete(waiter);
      granted.push(waiter);
    }
    return granted;
  }

  /** When the next waiter's turn may come; undefined: nobody waits. */
  nextAtMs(nowMs: number): number | undefined {
    for (const filters of this.#waiting.values()) return this.#bucket.nextAtMs(nowMs, filters);
    return undefined;
  }
}
