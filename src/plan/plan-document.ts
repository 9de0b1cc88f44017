import type { core } from 'zod';
import { deepFreeze } from '../base/freeze.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Plan } from './plan.ts';
import { fleetMistakes, type PlanFleet, repetitionMistakes } from './plan-checks.ts';
import type { PlanMistake } from './plan-mistake.ts';
import { createPlanSchema, type PlanDocument } from './plan-schema.ts';

export interface PlanOptions {
  /** The names of the configured brokers; absent: they are not checked (a stored plan is read as it is). */
  readonly brokers?: readonly string[];
  /** The configuration's `fleet`: then the document may leave out salt and identity, and must not contradict them. */
  readonly fleet?: PlanFleet;
}

/** A plan, and the revision that its document says it was made from. */
export interface ParsedPlan {
  readonly plan: Plan;
  readonly revision: number | undefined;
}

/** Reads a plan from plain data (parsed YAML or JSON); every mistake comes back at once. The plan is frozen. */
export function parsePlan(document: unknown, options: PlanOptions): Result<Plan, readonly PlanMistake[]> {
  const parsed = parsePlanDocument(document, options);
  if (!parsed.ok) return parsed;
  if (parsed.value.revision !== undefined) {
    return failure([{ path: ['revision'], message: 'unknown key: only a plan file carries a revision', atKey: true }]);
  }
  return success(parsed.value.plan);
}

/** As parsePlan, for the document of `plan show` and `plan apply`, which carries a `revision`. */
export function parsePlanDocument(
  document: unknown,
  { brokers, fleet }: PlanOptions,
): Result<ParsedPlan, readonly PlanMistake[]> {
  const parsed = createPlanSchema(brokers).safeParse(document);
  const mistakes = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap(toMistakes)),
    ...repetitionMistakes(document),
    ...fleetMistakes(document, fleet),
  ];
  if (!parsed.success || mistakes.length > 0) return failure(mistakes);
  return success({ plan: toPlan(parsed.data, fleet), revision: parsed.data.revision });
}

/** The plain object that `plan show` prints as YAML and `parsePlanDocument` reads back as the same plan. */
export function renderPlan(plan: Plan, revision?: number): Readonly<Record<string, unknown>> {
  const { default: defaultBroker, salt, identity, overrides, cohorts, splits } = plan;
  return {
    ...(revision === undefined ? {} : { revision }),
    default: defaultBroker,
    salt,
    identity: [...identity],
    ...(overrides.length === 0 ? {} : { overrides: structuredClone(overrides) }),
    cohorts: structuredClone(cohorts),
    ...(splits.length === 0 ? {} : { splits: structuredClone(splits) }),
  };
}

function toPlan(document: PlanDocument, fleet: PlanFleet | undefined): Plan {
  // JSON leaves no key with the value undefined, which the plan's exact optional fields do not know.
  const { default: defaultBroker, overrides, cohorts, splits } = document;
  const plan = {
    default: defaultBroker,
    salt: document.salt ?? fleet?.salt ?? '',
    identity: document.identity ?? fleet?.identity ?? [],
    overrides,
    cohorts,
    splits,
  };
  return deepFreeze(JSON.parse(JSON.stringify(plan)) as Plan);
}

function toMistakes(issue: core.$ZodIssue): PlanMistake[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message, atKey: true }));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], message: issue.message, atKey: true }));
}
