import { createCidrMatcher, parseCidr } from '../../base/cidr.ts';
import type { Condition, ConditionOperator, Policy, Statement } from './policy-document.ts';
import {
  literalText,
  matchesPattern,
  type PolicyPattern,
  type PolicyVariables,
  substituted,
} from './policy-pattern.ts';

export type PolicyDecision = 'allowed' | 'explicit-deny' | 'implicit-deny';

export interface PolicyQuestion {
  /** For example `iot:Connect`. */
  readonly action: string;
  /** The ARN. */
  readonly resource: string;
  readonly variables: PolicyVariables;
}

/** Denied unless allowed; an explicit deny wins over every allow. */
export function evaluatePolicies(policies: readonly Policy[], question: PolicyQuestion): PolicyDecision {
  let isAllowed = false;
  for (const { statements } of policies) {
    for (const statement of statements) {
      if (!applies(statement, question)) continue;
      if (statement.effect === 'Deny') return 'explicit-deny';
      isAllowed = true;
    }
  }
  return isAllowed ? 'allowed' : 'implicit-deny';
}

/** Whether a statement says anything about the question, by whichever effect. */
export function applies(statement: Statement, { action, resource, variables }: PolicyQuestion): boolean {
  return (
    statement.actions.some((pattern) => matches(pattern, action, variables)) &&
    statement.resources.some((pattern) => matches(pattern, resource, variables)) &&
    statement.conditions.every((condition) => isMet(condition, variables))
  );
}

function matches(pattern: PolicyPattern, text: string, variables: PolicyVariables): boolean {
  const whole = substituted(pattern, variables);
  return whole !== undefined && matchesPattern(whole, text);
}

function isMet({ set, operator, ifExists, key, values }: Condition, variables: PolicyVariables): boolean {
  const found = variables(key);
  const present = found === undefined ? [] : typeof found === 'string' ? [found] : found;
  if (operator === 'Null') return values.some((value) => (literalText(value) === 'true') === (present.length === 0));
  if (present.length === 0) return ifExists || set === 'ForAllValues' || isNegated(operator);
  const meets = (one: string) => meetsOne(operator, one, values, variables);
  return set === 'ForAllValues' || (set === undefined && isNegated(operator))
    ? present.every(meets)
    : present.some(meets);
}

function meetsOne(
  operator: ConditionOperator,
  present: string,
  values: readonly PolicyPattern[],
  variables: PolicyVariables,
): boolean {
  const known = values.map((value) => substituted(value, variables)).filter((value) => value !== undefined);
  const same = (fold: (text: string) => string) => known.some((value) => fold(literalText(value)) === fold(present));
  switch (operator) {
    case 'StringEquals':
    case 'Bool':
      return same(asIs);
    case 'StringNotEquals':
      return !same(asIs);
    case 'StringEqualsIgnoreCase':
      return same(inLowerCase);
    case 'StringNotEqualsIgnoreCase':
      return !same(inLowerCase);
    case 'StringLike':
      return known.some((value) => matchesPattern(value, present));
    case 'StringNotLike':
      return !known.some((value) => matchesPattern(value, present));
    case 'IpAddress':
      return isInNetworks(known, present);
    case 'NotIpAddress':
      return !isInNetworks(known, present);
    case 'Null':
      return false;
    default:
      return operator satisfies never;
  }
}

function isNegated(operator: ConditionOperator): boolean {
  return operator.includes('Not');
}

function isInNetworks(networks: readonly PolicyPattern[], address: string): boolean {
  const blocks = networks.map((network) => parseCidr(literalText(network)));
  return createCidrMatcher(blocks.flatMap((block) => (block.ok ? [block.value] : [])))(address);
}

const asIs = (text: string) => text;
const inLowerCase = (text: string) => text.toLowerCase();
