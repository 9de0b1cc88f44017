import { policyVariables } from '../aws/account/policy-document.ts';

/** What AWS gives a new domain configuration. */
export const defaultTlsPolicy = 'IoTSecurityPolicy_TLS13_1_2_2022_10';

/** Levels and bytes of a topic that AWS IoT Core takes. */
const mostSlashes = 7;
const longestFilter = 256;

/** What a filter of a policy should have been; undefined: it is one. */
export function policyFilterFault(filter: string): string | undefined {
  const named: readonly string[] = filter.match(/\{[^}]*\}/g) ?? [];
  const known: readonly string[] = policyVariables;
  if (named.some((name) => !known.includes(name))) return `a filter with no other names than ${known.join(', ')}`;
  const levels = filter.split('/');
  const isFilter = levels.every((level, index) =>
    level.includes('#') ? level === '#' && index === levels.length - 1 : !level.includes('+') || level === '+',
  );
  if (filter === '' || !isFilter) return 'a topic filter (+ and # as whole levels, # only as the last)';
  if (/[*?$\0]/.test(filter)) return 'a topic filter without *, ? and $, which mean something else in a policy';
  const isShort = levels.length <= mostSlashes + 1 && Buffer.byteLength(filter) <= longestFilter;
  return isShort ? undefined : `a topic filter of at most ${mostSlashes} slashes and ${longestFilter} bytes`;
}
