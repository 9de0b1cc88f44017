import { z } from 'zod';
import type { Result } from '../base/result.ts';
import { parseFingerprint, parseSerialNumber } from '../plan/device-key.ts';
import { parseWeight } from '../plan/weight.ts';
import { defaultLiveMode, liveModes } from './admin-api.ts';
import { parseDuration } from './duration.ts';

const maxReasonLength = 1_000;
const maxNameLength = 256;

const reason = z.string().max(maxReasonLength).optional().meta({ description: 'Kept with the revision' });
const weightBps = z.int().min(0).max(10_000);
const weightText = parsedText(parseWeight).meta({
  examples: ['5%', '0.01%', '500bps'],
  description: 'Per cent or basis points of the cohort',
});
const pacePerSecond = z.number().positive().max(1_000_000).optional().meta({ description: 'Live sessions per second' });
const live = z.enum(liveModes).optional().meta({
  default: defaultLiveMode,
  description:
    'Live sessions change their broker underneath, are closed in order so that they come back, or stay where they are',
});
const dryRun = z
  .boolean()
  .default(false)
  .meta({ description: 'Answers what it would find, with status 200, and changes nothing' });

export const cutoverBody = z
  .strictObject({
    weight: weightText.optional(),
    weightBps: weightBps.optional(),
    reason,
    pacePerSecond,
    live,
    prepareOnly: z.boolean().default(false).meta({
      description: 'Makes the second connections for that weight, with live handover; the plan stays as it is',
    }),
    unbridgedOk: z.boolean().default(false).meta({
      description: 'Goes on where devices would lose the other end of topics; kept with the revision',
    }),
    dryRun,
  })
  .check(exactlyOne(['weight', 'weightBps']))
  .check((context) => {
    const { prepareOnly, live: mode } = context.value;
    if (prepareOnly && mode !== undefined && mode !== 'handover') {
      addIssue(context, 'live', '"handover", or nothing, with prepareOnly');
    }
  });

export const freezeBody = z.strictObject({
  for: parsedText(parseDuration)
    .optional()
    .meta({ examples: ['4h', '30m', '2d'], description: 'How long; absent: until it is lifted' }),
  reason: z.string().trim().min(1).max(maxReasonLength).meta({ description: 'Shown to whoever is refused' }),
});

export const rollbackBody = z
  .strictObject({
    to: weightText.optional(),
    toBps: weightBps.optional(),
    revision: z.int().min(1).optional(),
    reason,
    pacePerSecond,
    live,
    dryRun,
  })
  .check(atMostOne(['to', 'toBps', 'revision']));

export const interlockQuery = z.strictObject({ cohort: z.string().min(1).max(maxNameLength).optional() });

/** Only what the server itself takes out of the body; the plan's own fields are checked by the backend. */
export const planBody = z
  .looseObject({ revision: z.int().min(1).optional(), reason })
  .meta({ description: 'A plan as GET /v1/plan shows it' });

export const cohortParameters = z.strictObject({ name: z.string().min(1).max(maxNameLength) });
export const moveParameters = z.strictObject({ id: z.string().min(1).max(maxNameLength) });
export const revisionParameters = z.strictObject({ revision: requiredInteger({ minimum: 1 }) });

/** Fewer than of sessions: every revision carries a whole plan, which may list a fleet's client IDs. */
export const revisionsQuery = z.strictObject({
  limit: integerParameter({ minimum: 1, maximum: 100, default: 20 }),
  before: requiredInteger({ minimum: 1 }).optional(),
});

const identityParameter = z.string().min(1).max(65_535).optional();

const flagParameter = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();

export const whereQuery = z
  .strictObject({
    device: identityParameter.meta({ description: 'A value of the first kind in fleet.identity' }),
    clientId: identityParameter,
    username: identityParameter,
    commonName: identityParameter,
    fingerprint: parsedText(parseFingerprint)
      .meta({ description: 'SHA-256 of the DER certificate: 64 hex digits, colons allowed' })
      .optional(),
    serialNumber: parsedText(parseSerialNumber).meta({ description: 'Hex, colons allowed' }).optional(),
    organizationalUnit: identityParameter,
    issuerCommonName: identityParameter,
    home: flagParameter.meta({ type: 'boolean', description: 'Also the broker that holds its session' }),
  })
  .check((context) => {
    const { home: _home, ...identities } = context.value;
    if (Object.values(identities).some((value) => value !== undefined)) return;
    addIssue(context, 'clientId', 'clientId, commonName, fingerprint or another identity of the device');
  });

export const sessionsQuery = z.strictObject({
  broker: identityParameter,
  cohort: identityParameter,
  clientId: identityParameter,
  pending: flagParameter.meta({ type: 'boolean', description: 'Only those that are not where the plan wants them' }),
  limit: integerParameter({ minimum: 1, maximum: 1_000, default: 100 }),
});

/** `limit`: examples of each reason. */
export const assessmentQuery = z.strictObject({
  cohort: identityParameter,
  limit: integerParameter({ minimum: 1, maximum: 1_000, default: 10 }),
});

/** A text that `parse` makes a value of; its error says what was expected. */
export function parsedText<Value>(parse: (text: string) => Result<Value>) {
  return z.string().transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', input: text, message: parsed.error });
    return z.NEVER;
  });
}

interface IntegerRange {
  readonly minimum: number;
  readonly maximum?: number;
}

function integerParameter(range: IntegerRange & { readonly default: number }) {
  return z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? range.default : integerIn(range, text, context)))
    .meta({ type: 'integer', ...range });
}

function requiredInteger(range: IntegerRange) {
  return z
    .string()
    .transform((text, context) => integerIn(range, text, context))
    .meta({ type: 'integer', ...range });
}

function integerIn({ minimum, maximum }: IntegerRange, text: string, context: z.core.$RefinementCtx): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= (maximum ?? Number.MAX_SAFE_INTEGER)) return value;
  const expected = maximum === undefined ? `a whole number from ${minimum}` : `${minimum} to ${maximum}`;
  context.addIssue({ code: 'custom', input: text, message: expected });
  return z.NEVER;
}

type Check = z.core.CheckFn<Record<string, unknown>>;
type CheckContext = Parameters<Check>[0];

function exactlyOne(names: readonly [string, ...string[]]): Check {
  return (context) => {
    const given = namesGiven(context, names);
    if (given.length !== 1) addIssue(context, given[1] ?? names[0], `exactly one of ${names.join(' and ')}`);
  };
}

function atMostOne(names: readonly [string, ...string[]]): Check {
  return (context) => {
    const given = namesGiven(context, names);
    if (given.length > 1) addIssue(context, given[1] ?? names[0], `at most one of ${names.join(', ')}`);
  };
}

function namesGiven(context: CheckContext, names: readonly string[]): readonly string[] {
  return names.filter((name) => context.value[name] !== undefined);
}

function addIssue(context: { readonly value: unknown; issues: unknown[] }, name: string, expected: string): void {
  const input = (context.value as Record<string, unknown>)[name];
  context.issues.push({ code: 'custom', path: [name], input, message: expected });
}
