import { z } from 'zod';
import { identityNames, kindByIdentityName } from './device-key.ts';
import { describeValue } from './plan-mistake.ts';
import { positionCount } from './position.ts';
import { wholeBps } from './weight.ts';

/**
 * The shape of a plan as it is written, with its defaults; unknown keys are mistakes. Names are checked against
 * `brokers` when they are known. What spans several fields is in plan-checks.ts.
 */
export function createPlanSchema(brokers?: readonly string[]) {
  const broker = brokerSchema(brokers);
  return strictMapping({
    /** The revision that a file was made from; `plan apply` refuses it when it is no longer the last. */
    revision: z
      .int({ error: expected('a revision number') })
      .min(0)
      .optional(),
    default: broker,
    salt: saltSchema.optional(),
    identity: z
      .array(z.enum(identityNames, { error: expected(`one of ${identityNames.join(', ')}`) }), {
        error: expected('a list of identities'),
      })
      .min(1, { error: expected('at least one identity') })
      .optional(),
    overrides: listOf(overrideSchema(broker)),
    cohorts: listOf(cohortSchema(broker)),
    splits: listOf(splitSchema),
  });
}

/** What the schema makes of a right document. */
export type PlanDocument = z.output<ReturnType<typeof createPlanSchema>>;

const nameLength = 128;
// `.` and `..` cannot stand in the admin API's paths, and `__proto__` is no key of a plain object.
const namePattern = new RegExp(`^(?!\\s)(?!(?:\\.{1,2}|__proto__)$)[^|/\\p{Cc}]{1,${nameLength}}(?<!\\s)$`, 'u');

/** `expected …, got …` as the error text of a schema. */
function expected(what: string) {
  return (issue: { readonly input?: unknown }) => `expected ${what}, got ${describeValue(issue.input)}`;
}

function strictMapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key: expected one of ${keys}`
        : `expected a mapping with ${keys}, got ${describeValue(issue.input)}`,
  });
}

function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: expected('a list') }).default([]);
}

/** The hash formula separates its parts with | and the cohort's salt with /, so no part may contain them. */
const saltSchema = z
  .string({ error: expected('a text as salt') })
  .regex(/^[^|/]*$/, { error: expected('a salt without | and /') });

/** Names stand in logs, metrics and terminals as well, hence no control characters. */
function nameSchema(what: string) {
  return z.string({ error: expected(`a ${what} name`) }).regex(namePattern, {
    error: expected(
      `a ${what} name of 1 to ${nameLength} characters without |, / and control characters and without spaces at its ends`,
    ),
  });
}

function brokerSchema(brokers: readonly string[] | undefined) {
  if (brokers === undefined) return z.string({ error: expected('the name of a broker') }).min(1);
  const error = expected(`a broker that is configured (${brokers.join(', ')})`);
  return z.string({ error }).refine((name) => brokers.includes(name), { error });
}

const text = (what: string) => z.string({ error: expected(what) }).min(1, { error: expected(what) });

const basisPoints = (what: string) => {
  const error = expected(`${what} in whole basis points from 0 to ${wholeBps}`);
  return z.int({ error }).min(0, { error }).max(wholeBps, { error });
};

const hashBound = (() => {
  const error = expected(`a position from 0 to ${positionCount}`);
  return z.number({ error }).min(0, { error }).max(positionCount, { error });
})();

const hashSchema = strictMapping({ from: hashBound, to: hashBound }).refine(({ from, to }) => from < to, {
  error: 'expected from below to: a cohort takes positions with from ≤ position < to',
});

const certificateSchema = strictMapping({
  organizationalUnit: text('an organizational unit').optional(),
  issuerCommonName: text("the issuer's common name").optional(),
  commonNamePrefix: text('the beginning of a common name').optional(),
}).refine(hasField, {
  error: 'expected at least one of organizationalUnit, issuerCommonName, commonNamePrefix, got none',
});

const matchSchema = strictMapping({
  all: z.literal(true, { error: expected('true') }).optional(),
  clientIds: z.array(text('a client ID'), { error: expected('a list of client IDs') }).optional(),
  clientIdsFile: text('the path of a file of client IDs').optional(),
  clientIdPrefix: text('the beginning of a client ID').optional(),
  certificate: certificateSchema.optional(),
  hash: hashSchema.optional(),
}).refine(hasField, {
  error: 'expected at least one field to match by (all: true takes every device), got none',
});

function hasField(fields: object): boolean {
  return Object.values(fields).some((value) => value !== undefined);
}

function cohortSchema(broker: z.ZodType<string>) {
  return strictMapping({
    name: nameSchema('cohort'),
    match: matchSchema,
    source: broker,
    target: broker,
    weightBps: basisPoints('a weight').default(0),
    announce: z.enum(['source', 'common'], { error: expected('source or common') }).default('source'),
  });
}

function overrideSchema(broker: z.ZodType<string>) {
  const kinds = Object.values(kindByIdentityName);
  return strictMapping({
    kind: z.enum(kinds, { error: expected(`one of ${kinds.join(', ')}`) }),
    key: text('the key of a device'),
    broker,
  })
    .refine(({ kind, key }) => kind !== 'fingerprint' || /^[0-9a-f]{64}$/.test(key), {
      path: ['key'],
      error: 'expected a fingerprint of 64 lower-case hex digits without colons',
    })
    .refine(({ kind, key }) => kind !== 'serial' || /^(0|[1-9a-f][0-9a-f]*)$/.test(key), {
      path: ['key'],
      error: 'expected a serial number in lower-case hex without leading zeros',
    });
}

const splitSchema = strictMapping({
  name: nameSchema('split'),
  weights: z
    .record(nameSchema('part'), basisPoints("a part's weight"), { error: expected('a mapping of parts to weights') })
    .refine((weights) => Object.values(weights).reduce((sum, weight) => sum + weight, 0) === wholeBps, {
      error: `expected weights that add up to ${wholeBps}`,
    }),
});
