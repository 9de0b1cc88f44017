/** At most so many events within any second: an exact window, because AWS's quotas are whole numbers a second. */
export class SlidingRate {
  readonly #limit: number;
  /** A ring of the moments of the last events that were taken; it grows as they come. */
  readonly #times: number[] = [];
  #next = 0;

  /** `limit` of 1 or more; Infinity: none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True, and counted, when one more is within the limit at `nowMs`. */
  take(nowMs: number): boolean {
    if (!this.hasRoom(nowMs)) return false;
    if (this.#limit === Number.POSITIVE_INFINITY) return true;
    this.#times[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#limit;
    return true;
  }

  hasRoom(nowMs: number): boolean {
    return this.roomAtMs(nowMs) <= nowMs;
  }

  /** The first moment, not before `nowMs`, at which one more is within the limit. */
  roomAtMs(nowMs: number): number {
    if (this.#times.length < this.#limit) return nowMs;
    return Math.max(nowMs, (this.#times[this.#next] ?? 0) + 1_000);
  }
}
