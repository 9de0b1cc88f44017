/** A rate with bursts: as many at once as a second gives. Time is an argument, milliseconds on one clock. */
export interface BurstBucket {
  /** True, and one fewer, when one is there at `nowMs`. */
  take(nowMs: number): boolean;
}

/** `base/rates.ts` spreads what it grants, as a polite client does; a service's quota does not. */
export function createBurstBucket(ratePerSecond: number): BurstBucket {
  const capacity = Math.max(1, ratePerSecond);
  let level = capacity;
  let filledAtMs: number | undefined;
  return {
    take(nowMs) {
      const elapsedMs = filledAtMs === undefined ? 0 : Math.max(0, nowMs - filledAtMs);
      level = Math.min(capacity, level + (elapsedMs * ratePerSecond) / 1000);
      filledAtMs = nowMs;
      if (level < 1) return false;
      level -= 1;
      return true;
    },
  };
}
