/** How many probes change a verdict, and how long it then stands. */
export interface VerdictThresholds {
  /** Good probes in a row that bring up what is down. */
  readonly rise: number;
  /** Failed probes in a row that take down what is up. */
  readonly fall: number;
  /** Milliseconds that a verdict of down stands at least: what flaps stays down. */
  readonly holdDownMs: number;
}

/** Nothing is `unknown` any more after the first good probe, or after `fall` failed ones. */
export type HealthVerdict = 'up' | 'down' | 'unknown';

/** `inconclusive`: the probe itself could not be made (no descriptor, no way to any site), which says nothing of what is probed. */
export type ProbeOutcome = 'good' | 'failed' | 'inconclusive';

export interface HealthState {
  readonly verdict: HealthVerdict;
  /** Probes in a row that speak against the verdict. */
  readonly contrary: number;
  /** Monotonic milliseconds of the last change of the verdict. */
  readonly changedAtMs: number;
}

export function initialHealth(nowMs: number): HealthState {
  return { verdict: 'unknown', contrary: 0, changedAtMs: nowMs };
}

/** The state after one more probe; `nowMs` on the clock of the earlier ones. */
export function judgeProbe(
  state: HealthState,
  outcome: ProbeOutcome,
  { rise, fall, holdDownMs }: VerdictThresholds,
  nowMs: number,
): HealthState {
  if (outcome === 'inconclusive') return state;
  // The first good probe is enough to believe in what nothing speaks against.
  if (state.verdict === 'unknown' && outcome === 'good') return { verdict: 'up', contrary: 0, changedAtMs: nowMs };
  const isContrary = (outcome === 'good') === (state.verdict === 'down');
  if (!isContrary) return state.contrary === 0 ? state : { ...state, contrary: 0 };
  const contrary = state.contrary + 1;
  const verdict = state.verdict === 'down' ? 'up' : 'down';
  const isHeld = state.verdict === 'down' && nowMs - state.changedAtMs < holdDownMs;
  if (contrary < (verdict === 'up' ? rise : fall) || isHeld) return { ...state, contrary };
  return { verdict, contrary: 0, changedAtMs: nowMs };
}
