import {
  endHandover,
  type HandoverMoveState,
  type HandoverMoveTerms,
  pauseHandover,
  refusedBy,
  resumeHandover,
  startHandoverMove,
} from '../gateway/handover-move.ts';
import type { EarlierFigures } from '../gateway/move-resumption.ts';
import {
  endMove,
  type MoveOutcome,
  pauseMove,
  type ReconnectMoveState,
  resumeMove,
  startReconnectMove,
} from '../gateway/reconnect-move.ts';
import type { MoveRequest } from './move-request.ts';

/** How a move goes, whichever way its sessions go. */
export type MoveCourse =
  | { readonly way: 'reconnect'; readonly state: ReconnectMoveState }
  | { readonly way: 'handover'; readonly state: HandoverMoveState };

export interface CourseFigures {
  readonly prepared: number;
  readonly underWay: number;
  readonly aborted: number;
  readonly unknownSubscriptions: number;
  readonly asleep: number;
  readonly unregistered: number;
  readonly waiting: readonly { readonly clientId: string; readonly reason: string }[];
  readonly refused: readonly { readonly clientId: string; readonly reason: string }[];
  readonly refusedTotal: number;
}

export function startCourse(
  {
    request: { live, pacePerSecond, connectsPerSecond, paceNote, prepare },
    nowMs,
    earlier,
  }: { readonly request: MoveRequest; readonly nowMs: number; readonly earlier: EarlierFigures | undefined },
  { abortPercent, refusedListed }: Pick<HandoverMoveTerms, 'abortPercent' | 'refusedListed'>,
): MoveCourse {
  if (live !== 'handover') return { way: 'reconnect', state: startReconnectMove(nowMs, pacePerSecond, earlier) };
  const terms = {
    pacePerSecond,
    connectsPerSecond,
    paceNote,
    isPrepare: prepare !== undefined,
    abortPercent,
    refusedListed,
  };
  return { way: 'handover', state: startHandoverMove(nowMs, terms, earlier) };
}

/** Tells two moments of a move apart by how far it has come. */
export function progressOf(course: MoveCourse): string {
  const { prepared, underWay, aborted, waiting, refusedTotal } = figuresOf(course);
  const { moved, eligible, sessions } = course.state;
  return [moved, eligible, sessions, prepared, underWay, aborted, waiting.length, refusedTotal].join();
}

/** A preparation that is done still holds connections, so it can be ended once more. */
export function reopenCourse(course: MoveCourse): MoveCourse {
  if (course.way !== 'handover') return course;
  return { way: 'handover', state: { ...course.state, outcome: undefined, finishedAtMs: undefined } };
}

export function isPaused(course: MoveCourse): boolean {
  return course.way === 'handover' ? course.state.isPaused : course.state.pausedAtMs !== undefined;
}

export function pauseCourse(course: MoveCourse, nowMs: number, message: string): MoveCourse {
  return course.way === 'handover'
    ? { way: 'handover', state: pauseHandover(course.state, message) }
    : { way: 'reconnect', state: pauseMove(course.state, nowMs, message) };
}

export function resumeCourse(course: MoveCourse, nowMs: number): MoveCourse {
  return course.way === 'handover'
    ? { way: 'handover', state: resumeHandover(course.state, nowMs) }
    : { way: 'reconnect', state: resumeMove(course.state, nowMs) };
}

export function endCourse(
  course: MoveCourse,
  outcome: MoveOutcome,
  at: { readonly nowMs: number; readonly message?: string },
): MoveCourse {
  return course.way === 'handover'
    ? { way: 'handover', state: endHandover(course.state, outcome, at) }
    : { way: 'reconnect', state: endMove(course.state, outcome, at) };
}

export function figuresOf(course: MoveCourse): CourseFigures {
  if (course.way === 'handover') {
    const { prepared, underWay, aborted, unknownSubscriptions, asleep, unregistered } = course.state;
    const waiting = course.state.waiting.slice(0, course.state.terms.refusedListed);
    const { listed: refused, total: refusedTotal } = refusedBy(course.state);
    const pending = { unknownSubscriptions, asleep, unregistered, waiting };
    return { prepared, underWay, aborted, ...pending, refused, refusedTotal };
  }
  const { refused, refusedTotal } = course.state;
  const none = {
    prepared: 0,
    underWay: 0,
    aborted: 0,
    unknownSubscriptions: 0,
    asleep: 0,
    unregistered: 0,
    waiting: [],
  };
  return { ...none, refused, refusedTotal };
}

/** Why a move cannot be paused, resumed or aborted. */
export interface MoveRefusal {
  readonly kind: 'not-found' | 'not-now' | 'frozen';
  readonly message: string;
}
