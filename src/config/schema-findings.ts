import type { z } from 'zod';
import { type ConfigurationPath, describeValue, type Finding } from './configuration-mistake.ts';
import type { Cursor } from './cursor.ts';
import { nearestKey } from './nearest-key.ts';
import { configurationSchema, type ParsedConfiguration } from './schema/configuration-schema.ts';

type Issue = z.core.$ZodIssue;

export interface SchemaJudgement {
  /** Present only when there is nothing wrong. */
  readonly parsed?: ParsedConfiguration;
  readonly findings: readonly Finding[];
}

/** Validates against the schema; each finding's message is "expected …" in our own words. */
export function judgeBySchema(root: Cursor): SchemaJudgement {
  const result = configurationSchema.safeParse(root.value, { error: expectationOf });
  if (result.success) return { parsed: result.data, findings: [] };
  return { findings: result.error.issues.flatMap((issue) => findingsOf(issue, [], root)) };
}

function findingsOf(issue: Issue, parent: ConfigurationPath, root: Cursor): readonly Finding[] {
  const path = [...parent, ...(issue.path as ConfigurationPath)];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, issue.message));
  if (issue.code === 'invalid_key') {
    const expectation = issue.issues[0]?.message ?? issue.message;
    const key = String(path.at(-1));
    return [{ path, message: `expected ${expectation}, got ${describeValue(key)}`, atKey: true }];
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return nearestAlternative(issue, path, root);
  return [root.at(...path).unexpected(issue.message)];
}

function unknownKey(path: ConfigurationPath, key: string, knownKeys: string): Finding {
  const known = knownKeys.split(', ');
  const near = nearestKey(key, known);
  const hint = near === undefined ? `expected one of ${knownKeys}` : `did you mean ${JSON.stringify(near)}`;
  const message = `unknown key ${describeValue(key)}: ${hint}`;
  return { path: [...path, key], message, atKey: true };
}

/** Of several shapes, the one that the value comes nearest to speaks; a value of another type hears of all of them. */
function nearestAlternative(
  issue: z.core.$ZodIssueInvalidUnion,
  path: ConfigurationPath,
  root: Cursor,
): readonly Finding[] {
  const value = root.at(...path).value;
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const shapes = issue.errors.filter(
    (issues) => !issues.some(({ code, path: at }) => isTypeCode(code) && at.length === 0),
  );
  const [nearest] = shapes.toSorted((left, right) => unfitness(left) - unfitness(right));
  if (nearest !== undefined && (isMapping || Array.isArray(value))) {
    return nearest.flatMap((inner) => findingsOf(inner, path, root));
  }
  const expectations = new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [first.message])));
  return [root.at(...path).unexpected([...expectations].join(', or '))];
}

function isTypeCode(code: Issue['code']): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

/** Unknown keys weigh most: they show that another shape was meant, unless they are misspelt ones of this shape. */
function unfitness(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => {
    if (issue.code !== 'unrecognized_keys') return sum + 1;
    const known = issue.message.split(', ');
    return sum + issue.keys.reduce((keys, key) => keys + (nearestKey(key, known) === undefined ? 10 : 2), 0);
  }, 0);
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** zod's word on an issue, replaced by the second half of "expected …"; for unknown keys the known ones. */
function expectationOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return issue.origin === 'string' ? 'text that is not empty' : `a list with at least ${issue.minimum} item`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'unrecognized_keys':
      return knownKeysOf(issue.inst).join(', ');
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options) : 'another shape';
    default:
      return 'a valid value';
  }
}

function oneOf(values: readonly unknown[]): string {
  // A value may stand there as text and as a number.
  const texts = [...new Set(values.map(String))];
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(', ')}`;
}

function knownKeysOf(schema: unknown): readonly string[] {
  const { shape } = (schema as { _zod: { def: { shape?: object } } })._zod.def;
  return Object.keys(shape ?? {});
}
