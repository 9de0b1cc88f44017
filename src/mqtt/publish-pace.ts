/** A second, and what a network may squeeze out of it: a broker that counts one more discards it. */
const windowMs = 1_100;

/**
 * The publish rate of one connection, both directions together: no second sees more than the broker takes, and a burst
 * up to that passes at once.
 */
export class PublishPace {
  readonly #perSecond: number;
  /** When each of the last `perSecond` packets passed, a ring; made when the first passes. */
  #passedAtMs: Float64Array | undefined;
  #next = 0;

  /** `perSecond`: infinity for no bound. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  get isBound(): boolean {
    return this.#perSecond !== Number.POSITIVE_INFINITY;
  }

  /** When one more may pass; not after `nowMs`: at once. */
  nextAtMs(nowMs: number): number {
    if (!this.isBound || this.#passedAtMs === undefined) return nowMs;
    return (this.#passedAtMs[this.#next] as number) + windowMs;
  }

  /** One has passed: a device's, or one of the broker's, which nobody asked. */
  note(nowMs: number): void {
    if (!this.isBound) return;
    this.#passedAtMs ??= new Float64Array(this.#perSecond).fill(Number.NEGATIVE_INFINITY);
    this.#passedAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#perSecond;
  }
}
