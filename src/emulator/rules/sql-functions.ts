/** A value in SQL; `undefined` is SQL's Undefined. */
export type SqlValue = unknown;

/** What functions know of a message besides the payload. */
export interface SqlMessage {
  /** Without `$aws/rules/NAME/`. */
  readonly topic: string;
  readonly payload: Buffer;
  readonly clientId: string | undefined;
  readonly principalId: string | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  readonly accountId: string;
  readonly traceId: string;
  uuid(): string;
}

export type SqlFunctionName = keyof typeof functions;

/** SQL reads function names in any case. */
export function sqlFunctionNamed(
  text: string,
): { readonly name: SqlFunctionName; readonly parameters: readonly [least: number, most: number] } | undefined {
  const name = (Object.keys(functions) as SqlFunctionName[]).find(
    (known) => known.toLowerCase() === text.toLowerCase(),
  );
  return name === undefined ? undefined : { name, parameters: functions[name].parameters };
}

export function callSqlFunction(name: SqlFunctionName, parameters: readonly SqlValue[], message: SqlMessage): SqlValue {
  return functions[name].call(message, parameters);
}

interface SqlFunction {
  readonly parameters: readonly [least: number, most: number];
  call(message: SqlMessage, parameters: readonly SqlValue[]): SqlValue;
}

const functions = {
  accountid: { parameters: [0, 0], call: ({ accountId }) => accountId },
  clientid: { parameters: [0, 0], call: ({ clientId }) => clientId ?? 'n/a' },
  concat: {
    parameters: [1, 32],
    call: (_message, parts) =>
      parts.some((part) => part === undefined) ? undefined : parts.map((part) => sqlText(part)).join(''),
  },
  encode: { parameters: [2, 2], call: (_message, [value, scheme]) => encoded(value, scheme) },
  get: { parameters: [2, 2], call: (_message, [value, key]) => memberOf(value, key) },
  get_user_properties: {
    parameters: [1, 1],
    call: ({ userProperties }, [key]) => userProperties.filter(([name]) => name === key).map(([, value]) => value),
  },
  isUndefined: { parameters: [1, 1], call: (_message, [value]) => value === undefined },
  lower: {
    parameters: [1, 1],
    call: (_message, [value]) => (value === undefined ? value : sqlText(value).toLowerCase()),
  },
  newuuid: { parameters: [0, 0], call: (message) => message.uuid() },
  principal: { parameters: [0, 0], call: ({ principalId }) => principalId },
  timestamp: { parameters: [0, 0], call: ({ wallMs }) => wallMs },
  topic: { parameters: [0, 1], call: ({ topic }, [level]) => (level === undefined ? topic : levelOf(topic, level)) },
  traceid: { parameters: [0, 0], call: ({ traceId }) => traceId },
  upper: {
    parameters: [1, 1],
    call: (_message, [value]) => (value === undefined ? value : sqlText(value).toUpperCase()),
  },
} as const satisfies Readonly<Record<string, SqlFunction>>;

/** A value as text: what a template puts in. */
export function sqlText(value: SqlValue): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

function levelOf(topic: string, level: SqlValue): string | undefined {
  return typeof level === 'number' ? topic.split('/')[level - 1] : undefined;
}

function memberOf(value: SqlValue, key: SqlValue): SqlValue {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  if (typeof value !== 'object' || value === null || typeof key !== 'string') return undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function encoded(value: SqlValue, scheme: SqlValue): string | undefined {
  if (value === undefined || scheme !== 'base64') return undefined;
  return (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(sqlText(value))).toString('base64');
}
