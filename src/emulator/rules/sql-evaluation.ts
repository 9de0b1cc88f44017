import { callSqlFunction, type SqlMessage, type SqlValue } from './sql-functions.ts';
import type { SqlArithmetic, SqlComparison, SqlExpression, SqlStatement } from './sql-statement.ts';

/** What a rule's actions get: the message's own bytes for a bare `SELECT *`, else a JSON object. */
export type RuleOutput =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'object'; readonly object: Readonly<Record<string, unknown>> };

/** A message with its payload as JSON, where it is JSON. */
export interface SqlInput {
  readonly message: SqlMessage;
  readonly document: unknown;
}

export function readSqlInput(message: SqlMessage): SqlInput {
  try {
    return { message, document: JSON.parse(message.payload.toString('utf8')) as unknown };
  } catch {
    return { message, document: undefined };
  }
}

/** The output of a rule, undefined where its WHERE does not hold. Selections that are Undefined are left out. */
export function evaluateStatement({ selections, condition }: SqlStatement, input: SqlInput): RuleOutput | undefined {
  if (condition !== undefined && evaluate(condition, input) !== true) return undefined;
  if (selections.length === 1 && selections[0]?.kind === 'all') {
    return { kind: 'bytes', bytes: input.message.payload };
  }
  const object: Record<string, unknown> = {};
  for (const selection of selections) {
    if (selection.kind === 'all') {
      if (isObject(input.document)) Object.assign(object, input.document);
      continue;
    }
    const value = evaluate(selection.expression, input);
    if (value !== undefined) object[selection.name] = value instanceof Uint8Array ? input.document : value;
  }
  return { kind: 'object', object };
}

export function evaluate(expression: SqlExpression, input: SqlInput): SqlValue {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'payload':
      return input.message.payload;
    case 'path':
      return followed(input.document, expression.steps);
    case 'call':
      return callSqlFunction(
        expression.name,
        expression.parameters.map((parameter) => evaluate(parameter, input)),
        input.message,
      );
    case 'not': {
      const value = evaluate(expression.of, input);
      return typeof value === 'boolean' ? !value : undefined;
    }
    case 'and':
      return evaluate(expression.left, input) === true && evaluate(expression.right, input) === true;
    case 'or':
      return evaluate(expression.left, input) === true || evaluate(expression.right, input) === true;
    case 'comparison':
      return compared(expression.sign, evaluate(expression.left, input), evaluate(expression.right, input));
    case 'arithmetic':
      return computed(expression.sign, evaluate(expression.left, input), evaluate(expression.right, input));
    default:
      return expression satisfies never;
  }
}

function followed(document: unknown, steps: readonly (string | number)[]): unknown {
  let value = document;
  for (const step of steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** Numbers compare as numbers, a text that is one too; otherwise only texts have an order. */
function compared(sign: SqlComparison, left: SqlValue, right: SqlValue): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  const numbers = [numberOf(left), numberOf(right)] as const;
  const [one, other] = numbers[0] === undefined || numbers[1] === undefined ? [left, right] : numbers;
  if (sign === '=') return isSame(one, other);
  if (sign === '<>') return !isSame(one, other);
  const haveOrder = typeof one === typeof other && (typeof one === 'number' || typeof one === 'string');
  if (!haveOrder) return undefined;
  const [low, high] = [one as string, other as string];
  if (sign === '<') return low < high;
  if (sign === '<=') return low <= high;
  return sign === '>' ? low > high : low >= high;
}

function computed(sign: SqlArithmetic, left: SqlValue, right: SqlValue): SqlValue {
  const [one, other] = [numberOf(left), numberOf(right)];
  if (one === undefined || other === undefined) {
    return sign === '+' && typeof left === 'string' && typeof right === 'string' ? left + right : undefined;
  }
  const value = results[sign](one, other);
  return Number.isFinite(value) ? value : undefined;
}

const results: Readonly<Record<SqlArithmetic, (one: number, other: number) => number>> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
  '%': (one, other) => one % other,
};

function numberOf(value: SqlValue): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || (isJson(one) && isJson(other) && JSON.stringify(one) === JSON.stringify(other));
}

function isJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isJson(value) && !Array.isArray(value);
}
