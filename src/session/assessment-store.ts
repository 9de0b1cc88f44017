import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { AssessmentCounts } from './assessment-counts.ts';
import type { AssessedClient } from './assessments.ts';

/** What became known of one device; times are milliseconds of the wall clock. */
export interface AssessmentNote extends AssessedClient {
  /** Set of `adaptationBit`s. */
  readonly adaptations: number;
  readonly obstacles: readonly NotedObstacle[];
}

export interface NotedObstacle {
  readonly kind: Obstacle;
  readonly example: string;
}

export interface HeldDevice {
  readonly clientId: string;
  readonly example: string;
  readonly lastSeenMs: number;
}

/**
 * The durable memory of what targets could not carry, by client ID. Notes gather until `flush`; `obstacleOf` sees them
 * before that. An obstacle lapses some time after it was last seen, so that a device whose habits changed may move.
 */
export interface AssessmentStore {
  /** Throws when too many wait for `flush`. */
  note(note: AssessmentNote, nowMs: number): void;
  /** Synchronous: it is asked per CONNECT that the plan wants on a target. Throws when unreadable. */
  obstacleOf(clientId: string, target: string, nowMs: number): Obstacle | undefined;
  /** As of the last `flush` and `lapse`; undefined: nothing was observed. */
  countsOf(cohort: string, target: string): AssessmentCounts | undefined;
  /** Devices that an obstacle holds on the source, the last seen first. */
  heldBy(
    obstacle: Obstacle,
    of: { readonly cohort: string; readonly target: string },
    limit: number,
  ): readonly HeldDevice[];
  /** Writes a bounded part of what waits; true when something still waits. Throws when it cannot be written. */
  flush(): boolean;
  /** Forgets a bounded number of obstacles that lapsed; true when there may be more. Throws when it cannot. */
  lapse(nowMs: number): boolean;
  close(): void;
}
