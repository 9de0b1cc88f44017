import {
  type AwaitedReturn,
  awaitedReturn,
  type EarlierFigures,
  returnMessage,
  stillAwaited,
  unseenMessage,
} from './move-resumption.ts';

/** What a worker answered to one request of the move. */
export interface MoveProgress {
  /** Live sessions of the cohorts, wherever they are. */
  readonly sessions: number;
  /** Sessions closed in order by this request. */
  readonly closed: number;
  /** Sessions that still have to go. */
  readonly remaining: number;
  /** Those of the remaining that are closing already; each was counted in `closed` once. */
  readonly closing: number;
  readonly staying: readonly { readonly clientId: string; readonly reason: string }[];
}

export type MoveOutcome = 'done' | 'failed' | 'superseded' | 'aborted';

export interface ReconnectMoveState {
  readonly startedAtMs: number;
  readonly pacePerSecond: number;
  /** Since when the pace counts: the start, or later by the time that the move was paused. */
  readonly pacedFromMs: number;
  /** Paused since then. */
  readonly pausedAtMs: number | undefined;
  /** Sessions that had to go when the move began, and those found later. */
  readonly eligible: number;
  readonly moved: number;
  /** Allowances given out so far, so that the pace holds over the whole move. */
  readonly allowed: number;
  readonly refused: readonly { readonly clientId: string; readonly reason: string }[];
  /** Refused sessions beyond the listed ones. */
  readonly refusedTotal: number;
  /** Live sessions of the cohorts, at most while the move ran. */
  readonly sessions: number;
  readonly awaited: AwaitedReturn | undefined;
  readonly finishedAtMs: number | undefined;
  readonly outcome: MoveOutcome | undefined;
  readonly message: string | undefined;
}

/**
 * A cohort's move by reconnect, as a machine: every tick grants an allowance, the workers close that many sessions in
 * order, and the move is done when no worker has one left that would go elsewhere on its return.
 */
export function startReconnectMove(nowMs: number, pacePerSecond: number, earlier?: EarlierFigures): ReconnectMoveState {
  const { eligible = 0, moved = 0, sessions = 0 } = earlier ?? {};
  return {
    startedAtMs: nowMs,
    pacePerSecond,
    pacedFromMs: nowMs,
    pausedAtMs: undefined,
    eligible,
    moved,
    allowed: 0,
    refused: [],
    refusedTotal: 0,
    sessions,
    awaited: awaitedReturn(earlier),
    finishedAtMs: undefined,
    outcome: undefined,
    message: earlier === undefined ? undefined : returnMessage,
  };
}

/** How many sessions may be closed now: the pace times the time gone by, less what was allowed already. */
export function allowanceAt(state: ReconnectMoveState, nowMs: number): number {
  if (state.pausedAtMs !== undefined || state.outcome !== undefined) return 0;
  const earned = Math.floor(((nowMs - state.pacedFromMs) / 1000) * state.pacePerSecond) + 1;
  return Math.max(0, earned - state.allowed);
}

/** The state after all workers answered one tick; `allowance` is what the tick gave out. */
export function applyProgress(
  state: ReconnectMoveState,
  progress: readonly MoveProgress[],
  {
    nowMs,
    allowance,
    refusedListed,
  }: { readonly nowMs: number; readonly allowance: number; readonly refusedListed: number },
): ReconnectMoveState {
  const closed = progress.reduce((sum, worker) => sum + worker.closed, 0);
  const remaining = progress.reduce((sum, worker) => sum + worker.remaining, 0);
  const closing = progress.reduce((sum, worker) => sum + worker.closing, 0);
  const staying = progress.flatMap((worker) => worker.staying);
  const moved = state.moved + closed;
  const sessions = progress.reduce((sum, worker) => sum + worker.sessions, 0);
  const awaited = stillAwaited(state.awaited, { sessions, nowMs });
  const finished = remaining === 0 && awaited === undefined;
  const eligible = Math.max(state.eligible, moved + remaining - closing);
  const isBack = state.awaited !== undefined && awaited === undefined && state.pausedAtMs === undefined;
  return {
    ...state,
    moved,
    // Allowance that nobody used is not saved up for a burst, and one that was used is never given twice.
    allowed: state.allowed + (remaining === 0 ? closed : allowance),
    eligible,
    refused: staying.slice(0, refusedListed),
    refusedTotal: staying.length,
    sessions: Math.max(state.sessions, sessions),
    awaited,
    finishedAtMs: finished ? nowMs : undefined,
    outcome: finished ? 'done' : undefined,
    ...(isBack && { message: undefined }),
    ...(finished && { message: unseenMessage({ eligible, moved, listed: 0 }) }),
  };
}

/** While paused nothing is closed; sessions that are closing already go. */
export function pauseMove(state: ReconnectMoveState, nowMs: number, message: string): ReconnectMoveState {
  return state.outcome === undefined ? { ...state, pausedAtMs: state.pausedAtMs ?? nowMs, message } : state;
}

export function resumeMove(state: ReconnectMoveState, nowMs: number): ReconnectMoveState {
  const { pausedAtMs, outcome } = state;
  if (pausedAtMs === undefined || outcome !== undefined) return state;
  const pacedFromMs = state.pacedFromMs + (nowMs - pausedAtMs);
  const message = state.awaited === undefined ? undefined : returnMessage;
  return { ...state, pacedFromMs, pausedAtMs: undefined, message };
}

export function endMove(
  state: ReconnectMoveState,
  outcome: MoveOutcome,
  { nowMs, message }: { readonly nowMs: number; readonly message?: string },
): ReconnectMoveState {
  return state.outcome === undefined
    ? { ...state, pausedAtMs: undefined, outcome, finishedAtMs: nowMs, message }
    : state;
}
