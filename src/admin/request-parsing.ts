import type { z } from 'zod';
import type { FieldProblem } from './admin-api.ts';
import { invalidRequest } from './problems.ts';

/** The typed value of a part of a request; throws the problem that names every wrong field. `part` names the whole. */
export function parseRequestPart<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalidRequest(parsed.error.issues.flatMap((issue) => toFieldProblems(issue, part)));
}

function toFieldProblems(issue: z.core.$ZodIssue, part: string): readonly FieldProblem[] {
  const field = renderPath(issue.path) || part;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: renderPath([...issue.path, key]),
      expected: 'no such field in this version',
      got: 'one',
    }));
  }
  return [{ field, expected: expectationOf(issue), got: renderGot(issue.input) }];
}

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${/^[aeio]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return issue.message.replace(/^expected /i, '').replace(/, got .*$/s, '');
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : '';
}

function renderPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

/** What came, cut to a length that fits a line. */
function renderGot(input: unknown): string {
  if (input === undefined) return 'nothing';
  const text = JSON.stringify(input) ?? typeof input;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
