import type { LiveMode } from '../admin/admin-api.ts';
import type { CohortTerms } from '../plan/cohort-terms.ts';

/** A cohort as the plan had it when the move began. */
export interface CohortPlacement extends CohortTerms {
  /** The weight before the verb. */
  readonly formerBps?: number;
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
  /** CONNECTs per second that a handover may cost its target; absent: no bound is known. */
  readonly connectsPerSecond?: number;
  /** Why it is slower than its operator asked. */
  readonly paceNote?: string;
  readonly placements: readonly CohortPlacement[];
  /** Second connections only, for the weight that is to come. */
  readonly prepare?: { readonly cohort: string; readonly weightBps: number };
}

/** Where the cohorts' sessions belong once it is done; a preparation's is the weight that is to come. */
export function placementsToCome({ placements, prepare }: Pick<MoveRequest, 'placements' | 'prepare'>) {
  return placements.map((placement): CohortPlacement => {
    if (placement.name !== prepare?.cohort) return placement;
    return { ...placement, weightBps: prepare.weightBps, formerBps: placement.weightBps };
  });
}

/** Brokers that sessions of the move may go to: by which way the weights change, and both where they do not. */
export function destinationsOf(request: Pick<MoveRequest, 'kind' | 'placements' | 'prepare'>): readonly string[] {
  const brokers = placementsToCome(request).flatMap((placement) => {
    const change = changeOf(placement, request);
    return [...(change < 0 ? [] : [placement.target]), ...(change > 0 ? [] : [placement.source])];
  });
  return [...new Set(brokers)];
}

/** Where every weight falls, those that were moved last go first. */
export function orderOf(request: Pick<MoveRequest, 'kind' | 'placements' | 'prepare'>): 'first-first' | 'last-first' {
  const falls = placementsToCome(request).every((placement) => changeOf(placement, request) < 0);
  return falls ? 'last-first' : 'first-first';
}

/**
 * Above 0: sessions go to the target, below to the source. A rollback only ever takes back; a cutover to the weight that
 * stands moves whoever is not where that wants it. A request of an earlier version does not know the weight before.
 */
function changeOf({ weightBps, formerBps }: CohortPlacement, { kind }: Pick<MoveRequest, 'kind'>): number {
  if (kind === 'rollback') return -1;
  return formerBps === undefined ? 1 : weightBps - formerBps;
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
