import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { brokersOf, checkBrokerName } from './broker-checks.ts';

/** What the plan's parts must be to each other and to the brokers. */
export function checkPlan(root: Cursor): readonly Finding[] {
  const plan = root.at('plan');
  const cohorts = plan.at('cohorts').items;
  const brokerNames = [
    plan.at('default'),
    ...plan.at('overrides').items.map((override) => override.at('broker')),
    ...cohorts.flatMap((cohort) => [cohort.at('source'), cohort.at('target')]),
  ];
  return [
    ...brokerNames.flatMap((name) => checkBrokerName(name, brokersOf(root))),
    ...plan.at('overrides').items.flatMap(checkOverrideKey),
    ...cohorts.flatMap((cohort) => checkMatch(cohort.at('match'))),
    ...plan.at('splits').items.flatMap((split) => checkSplit(split.at('weights'))),
  ];
}

/** Keys of these kinds have one spelling; another would never match. */
function checkOverrideKey(override: Cursor): readonly Finding[] {
  const kind = override.at('kind').text;
  const key = override.at('key');
  if (key.text === undefined) return [];
  if (kind === 'fingerprint' && !/^[0-9a-f]{64}$/.test(key.text)) {
    return [key.unexpected('a fingerprint of 64 lower-case hex digits without colons')];
  }
  if (kind === 'serial' && !/^(0|[1-9a-f][0-9a-f]*)$/.test(key.text)) {
    return [key.unexpected('a serial number in lower-case hex without leading zeros')];
  }
  return [];
}

function checkMatch(match: Cursor): readonly Finding[] {
  const findings: Finding[] = [];
  if (match.isPresent && isEmptyMapping(match)) {
    findings.push(
      match.finding(
        'expected at least one of all, clientIds, clientIdsFile, clientIdPrefix, certificate, hash, got none',
      ),
    );
  }
  const certificate = match.at('certificate');
  if (certificate.isPresent && isEmptyMapping(certificate)) {
    findings.push(
      certificate.finding('expected at least one of organizationalUnit, issuerCommonName, commonNamePrefix, got none'),
    );
  }
  const from = match.at('hash', 'from').number;
  const to = match.at('hash', 'to');
  if (from !== undefined && to.number !== undefined && from >= to.number) {
    findings.push(to.unexpected(`a number above from (${match.at('hash', 'from').shown})`));
  }
  return findings;
}

function isEmptyMapping(cursor: Cursor): boolean {
  return typeof cursor.value === 'object' && !Array.isArray(cursor.value) && cursor.entries.length === 0;
}

function checkSplit(weights: Cursor): readonly Finding[] {
  const numbers = weights.entries.map(([, weight]) => weight.number);
  if (!weights.isPresent || numbers.some((weight) => weight === undefined)) return [];
  const sum = numbers.reduce<number>((total, weight) => total + (weight ?? 0), 0);
  return sum === 10_000 ? [] : [weights.finding(`expected weights that add up to 10000, got ${sum}`)];
}
