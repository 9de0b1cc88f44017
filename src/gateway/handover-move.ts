import type { HandoverReply } from './live-session.ts';
import {
  type AwaitedReturn,
  awaitedReturn,
  type EarlierFigures,
  returnMessage,
  stillAwaited,
  unseenMessage,
} from './move-resumption.ts';
import type { MoveOutcome } from './reconnect-move.ts';

export interface HandoverMoveTerms {
  /** Second legs dialled per second, by all workers together. */
  readonly pacePerSecond: number;
  /** CONNECTs that these may cost per second: a session that costs two takes the pace of two where that is less. */
  readonly connectsPerSecond?: number | undefined;
  /** Why they are fewer than somebody asked; told while the move runs. */
  readonly paceNote?: string | undefined;
  /** Only makes the second legs; nothing is cut. */
  readonly isPrepare: boolean;
  /** Of the attempts; above it the move stops itself. */
  readonly abortPercent: number;
  readonly refusedListed: number;
}

interface Refusal {
  readonly clientId: string;
  readonly reason: string;
}

export interface HandoverMoveState {
  readonly terms: HandoverMoveTerms;
  readonly startedAtMs: number;
  readonly isPaused: boolean;
  /** Attempts that may begin by the pace, as of `creditedAtMs`. */
  readonly credit: number;
  readonly creditedAtMs: number;
  /** The first sessions went well: from here on the pace alone says how many. */
  readonly isBeyondCanary: boolean;
  readonly begun: number;
  readonly aborted: number;
  readonly moved: number;
  readonly prepared: number;
  readonly underWay: number;
  /** Sessions that had to go when the move began, and those found later. */
  readonly eligible: number;
  readonly unknownSubscriptions: number;
  readonly asleep: number;
  readonly unregistered: number;
  /** Those pending sessions. */
  readonly waiting: readonly Refusal[];
  readonly staying: readonly Refusal[];
  /** Live sessions of the cohorts, at most while the move ran. */
  readonly sessions: number;
  readonly awaited: AwaitedReturn | undefined;
  /** Sessions whose attempts were given up, with the last reason. */
  readonly troubled: ReadonlyMap<string, { readonly times: number; readonly reason: string }>;
  readonly timesByReason: ReadonlyMap<string, number>;
  readonly finishedAtMs: number | undefined;
  readonly outcome: MoveOutcome | undefined;
  readonly message: string | undefined;
  /** Of a preparation that is done: what ended a second connection, or its attempt, last. */
  readonly lapse?: string | undefined;
}

/** One session, then so many further ones; then the rest. */
const canaries = { first: 1, all: 11 };
/** Seconds of pace that may be under way: a broker that hangs must not gather every session. */
const underWaySeconds = 10;
const leastUnderWay = 20;
/** Seconds of pace that are left to others where the connect rate had no room for a session. */
const backOffSeconds = 1;
/** Seconds of pace that may be saved up between two questions. */
const burstSeconds = 0.5;
/** A move never stops itself before so many attempts were given up. */
const abortsTolerated = 5;
/** A session given up so often is listed as refused when it is all that remains. */
const attemptsOfOne = 3;
const reasonsCounted = 50;
const reasonsTold = 3;

/**
 * A cohort's move by handover, as a machine: every tick grants an allowance of sessions to dial for, the workers answer
 * how they stand. Sessions with a warm leg need no allowance. It stops itself when too many attempts are given up, and
 * is done when nobody remains but those that are listed.
 */
export function startHandoverMove(
  nowMs: number,
  terms: HandoverMoveTerms,
  earlier?: EarlierFigures,
): HandoverMoveState {
  const { eligible = 0, moved = 0, aborted = 0, sessions = 0 } = earlier ?? {};
  return {
    terms,
    startedAtMs: nowMs,
    isPaused: false,
    credit: 1,
    creditedAtMs: nowMs,
    isBeyondCanary: moved >= canaries.all,
    begun: moved + aborted,
    aborted,
    moved,
    prepared: 0,
    underWay: 0,
    eligible,
    unknownSubscriptions: 0,
    asleep: 0,
    unregistered: 0,
    waiting: [],
    staying: [],
    sessions,
    awaited: awaitedReturn(earlier),
    troubled: new Map(),
    timesByReason: aborted === 0 ? new Map() : new Map([['before the restart', aborted]]),
    finishedAtMs: undefined,
    outcome: undefined,
    message: earlier === undefined ? terms.paceNote : returnMessage,
  };
}

/** How many sessions without a warm leg may be begun now. */
export function handoverAllowance(state: HandoverMoveState, nowMs: number): number {
  if (state.isPaused || state.outcome !== undefined) return 0;
  const { pacePerSecond } = state.terms;
  const concurrent = Math.max(leastUnderWay, Math.floor(pacePerSecond * underWaySeconds)) - state.underWay;
  return Math.max(0, Math.min(Math.floor(creditAt(state, nowMs)), concurrent, canaryRoom(state)));
}

