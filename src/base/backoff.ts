export interface BackoffOptions {
  /** Upper bound of the first delay, milliseconds. */
  readonly baseMs: number;
  /** Upper bound of every delay, milliseconds. */
  readonly maxMs: number;
}

/**
 * Full jitter: a delay drawn evenly from 0 up to the smaller of `maxMs` and `baseMs` × 2^attempt, in milliseconds.
 * `attempt` counts from 0; `random` is a number with 0 ≤ random < 1 that the caller drew.
 */
export function backoffDelayMs(attempt: number, random: number, { baseMs, maxMs }: BackoffOptions): number {
  return Math.floor(random * Math.min(maxMs, baseMs * 2 ** attempt));
}
