import { createTokenBucket, type TokenBucket } from '../base/rates.ts';

/** One bound of one broker as a machine: whoever wants some of it waits in order until all of that may be used. */
export class BoundGate<Waiter> {
  readonly #bucket: TokenBucket;
  /** With what each wants, in order. */
  readonly #waiting = new Map<Waiter, number>();

  constructor(ratePerSecond: number) {
    // Empty at the start: what an earlier process gave in the same second is not known.
    this.#bucket = createTokenBucket({ ratePerSecond });
  }

  /** `tick` answers. */
  ask(waiter: Waiter, amount: number): void {
    this.#waiting.set(waiter, amount);
  }

  withdraw(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  /** Below 0: given back. */
  spend(amount: number, nowMs: number): void {
    this.#bucket.spend(nowMs, amount);
  }

  /** Those whose turn has come. */
  tick(nowMs: number): Waiter[] {
    const granted: Waiter[] = [];
    for (const [waiter, amount] of this.#waiting) {
      if (!this.#bucket.take(nowMs, amount)) break;
      this.#waiting.delete(waiter);
      granted.push(waiter);
    }
    return granted;
  }

  /** When the next waiter's turn may come; undefined: nobody waits. */
  nextAtMs(nowMs: number): number | undefined {
    for (const amount of this.#waiting.values()) return this.#bucket.nextAtMs(nowMs, amount);
    return undefined;
  }
}
