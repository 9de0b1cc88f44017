import type { MoveDocument } from '../admin/admin-api.ts';
import { figuresOf, isPaused, type MoveCourse } from './move-course.ts';
import { destinationsOf, type MoveRequest } from './move-request.ts';

/** A move of an operator, under way or ended. */
export interface Move {
  readonly id: string;
  readonly request: MoveRequest;
  readonly startedAtWallMs: number;
  /** The same on the monotonic clock, also of a move that an earlier control process began. */
  readonly startedAtMs: number;
  course: MoveCourse;
  /** Why an operator paused it; a freeze is no reason of its own. */
  pausedBy: string | undefined;
  /** Persistent sessions that it cannot reach because their devices are away. */
  offline: number;
  /** What its switches wait for, or did not wait for any longer. */
  note: string | undefined;
}

/** The move as operators see it. */
export function toMoveDocument(
  { id, request, startedAtWallMs, startedAtMs, course, offline, note }: Move,
  nowMs: number,
): MoveDocument {
  const { state } = course;
  const { prepared, underWay, aborted, unknownSubscriptions, asleep, unregistered, waiting, refused, refusedTotal } =
    figuresOf(course);
  const durationMs = Math.round((state.finishedAtMs ?? nowMs) - startedAtMs);
  return {
    id,
    state: state.outcome ?? (isPaused(course) ? 'paused' : 'running'),
    kind: request.kind,
    cohorts: request.cohorts,
    destinations: destinationsOf(request),
    revision: request.revision,
    author: request.author,
    reason: request.reason,
    live: request.live,
    prepareOnly: request.prepare !== undefined,
    pacePerSecond: request.pacePerSecond,
    eligible: state.eligible,
    moved: state.moved,
    prepared,
    underWay,
    aborted,
    pending: { offline, unknownSubscriptions, asleep, unregistered, listed: waiting },
    refused,
    refusedTotal,
    startedAt: new Date(startedAtWallMs).toISOString(),
    finishedAt: state.finishedAtMs === undefined ? null : new Date(startedAtWallMs + durationMs).toISOString(),
    durationMs,
    message: [state.message, note].filter((text) => text !== undefined).join('; ') || null,
  };
}
