/** Grants tokens at a bounded rate. Time is an argument: milliseconds on one monotonic clock; a step back counts as no time. */
export interface TokenBucket {
  /**
   * True, and so many tokens fewer (default: one), when they may be used at `nowMs`. More than the bucket holds are given
   * when it is full, and those that follow wait the longer.
   */
  take(nowMs: number, tokens?: number): boolean;
  /** Tokens that were used without being asked for: later ones wait for them, but for what flows in within 1 s at most. */
  spend(nowMs: number, tokens: number): void;
  /** The first moment, not before `nowMs`, at which `take` succeeds if nobody else takes. */
  nextAtMs(nowMs: number, tokens?: number): number;
}

export interface TokenBucketOptions {
  /** Tokens per second, above 0. From 1 up a fraction is dropped, because a broker counts whole connects. */
  readonly ratePerSecond: number;
  /**
   * True: the first burst is there at once. False (default): the bucket fills from the first call on, so that a restart
   * together with what was granted before it stays within the rate.
   */
  readonly startsFull?: boolean;
}

/** What is granted inside 1 s is at most a full bucket and what flows in, so the two add up to the rate. */
const burstShare = 0.1;
/** From this rate up a tenth holds two tokens or more; below it tokens are spaced evenly, at the full rate. */
const smallestBurstRate = 20;
/** Absorbs rounding, so that `take(nextAtMs(now))` succeeds; never accumulates, because the level is not clamped at 0. */
const roundingTokens = 1e-9;

/**
 * A strict token bucket: no half-open window of one second sees more than `ratePerSecond` tokens (one token where the
 * rate is below 1). A bucket that refills at the full rate would grant up to its capacity more than that. The price of
 * the burst is that a steady flow gets nine tenths of the rate.
 */
export function createTokenBucket({ ratePerSecond, startsFull = false }: TokenBucketOptions): TokenBucket {
  const { capacity, refillPerMs } = bucketShape(ratePerSecond);
  let level = startsFull ? capacity : 0;
  let filledAtMs: number | undefined;

  function fill(nowMs: number): void {
    const elapsedMs = filledAtMs === undefined ? 0 : Math.max(0, nowMs - filledAtMs);
    level = Math.min(capacity, level + elapsedMs * refillPerMs);
    filledAtMs = filledAtMs === undefined ? nowMs : filledAtMs + elapsedMs;
  }

  return {
    take(nowMs, tokens = 1) {
      fill(nowMs);
      if (level < Math.min(tokens, capacity) - roundingTokens) return false;
      level -= tokens;
      return true;
    },
    spend(nowMs, tokens) {
      fill(nowMs);
      level = Math.max(level - tokens, Math.min(level, -refillPerMs * 1000));
    },
    nextAtMs(nowMs, tokens = 1) {
      fill(nowMs);
      const wanted = Math.min(tokens, capacity);
      if (level >= wanted - roundingTokens) return nowMs;
      // Whole milliseconds upwards: timers have no finer grain, and rounding down would wake too early.
      return Math.max(nowMs, filledAtMs ?? nowMs) + Math.ceil((wanted - level) / refillPerMs);
    },
  };
}

function bucketShape(ratePerSecond: number): { readonly capacity: number; readonly refillPerMs: number } {
  if (!(ratePerSecond > 0) || !Number.isFinite(ratePerSecond)) {
    throw new RangeError(`expected a rate above 0 tokens per second, got ${ratePerSecond}`);
  }
  const rate = ratePerSecond < 1 ? ratePerSecond : Math.floor(ratePerSecond);
  if (rate < smallestBurstRate) return { capacity: 1, refillPerMs: rate / 1000 };
  const capacity = Math.floor(rate * burstShare);
  return { capacity, refillPerMs: (rate - capacity) / 1000 };
}