/** The state after one tick; `allowance` is what it gave out, and a worker that did not answer has no reply. */
export function applyReplies(
  state: HandoverMoveState,
  replies: readonly (HandoverReply | undefined)[],
  { nowMs, allowance }: { readonly nowMs: number; readonly allowance: number },
): HandoverMoveState {
  if (state.outcome !== undefined) return state;
  const answered = replies.filter((reply) => reply !== undefined);
  const begun = sum(answered, (reply) => reply.begun + reply.contacted);
  const requeued = sum(answered, (reply) => reply.requeued);
  const turnedAway = sum(answered, (reply) => reply.turnedAway);
  const isComplete = replies.length > 0 && answered.length === replies.length;
  const counted = countAborts(
    {
      ...state,
      // What was put back counts as not begun: it went neither well nor wrong.
      begun: Math.max(0, state.begun + begun - requeued - turnedAway),
      moved: state.moved + sum(answered, ({ moved }) => moved),
      // What a silent worker began is not known: its share counts as used.
      credit: creditLeft(state, { nowMs, spent: isComplete ? spentBy(state, answered) : allowance, requeued }),
      creditedAtMs: nowMs,
    },
    answered.flatMap(({ aborted }) => aborted),
  );
  // A picture without one of the workers would make the move look done.
  if (!isComplete) return judgeAborts(counted, nowMs);
  const remaining = sum(answered, (reply) => reply.remaining);
  const pictured = picture(counted, answered, { nowMs, remaining });
  const isIdle = allowance > 0 && begun === 0 && pictured.underWay === 0;
  return judgeAborts(judgeEnd(pictured, { nowMs, remaining, isIdle }), nowMs);
}

/** While paused nothing is begun or cut; what is under way up to its switch is the workers' to take back or finish. */
export function pauseHandover(state: HandoverMoveState, message: string): HandoverMoveState {
  return state.outcome === undefined ? { ...state, isPaused: true, message } : state;
}

export function resumeHandover(state: HandoverMoveState, nowMs: number): HandoverMoveState {
  if (state.outcome !== undefined || !state.isPaused) return state;
  const message = state.awaited === undefined ? state.terms.paceNote : returnMessage;
  return { ...state, isPaused: false, message, credit: Math.min(1, state.credit), creditedAtMs: nowMs };
}

export function endHandover(
  state: HandoverMoveState,
  outcome: MoveOutcome,
  { nowMs, message }: { readonly nowMs: number; readonly message?: string },
): HandoverMoveState {
  if (state.outcome !== undefined) return state;
  // What stood by is closed.
  const prepared = outcome === 'aborted' ? 0 : state.prepared;
  return { ...state, isPaused: false, prepared, outcome, finishedAtMs: nowMs, message };
}

/**
 * What became of the sessions that were under way when the move ended: those that had switched count. With `isLast` no
 * more is asked, because a newer move of the cohort has them now.
 */
export function settleHandover(
  state: HandoverMoveState,
  replies: readonly (HandoverReply | undefined)[],
  { isLast }: { readonly isLast: boolean },
): HandoverMoveState {
  const answered = replies.filter((reply) => reply !== undefined);
  const moved = state.moved + sum(answered, (reply) => reply.moved);
  if (isLast) return { ...state, moved, prepared: 0, underWay: 0 };
  const prepared = sum(answered, (reply) => reply.prepared);
  return { ...state, moved, prepared, underWay: sum(answered, (reply) => reply.underWay) };
}

/** Sessions that do not move, with the reason; `total` counts those beyond the listed ones too. */
export function refusedBy(state: HandoverMoveState): { readonly listed: readonly Refusal[]; readonly total: number } {
  const { staying, terms } = state;
  const tried = hopeless(state).map(([clientId, { times, reason }]) => ({
    clientId,
    reason: `given up ${times} times: ${reason}`,
  }));
  const all = [...staying, ...tried];
  return { listed: all.slice(0, terms.refusedListed), total: all.length };
}

function creditAt({ credit, creditedAtMs, terms }: HandoverMoveState, nowMs: number): number {
  const earned = credit + ((nowMs - creditedAtMs) / 1_000) * terms.pacePerSecond;
  return Math.min(earned, Math.max(1, terms.pacePerSecond * burstSeconds));
}

/** In sessions of the pace. */
function spentBy({ terms }: HandoverMoveState, replies: readonly HandoverReply[]): number {
  const connects = sum(replies, ({ begunConnects }) => begunConnects);
  const { pacePerSecond, connectsPerSecond = Number.POSITIVE_INFINITY } = terms;
  return Math.max(
    sum(replies, ({ begun, contacted }) => begun + contacted),
    (connects * pacePerSecond) / connectsPerSecond,
  );
}

