import { createTokenBucket, type TokenBucket } from '../base/rates.ts';

/** One bound of one broker as a machine: whoever wants some of it waits in order until all of that may be used. */
export class BoundGate<Waiter> {
  readonly #bucket: TokenBucket;
  /** With what each wants, in order. */
  readonly #waiting = new Map<Waiter, number>();
  readonly #ratePerSecond: number;
  /** What was given and not used: it is there beside what flows in, a second's worth at most. */
  #returned = 0;

  constructor(ratePerSecond: number) {
    // Empty at the start: what an earlier process gave in the same second is not known.
    this.#bucket = createTokenBucket({ ratePerSecond });
    this.#ratePerSecond = ratePerSecond;
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
    if (amount < 0) this.#returned = Math.min(this.#ratePerSecond, this.#returned - amount);
    else this.#bucket.spend(nowMs, amount);
  }

  /** Those whose turn has come. */
  tick(nowMs: number): Waiter[] {
    const granted: Waiter[] = [];
    for (const [waiter, amount] of this.#waiting) {
      if (!this.#take(amount, nowMs)) break;
      this.#waiting.delete(waiter);
      granted.push(waiter);
    }
    return granted;
  }

  /** When the next waiter's turn may come; undefined: nobody waits. */
  nextAtMs(nowMs: number): number | undefined {
    for (const amount of this.#waiting.values()) {
      return this.#returned >= amount ? nowMs : this.#bucket.nextAtMs(nowMs, amount);
    }
    return undefined;
  }

  #take(amount: number, nowMs: number): boolean {
    if (this.#returned < amount) return this.#bucket.take(nowMs, amount);
    this.#returned -= amount;
    return true;
  }
}
