import { deepFreeze } from '../base/freeze.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Cohort, Plan, SplitWeights } from './plan.ts';
import { renderWeight, wholeBps } from './weight.ts';

/** Why a verb cannot be applied to a plan; `message` is for the operator. */
export interface PlanChangeFailure {
  readonly kind: 'unknown-cohort' | 'would-raise' | 'unsafe-succession';
  readonly message: string;
}

export interface CutoverRequest {
  readonly cohort: string;
  readonly weightBps: number;
}

export interface RollbackRequest {
  /** Absent: all cohorts. */
  readonly cohort?: string;
  /** The weight to go back to, or the plan of an earlier revision whose weights to go back to. Absent: 0. */
  readonly to?: number | Plan;
}

/** The plan with the cohort at that weight, up or down. */
export function cutover(plan: Plan, { cohort, weightBps }: CutoverRequest): Result<Plan, PlanChangeFailure> {
  const known = cohortNamed(plan, cohort);
  return known.ok ? success(withWeights(plan, ({ name }) => (name === cohort ? weightBps : undefined))) : known;
}

/**
 * The plan with one cohort, or all, taken back. It never raises a weight, because a rollback stays possible while
 * cutovers are frozen: one cohort that would rise is refused, of all cohorts those that would rise keep their weight.
 */
export function rollback(plan: Plan, { cohort, to = 0 }: RollbackRequest): Result<Plan, PlanChangeFailure> {
  if (cohort === undefined) {
    return success(
      withWeights(plan, ({ name, weightBps }) => Math.min(weightBps, earlierWeight(to, name) ?? weightBps)),
    );
  }
  const known = cohortNamed(plan, cohort);
  if (!known.ok) return known;
  const weightBps = earlierWeight(to, cohort);
  if (weightBps === undefined) {
    return refuse('unknown-cohort', `cohort ${JSON.stringify(cohort)} did not exist in the revision to go back to`);
  }
  if (weightBps > known.value.weightBps) {
    const [from, up] = [renderWeight(known.value.weightBps), renderWeight(weightBps)];
    return refuse('would-raise', `a rollback cannot raise cohort ${cohort} from ${from} to ${up}: use cutover`);
  }
  return success(withWeights(plan, ({ name }) => (name === cohort ? weightBps : undefined)));
}

/** The plan with these weights for a split, which may be new to it. */
export function setSplit(plan: Plan, { name, weights }: SplitWeights): Plan {
  const isKnown = plan.splits.some((split) => split.name === name);
  const splits = isKnown
    ? plan.splits.map((split) => (split.name === name ? { name, weights } : split))
    : [...plan.splits, { name, weights }];
  return deepFreeze({ ...plan, splits });
}

/**
 * Whether `next` may follow `previous` (contract section 1): a cohort that is under way (its weight neither 0 nor
 * 10 000) keeps its name, so it is neither renamed nor taken out, and the fleet's salt and identity stay while
 * devices would jump by them. Each message names one thing that stands in the way.
 */
export function checkSuccession(previous: Plan, next: Plan): Result<void, readonly PlanChangeFailure[]> {
  const failures: PlanChangeFailure[] = [];
  const remaining = new Set(next.cohorts.map(({ name }) => name));
  for (const { name, weightBps } of previous.cohorts.filter(isUnderWay)) {
    if (remaining.has(name)) continue;
    const message = `cohort ${name} is at ${renderWeight(weightBps)} and cannot be renamed or removed: expected it at 0% or 100% first, else its devices would be drawn anew`;
    failures.push({ kind: 'unsafe-succession', message });
  }
  const drawn = previous.cohorts.filter(isDrawn).map(({ name }) => name);
  for (const field of ['salt', 'identity'] as const) {
    if (drawn.length === 0 || JSON.stringify(previous[field]) === JSON.stringify(next[field])) continue;
    const message = `${field} cannot change while ${drawn.join(', ')} is under way: every device would be drawn anew`;
    failures.push({ kind: 'unsafe-succession', message });
  }
  return failures.length === 0 ? success(undefined) : failure(failures);
}

function isUnderWay({ weightBps }: Cohort): boolean {
  return weightBps !== 0 && weightBps !== wholeBps;
}

/** Which devices stand on the target depends on a hash: of the weight, or of the membership. */
function isDrawn(cohort: Cohort): boolean {
  return isUnderWay(cohort) || (cohort.match.hash !== undefined && cohort.weightBps !== 0);
}

function cohortNamed(plan: Plan, name: string): Result<Cohort, PlanChangeFailure> {
  const cohort = plan.cohorts.find((candidate) => candidate.name === name);
  if (cohort !== undefined) return success(cohort);
  const names = plan.cohorts.map((candidate) => candidate.name).join(', ');
  return refuse('unknown-cohort', `expected a cohort of the plan (${names}), got ${JSON.stringify(name)}`);
}

function earlierWeight(to: number | Plan, cohort: string): number | undefined {
  return typeof to === 'number' ? to : to.cohorts.find(({ name }) => name === cohort)?.weightBps;
}

function withWeights(plan: Plan, weightOf: (cohort: Cohort) => number | undefined): Plan {
  const cohorts = plan.cohorts.map((cohort) => ({ ...cohort, weightBps: weightOf(cohort) ?? cohort.weightBps }));
  return deepFreeze({ ...plan, cohorts });
}

function refuse(
  kind: PlanChangeFailure['kind'],
  message: string,
): { readonly ok: false; readonly error: PlanChangeFailure } {
  return failure({ kind, message });
}
