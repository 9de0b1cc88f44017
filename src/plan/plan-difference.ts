import type { Cohort, Plan } from './plan.ts';
import { renderWeight } from './weight.ts';

/** One thing that differs between two plans: `before` is absent when it is new, `after` when it is gone. */
export interface PlanDifference {
  /** For example `cohort everyone weightBps`, `override clientid meter-7`, `split front-door gateway`, `salt`. */
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What changes from `before` to `after`, in the order of the plan's fields. Equal plans differ in nothing. */
export function diffPlans(before: Plan, after: Plan): readonly PlanDifference[] {
  return [
    ...(['default', 'salt', 'identity'] as const).flatMap((field) => differenceOf(field, before[field], after[field])),
    ...diffEntries('override', overridesOf(before), overridesOf(after)),
    ...orderOf('overrides', keysOf(overridesOf(before)), keysOf(overridesOf(after))),
    ...diffCohorts(before.cohorts, after.cohorts),
    ...diffEntries('split', splitsOf(before), splitsOf(after)),
  ];
}

/** One line a difference: `~ cohort everyone weightBps: 0% → 5%`, `+ …` for new, `- …` for gone. */
export function renderDifferences(differences: readonly PlanDifference[]): string {
  return differences
    .map((difference) => {
      const show = (value: unknown) => renderValue(difference.subject, value);
      if (!('before' in difference)) return `+ ${difference.subject}: ${show(difference.after)}\n`;
      if (!('after' in difference)) return `- ${difference.subject}: ${show(difference.before)}\n`;
      return `~ ${difference.subject}: ${show(difference.before)} → ${show(difference.after)}\n`;
    })
    .join('');
}

function diffCohorts(before: readonly Cohort[], after: readonly Cohort[]): PlanDifference[] {
  const earlier = new Map(before.map((cohort) => [cohort.name, cohort]));
  const later = new Map(after.map((cohort) => [cohort.name, cohort]));
  const differences = keysOf(earlier, later).flatMap((name) => {
    const [was, is] = [earlier.get(name), later.get(name)];
    if (was === undefined || is === undefined) return differenceOf(`cohort ${name}`, was, is);
    return (['match', 'source', 'target', 'weightBps', 'announce'] as const).flatMap((field) =>
      differenceOf(`cohort ${name} ${field}`, was[field], is[field]),
    );
  });
  return [...differences, ...orderOf('cohorts', keysOf(earlier), keysOf(later))];
}

/** The order decides, so it is a difference of its own, of those that are in both. */
function orderOf(subject: string, before: readonly string[], after: readonly string[]): PlanDifference[] {
  const [was, is] = [new Set(before), new Set(after)];
  return differenceOf(
    `${subject} order`,
    before.filter((name) => is.has(name)),
    after.filter((name) => was.has(name)),
  );
}

function overridesOf({ overrides }: Plan): ReadonlyMap<string, string> {
  return new Map(overrides.map(({ kind, key, broker }) => [`${kind} ${key}`, broker]));
}

function splitsOf({ splits }: Plan): ReadonlyMap<string, number> {
  return new Map(
    splits.flatMap(({ name, weights }) =>
      Object.entries(weights).map(([part, weight]) => [`${name} ${part}`, weight] as const),
    ),
  );
}

function diffEntries(
  what: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): PlanDifference[] {
  return keysOf(before, after).flatMap((key) => differenceOf(`${what} ${key}`, before.get(key), after.get(key)));
}

function keysOf(...maps: readonly ReadonlyMap<string, unknown>[]): string[] {
  return [...new Set(maps.flatMap((map) => [...map.keys()]))];
}

function differenceOf(subject: string, before: unknown, after: unknown): PlanDifference[] {
  if (canonical(before) === canonical(after)) return [];
  return [{ subject, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** JSON with sorted keys: the order in which a mapping was written is no difference. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** A weight in per cent where the subject is one. */
function renderValue(subject: string, value: unknown): string {
  const isWeight = typeof value === 'number' && (subject.endsWith(' weightBps') || subject.startsWith('split '));
  if (isWeight) return renderWeight(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
