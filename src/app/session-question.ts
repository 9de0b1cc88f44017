import type { SessionQuery } from '../admin/admin-api.ts';

/** A name in a question for sessions that nothing has; undefined: all are known. */
export function unknownName(
  { cohort, broker }: Pick<SessionQuery, 'cohort' | 'broker'>,
  { cohorts, brokers }: { readonly cohorts: readonly string[]; readonly brokers: readonly string[] },
): string | undefined {
  const expected = (what: string, names: readonly string[], got: string) =>
    `expected ${what} (${names.join(', ')}), got ${JSON.stringify(got)}`;
  if (cohort !== undefined && !cohorts.includes(cohort)) return expected('a cohort of the plan', cohorts, cohort);
  if (broker === undefined || brokers.includes(broker)) return undefined;
  return expected('a broker of the configuration', brokers, broker);
}
