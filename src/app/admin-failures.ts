import type { AdminFailure } from '../admin/admin-backend.ts';
import type { PlanChangeFailure } from '../plan/plan-change.ts';
import type { PlanMistake } from '../plan/plan-mistake.ts';
import type { PlanStoreFailure } from '../plan/store/plan-store.ts';
import type { UnusablePlan } from './plan-authority.ts';

/** Why a change of the plan failed, in words for the operator. */
export function toAdminFailure(problem: PlanStoreFailure | PlanChangeFailure | UnusablePlan): AdminFailure {
  switch (problem.kind) {
    case 'conflict':
      return {
        kind: 'conflict',
        message: `revision ${problem.latest} is the last one: read it, and make the change again`,
        latestRevision: problem.latest,
      };
    case 'unavailable':
      return { kind: 'unavailable', message: `the plan store fails, the last plan stays in force: ${problem.message}` };
    case 'unknown-cohort':
      return { kind: 'not-found', message: problem.message };
    case 'unusable':
    case 'would-raise':
    case 'unsafe-succession':
      return invalid(problem.message);
  }
}

/** Every wrong field of a plan. */
export function toInvalidPlan(mistakes: readonly PlanMistake[]): AdminFailure {
  const details = mistakes.map(({ path, message }) => {
    const field = path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .replace(/^\./, '');
    const [expected = message, got = ''] = message.split(/, got /);
    return { field, expected: expected.replace(/^expected /, ''), got };
  });
  return {
    kind: 'invalid',
    message: `the plan has ${mistakes.length} mistake${mistakes.length === 1 ? '' : 's'}`,
    details,
  };
}

export function invalid(message: string): AdminFailure {
  return { kind: 'invalid', message };
}
