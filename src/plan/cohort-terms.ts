import type { Cohort } from './plan.ts';

/** What of a cohort decides where its devices belong. */
export type CohortTerms = Pick<Cohort, 'name' | 'source' | 'target' | 'weightBps'>;

/** Where a device of the cohort belongs (contract section 1). */
export function brokerAt(position: number, { source, target, weightBps }: Omit<CohortTerms, 'name'>): string {
  return position < weightBps ? target : source;
}
