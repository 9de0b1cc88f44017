import { z } from 'zod';
import { type PolicyPattern, readPolicyPattern } from './policy-pattern.ts';
import { IotRefusal } from './refusal.ts';

/** Operators that conditions are evaluated with; each may end in `IfExists`. */
export type ConditionOperator =
  | 'StringEquals'
  | 'StringNotEquals'
  | 'StringEqualsIgnoreCase'
  | 'StringNotEqualsIgnoreCase'
  | 'StringLike'
  | 'StringNotLike'
  | 'Bool'
  | 'IpAddress'
  | 'NotIpAddress'
  | 'Null';

export interface Condition {
  readonly set: 'ForAnyValue' | 'ForAllValues' | undefined;
  readonly operator: ConditionOperator;
  readonly ifExists: boolean;
  readonly key: string;
  readonly values: readonly PolicyPattern[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly PolicyPattern[];
  readonly resources: readonly PolicyPattern[];
  readonly conditions: readonly Condition[];
}

export interface Policy {
  readonly statements: readonly Statement[];
}

/** Throws MalformedPolicyException; `maxCharacters` counts all but white space. */
export function readPolicyDocument(text: string, maxCharacters: number): Policy {
  if (text.replace(/\s/g, '').length > maxCharacters) {
    throw malformed(`The policy document exceeds ${maxCharacters} characters`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed('The policy document is not JSON');
  }
  const parsed = documentSchema.safeParse(document);
  if (!parsed.success) throw malformed(`The policy document is not valid: ${z.prettifyError(parsed.error)}`);
  const { Statement: statements } = parsed.data;
  return { statements: listOf(statements).map(readStatement) };
}

const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const scalars = z.union([z.string(), z.boolean(), z.number(), z.array(z.union([z.string(), z.boolean(), z.number()]))]);
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: texts,
  Resource: texts,
  Condition: z.record(z.string(), z.record(z.string(), scalars)).optional(),
});
const documentSchema = z.strictObject({
  Version: z.literal('2012-10-17'),
  Id: z.string().optional(),
  Statement: z.union([statementSchema, z.array(statementSchema).min(1)]),
});

function readStatement(statement: z.output<typeof statementSchema>): Statement {
  const actions = listOf(statement.Action);
  const foreign = actions.find((action) => !/^(\*|iot:[A-Za-z*?]+)$/.test(action));
  if (foreign !== undefined) throw malformed(`Expected an action of iot, got ${foreign}`);
  const resources = listOf(statement.Resource);
  const odd = resources.find((resource) => resource !== '*' && !/^(arn:|\$\{)/.test(resource));
  if (odd !== undefined) throw malformed(`Expected a resource's ARN or *, got ${odd}`);
  return {
    effect: statement.Effect,
    actions: actions.map(readPolicyPattern),
    resources: resources.map(readPolicyPattern),
    conditions: Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => readCondition(operator, key, listOf(values).map(String))),
    ),
  };
}

function readCondition(text: string, key: string, values: readonly string[]): Condition {
  const match = /^(?:(ForAnyValue|ForAllValues):)?(.+?)(IfExists)?$/.exec(text);
  const operator = operators.find((known) => known === match?.[2]);
  if (operator === undefined) throw malformed(`The condition operator ${text} is not known here`);
  const set = match?.[1] === 'ForAnyValue' || match?.[1] === 'ForAllValues' ? match[1] : undefined;
  return { set, operator, ifExists: match?.[3] !== undefined, key, values: values.map(readPolicyPattern) };
}

const operators: readonly ConditionOperator[] = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'Bool',
  'IpAddress',
  'NotIpAddress',
  'Null',
];

function listOf<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value];
}

function malformed(message: string): IotRefusal {
  return new IotRefusal('MalformedPolicyException', message);
}