function creditLeft(
  state: HandoverMoveState,
  { nowMs, spent, requeued }: { readonly nowMs: number; readonly spent: number; readonly requeued: number },
): number {
  const left = creditAt(state, nowMs) - spent;
  return requeued === 0 ? left : Math.min(left, -state.terms.pacePerSecond * backOffSeconds);
}

function canaryRoom(state: HandoverMoveState): number {
  if (state.isBeyondCanary) return Number.POSITIVE_INFINITY;
  const passed = passedCanaries(state);
  return (passed < canaries.first ? canaries.first : canaries.all - passed) - state.underWay;
}

/** How often sessions wait until those before them went well, or are the last. */
export function canaryRounds(sessions: number): number {
  return [0, canaries.first, canaries.all].filter((passed) => sessions > passed).length;
}

function passedCanaries({ begun, aborted, underWay }: HandoverMoveState): number {
  return Math.max(0, begun - aborted - underWay);
}

function countAborts(state: HandoverMoveState, aborts: readonly Refusal[]): HandoverMoveState {
  if (aborts.length === 0) return state;
  const troubled = new Map(state.troubled);
  const timesByReason = new Map(state.timesByReason);
  for (const { clientId, reason } of aborts) {
    const times = (troubled.get(clientId)?.times ?? 0) + 1;
    if (times > 1 || troubled.size < state.terms.refusedListed) troubled.set(clientId, { times, reason });
    const isCounted = timesByReason.has(reason) || timesByReason.size < reasonsCounted;
    if (isCounted) timesByReason.set(reason, (timesByReason.get(reason) ?? 0) + 1);
  }
  return { ...state, aborted: state.aborted + aborts.length, troubled, timesByReason };
}

/** What the replies say of this moment, in place of what the last ones said. */
function picture(
  state: HandoverMoveState,
  replies: readonly HandoverReply[],
  { nowMs, remaining }: { readonly nowMs: number; readonly remaining: number },
): HandoverMoveState {
  const sessions = sum(replies, (reply) => reply.sessions);
  const awaited = stillAwaited(state.awaited, { sessions, nowMs });
  const isBack = state.awaited !== undefined && awaited === undefined && !state.isPaused;
  const pictured = {
    ...state,
    ...(isBack && { message: state.terms.paceNote }),
    awaited,
    sessions: Math.max(state.sessions, sessions),
    prepared: sum(replies, ({ prepared }) => prepared),
    underWay: sum(replies, ({ underWay }) => underWay),
    eligible: Math.max(state.eligible, state.moved + remaining),
    unknownSubscriptions: sum(replies, ({ unknownSubscriptions }) => unknownSubscriptions),
    asleep: sum(replies, ({ asleep }) => asleep),
    unregistered: sum(replies, ({ unregistered }) => unregistered),
    waiting: replies.flatMap(({ waiting }) => waiting),
    staying: replies.flatMap(({ staying }) => staying),
  };
  return { ...pictured, isBeyondCanary: state.isBeyondCanary || passedCanaries(pictured) >= canaries.all };
}

function judgeEnd(
  state: HandoverMoveState,
  { nowMs, remaining, isIdle }: { readonly nowMs: number; readonly remaining: number; readonly isIdle: boolean },
): HandoverMoveState {
  if (state.awaited !== undefined) return state;
  const { terms, prepared, eligible, moved } = state;
  const missing = terms.isPrepare ? remaining - prepared : remaining;
  const isDone = remaining === 0 || (isIdle && missing <= hopeless(state).length);
  if (!isDone) return state;
  const unseen = terms.isPrepare ? undefined : unseenMessage({ eligible, moved, listed: remaining });
  return endHandover(state, 'done', { nowMs, ...(unseen !== undefined && { message: unseen }) });
}

/** Sessions that were given up again and again; those that stay by now are listed as such. */
function hopeless({ troubled, staying }: HandoverMoveState) {
  const stays = new Set(staying.map(({ clientId }) => clientId));
  return [...troubled].filter(([clientId, { times }]) => times >= attemptsOfOne && !stays.has(clientId));
}

function judgeAborts(state: HandoverMoveState, nowMs: number): HandoverMoveState {
  const { aborted, begun, moved, prepared, underWay, terms } = state;
  const settled = moved + aborted + underWay + (terms.isPrepare ? prepared : 0);
  const attempts = Math.max(begun, settled);
  if (aborted < abortsTolerated || aborted * 100 <= attempts * terms.abortPercent) return state;
  const commonest = [...state.timesByReason].toSorted(([, a], [, b]) => b - a).slice(0, reasonsTold);
  const told = commonest.map(([reason, times]) => `${times} × ${reason}`).join(', ');
  const message = `${aborted} of ${attempts} attempts were given up, more than ${terms.abortPercent}%: ${told}`;
  return endHandover(state, 'failed', { nowMs, message });
}

function sum(replies: readonly HandoverReply[], figure: (reply: HandoverReply) => number): number {
  return replies.reduce((total, reply) => total + figure(reply), 0);
}
