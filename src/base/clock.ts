/** The time that a shell passes to a machine. Tests pass their own. */
export interface Clock {
  /** Milliseconds on a monotonic clock; only differences mean something. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
