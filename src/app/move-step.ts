import type { Clock } from '../base/clock.ts';
import { applyReplies, handoverAllowance, settleHandover } from '../gateway/handover-move.ts';
import { allowanceAt, applyProgress } from '../gateway/reconnect-move.ts';
import { isPaused, type MoveCourse } from './move-course.ts';
import type { Move } from './move-document.ts';
import { orderOf } from './move-request.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface MoveStepDeps {
  readonly clock: Clock;
  readonly workers: Pick<WorkerMoves, 'closeSessions' | 'handOver'>;
  readonly refusedListed: number;
}

/** What the workers answered: applied to the course that stands then, which an operator may have paused meanwhile. */
export interface MoveStep {
  readonly apply: (course: MoveCourse) => MoveCourse;
  /** What it cost the worker that had most to do, milliseconds. */
  readonly workMs: number;
}

/** Asks the workers once. Undefined: there is nothing to ask now. */
export async function askWorkers(
  { id, course, request }: Pick<Move, 'id' | 'course' | 'request'>,
  { clock, workers, refusedListed }: MoveStepDeps,
  holdsSwitches: boolean,
): Promise<MoveStep | undefined> {
  const { cohorts, prepare } = request;
  const order = orderOf(request);
  if (course.way === 'reconnect') {
    if (isPaused(course)) return undefined;
    const allowance = allowanceAt(course.state, clock.monotonicMs());
    const askedMs = clock.monotonicMs();
    const progress = await workers.closeSessions({ cohorts, limit: allowance, order });
    const told = { nowMs: clock.monotonicMs(), allowance, refusedListed };
    return {
      apply: (now) =>
        now.way === 'reconnect' ? { way: 'reconnect', state: applyProgress(now.state, progress, told) } : now,
      workMs: told.nowMs - askedMs,
    };
  }
  const allowance = handoverAllowance(course.state, clock.monotonicMs());
  const replies = await workers.handOver({
    ...{ move: id, cohorts, begin: allowance, order },
    ...(prepare !== undefined && { prepare }),
    ...(course.state.isPaused && { isPaused: true }),
    ...(holdsSwitches && { holdsSwitches }),
  });
  const told = { nowMs: clock.monotonicMs(), allowance };
  return {
    apply: (now) => (now.way === 'handover' ? { way: 'handover', state: applyReplies(now.state, replies, told) } : now),
    workMs: Math.max(0, ...replies.map((reply) => reply?.workMs ?? 0)),
  };
}

/** The move has ended: what became of what was under way. `isLast`: a newer move of its cohorts has the rest. */
export async function askHowItEnded(
  { id, course, request }: Pick<Move, 'id' | 'course' | 'request'>,
  { workers, isLast }: Pick<MoveStepDeps, 'workers'> & { readonly isLast: boolean },
): Promise<{ readonly course: MoveCourse; readonly isSettled: boolean }> {
  if (course.way !== 'handover') return { course, isSettled: true };
  const { cohorts, prepare } = request;
  const question = { move: id, cohorts, begin: 0, order: orderOf(request), isPaused: true };
  const replies = await workers.handOver({ ...question, ...(prepare !== undefined && { prepare }) });
  const state = settleHandover(course.state, replies, { isLast });
  const isComplete = replies.length > 0 && replies.every((reply) => reply !== undefined);
  return { course: { way: 'handover', state }, isSettled: isComplete && state.underWay === 0 };
}
