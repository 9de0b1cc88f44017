/** A bucket's upper bound is this many times that of the one below it: quantiles are told that exactly. */
const growth = 1.25;
const firstBoundMs = 0.5;
/** The last bound is above 20 minutes. */
const buckets = 68;
const bounds = Float64Array.from({ length: buckets }, (_, at) => firstBoundMs * growth ** at);

/**
 * How long messages took, over a window that moves in two halves: what is told covers between one half of it and the
 * whole.
 */
export class RecentLag {
  readonly #halfMs: number;
  #now = new Float64Array(buckets);
  #before = new Float64Array(buckets);
  #turnAtMs = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2;
  }

  note(lagMs: number, nowMs: number): void {
    this.#turn(nowMs);
    let at = 0;
    while (at < buckets - 1 && lagMs > (bounds[at] as number)) at += 1;
    this.#now[at] = (this.#now[at] as number) + 1;
  }

  /** Milliseconds, by the upper bound of the bucket; undefined where nothing was noted. */
  quantile(share: number, nowMs: number): number | undefined {
    this.#turn(nowMs);
    const total = this.#now.reduce((sum, count, at) => sum + count + (this.#before[at] as number), 0);
    let left = total * share;
    for (let at = 0; at < buckets && total > 0; at += 1) {
      left -= (this.#now[at] as number) + (this.#before[at] as number);
      if (left <= 0) return bounds[at];
    }
    return undefined;
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#turnAtMs) return;
    const isStale = nowMs >= this.#turnAtMs + this.#halfMs;
    this.#before = isStale ? this.#before.fill(0) : this.#now;
    this.#now = isStale ? this.#now.fill(0) : new Float64Array(buckets);
    this.#turnAtMs = nowMs + this.#halfMs;
  }
}
