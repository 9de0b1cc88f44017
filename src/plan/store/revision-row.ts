import { errorMessage } from '../../base/errors.ts';
import { failure, type Result, success } from '../../base/result.ts';
import { parsePlan } from '../plan-document.ts';
import { renderPlanMistake } from '../plan-mistake.ts';
import type { PlanRevision } from './plan-store.ts';

/** A row of the table as the database yields it. */
export type RevisionRow = Readonly<Record<string, unknown>>;

/** A damaged row is a failure, never an empty plan. Brokers are not checked: history may name some that are gone. */
export function readRevisionRow(row: RevisionRow): Result<PlanRevision> {
  const { revision, at, author, reason, plan: text } = row;
  const isWhole = typeof revision === 'number' && typeof at === 'number' && typeof author === 'string';
  if (!isWhole || typeof reason !== 'string' || typeof text !== 'string') return failure('a revision is damaged');
  const document = parseJson(text);
  const plan = document.ok ? parsePlan(document.value, {}) : failure([{ path: [], message: document.error }]);
  if (!plan.ok) return failure(`revision ${revision} is damaged: ${plan.error.map(renderPlanMistake).join('; ')}`);
  return success(Object.freeze({ revision, at, author, reason, plan: plan.value }));
}

function parseJson(text: string): Result<unknown> {
  try {
    return success(JSON.parse(text));
  } catch (error) {
    return failure(`expected JSON: ${errorMessage(error)}`);
  }
}
