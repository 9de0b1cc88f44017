import type { IdentityName } from './device-key.ts';
import { describeValue, type PlanMistake } from './plan-mistake.ts';

/** The fleet's part of a plan, where it stands outside the plan document (the configuration's `fleet`). */
export interface PlanFleet {
  readonly salt: string;
  readonly identity: readonly IdentityName[];
}

/** Everything that must be unique in a plan. Reads the document as written, so that no other mistake hides these. */
export function repetitionMistakes(document: unknown): PlanMistake[] {
  return [
    ...repeated(document, 'cohorts', ['name'], 'a cohort name of its own'),
    ...repeated(document, 'splits', ['name'], 'a split name of its own'),
    ...repeated(document, 'overrides', ['kind', 'key'], 'one override for each kind and key'),
    ...repeatedIdentities(document),
  ];
}

/** `salt` and `identity` are needed exactly where no fleet gives them, and must not contradict it. */
export function fleetMistakes(document: unknown, fleet: PlanFleet | undefined): PlanMistake[] {
  if (!isMapping(document)) return [];
  const mistakes: PlanMistake[] = [];
  for (const field of ['salt', 'identity'] as const) {
    const value = document[field];
    if (fleet === undefined && value === undefined) {
      mistakes.push({ path: [field], message: `expected the fleet's ${field}, got nothing` });
    }
    if (fleet !== undefined && value !== undefined && JSON.stringify(value) !== JSON.stringify(fleet[field])) {
      const wanted = typeof fleet[field] === 'string' ? describeValue(fleet[field]) : fleet[field].join(', ');
      mistakes.push({ path: [field], message: `expected the fleet's ${field} (${wanted}), got another` });
    }
  }
  return mistakes;
}

function repeated(document: unknown, list: string, fields: readonly string[], what: string): PlanMistake[] {
  const seen = new Map<string, number>();
  const mistakes: PlanMistake[] = [];
  itemsOf(document, list).forEach((item, index) => {
    if (!isMapping(item)) return;
    const values = fields.map((field) => item[field]);
    if (!values.every((value) => typeof value === 'string')) return;
    const identity = JSON.stringify(values);
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, index);
    else
      mistakes.push({
        path: [list, index],
        message: `expected ${what}, got ${values.join(' ')} of ${list}[${first}] again`,
      });
  });
  return mistakes;
}

function repeatedIdentities(document: unknown): PlanMistake[] {
  return itemsOf(document, 'identity').flatMap((name, index, names) =>
    names.indexOf(name) === index
      ? []
      : [{ path: ['identity', index], message: `expected every identity once, got ${describeValue(name)} again` }],
  );
}

function itemsOf(document: unknown, list: string): readonly unknown[] {
  const items = isMapping(document) ? document[list] : undefined;
  return Array.isArray(items) ? items : [];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
