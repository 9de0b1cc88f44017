/** How many probes change a verdict, and how long it then stands. */
export interface VerdictThresholds {
  /** Good probes in a row that bring up what is down. */
  readonly rise: number;
  /** Failed probes in a row that take down what is up. */
  readonly fall: number;
  /** Milliseconds that a verdict of down stands at least; twice as long each time that it does not stay up. */
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
  /** Milliseconds that the last verdict of down stands, or stood, at least; 0: there was none. */
  readonly heldMs: number;
}

/** Of what is known to have been down before these probes began: good ones bring it up, and nothing holds it. */
export function formerlyDown(nowMs: number): HealthState {
  return { ...initialHealth(nowMs), verdict: 'down' };
}

/** In hold-downs: what was up for so long is steady again. */
const steadyHoldDowns = 10;
/** In hold-downs: the longest that what flaps is held. */
const mostHoldDowns = 8;

export function initialHealth(nowMs: number): HealthState {
  return { verdict: 'unknown', contrary: 0, changedAtMs: nowMs, heldMs: 0 };
}

/** The state after one more probe; `nowMs` on the clock of the earlier ones. */
export function judgeProbe(
  state: HealthState,
  outcome: ProbeOutcome,
  thresholds: VerdictThresholds,
  nowMs: number,
): HealthState {
  if (outcome === 'inconclusive') return state;
  const { rise, fall } = thresholds;
  // The first good probe is enough to believe in what nothing speaks against.
  if (state.verdict === 'unknown' && outcome === 'good') return { ...initialHealth(nowMs), verdict: 'up' };
  const isContrary = (outcome === 'good') === (state.verdict === 'down');
  if (!isContrary) return state.contrary === 0 ? state : { ...state, contrary: 0 };
  const contrary = state.contrary + 1;
  const verdict = state.verdict === 'down' ? 'up' : 'down';
  const isHeld = state.verdict === 'down' && nowMs - state.changedAtMs < state.heldMs;
  if (contrary < (verdict === 'up' ? rise : fall) || isHeld) return { ...state, contrary };
  const heldMs = verdict === 'down' ? nextHoldMs(state, thresholds, nowMs) : state.heldMs;
  return { verdict, contrary: 0, changedAtMs: nowMs, heldMs };
}

/** What comes up only to fall again is not believed as soon the next time: each change moves devices. */
function nextHoldMs({ heldMs, changedAtMs }: HealthState, { holdDownMs }: VerdictThresholds, nowMs: number): number {
  const wasSteady = heldMs === 0 || nowMs - changedAtMs >= steadyHoldDowns * holdDownMs;
  return wasSteady ? holdDownMs : Math.min(2 * heldMs, mostHoldDowns * holdDownMs);
}
