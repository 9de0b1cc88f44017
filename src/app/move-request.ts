import type { LiveMode } from '../admin/admin-api.ts';

/** A cohort as the plan had it when the move began. */
export interface CohortPlacement {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly weightBps: number;
}

/** What an operator's verb asks of the live sessions of its cohorts. */
export interface MoveRequest {
  readonly kind: 'cutover' | 'rollback';
  readonly cohorts: readonly string[];
  /** Its revision; a preparation's is the one that stands. */
  readonly revision: number;
  readonly author: string;
  readonly reason: string;
  readonly live: LiveMode;
  readonly pacePerSecond: number;
  readonly placements: readonly CohortPlacement[];
  /** Second connections only, for the weight that is to come. */
  readonly prepare?: { readonly cohort: string; readonly weightBps: number };
}

/** Brokers that sessions of the move leave. */
export function brokersLeft({ kind, placements }: MoveRequest): readonly string[] {
  return [...new Set(placements.map(({ source, target }) => (kind === 'cutover' ? source : target)))];
}

/** Brokers that sessions of the move go to. */
export function destinationsOf({ kind, placements }: Pick<MoveRequest, 'kind' | 'placements'>): readonly string[] {
  return [...new Set(placements.map(({ source, target }) => (kind === 'cutover' ? target : source)))];
}

/** Whether what the older move began towards its brokers may have to be taken back for the newer one. */
export function pointsElsewhere(older: MoveRequest, newer: MoveRequest): boolean {
  if (newer.kind === 'rollback' || older.kind === 'rollback') return true;
  return older.cohorts.some((cohort) => (weightOf(newer, cohort) ?? 0) < (weightOf(older, cohort) ?? 0));
}

function weightOf({ prepare, placements }: MoveRequest, cohort: string): number | undefined {
  if (prepare?.cohort === cohort) return prepare.weightBps;
  return placements.find(({ name }) => name === cohort)?.weightBps;
}
