import { z } from 'zod';
import { parsedText } from './request-schemas.ts';
import { parseDuration } from './duration.ts';

/** Steps of a service's migration; `docs/services.md` says what each waits for. */
export const ledgerSteps = [
  'idle',
  'introducing',
  'verifying',
  'awaiting-removal',
  'measuring',
  'confirming',
  'done',
  'awaiting-start',
  'joining',
  'retiring',
] as const;

/** `GET /v1/services` and `GET /v1/services/NAME`: a backend, and how far its instances have moved. */
export interface ServiceDocument {
  readonly name: string;
  readonly rule: string;
  /** The source, and the target. */
  readonly from: string;
  readonly to: string;
  /** The share group at the source. */
  readonly share: string;
  readonly filters: readonly string[];
  readonly publishes: readonly string[];
  /** The rule that carries its answers back. */
  readonly returns: string | null;
  readonly instances: readonly { readonly name: string; readonly at: 'legacy' | 'removed' }[];
  /** Members of the bridge that stand for instances. */
  readonly members: number;
  /** Of what it consumes: nothing comes out at the target, a share of it, or all. */
  readonly standing: 'legacy' | 'both' | 'target';
  readonly step: (typeof ledgerSteps)[number];
  /** It works by itself; else it is an operator's turn. */
  readonly underWay: boolean;
  /** What was missing when the step was tried last. */
  readonly trouble: string | null;
  /** What an operator does next. */
  readonly next: string;
  /** The bridge's part of the group as it was measured last; null: not yet. */
  readonly measured: ServiceShareDocument | null;
  /** What it should be now, 0 to 1. */
  readonly expectedShare: number;
  readonly verification: ServiceVerificationDocument | null;
  /** Newest first, the last 100. */
  readonly history: readonly ServiceEntryDocument[];
}

export interface ServiceShareDocument {
  /** 0 to 1. */
  readonly share: number;
  readonly expectedShare: number;
  readonly tolerance: number;
  readonly messages: number;
}

export interface ServiceProbesDocument {
  readonly sent: number;
  readonly heard: number;
  /** Those that went the way back; null: the service has no rule for that. */
  readonly answersSent: number | null;
  readonly answersHeard: number | null;
}

export interface ServiceEntryDocument {
  readonly at: string;
  readonly author: string;
  readonly step: (typeof ledgerSteps)[number];
  readonly text: string;
  readonly probes: ServiceProbesDocument | null;
  readonly share: ServiceShareDocument | null;
}

/** Source and target held against each other. */
export interface ServiceVerificationDocument {
  readonly state: 'running' | 'complete' | 'incomplete' | 'failed';
  readonly author: string;
  readonly startedAt: string;
  readonly windowMs: number;
  readonly text: string;
  /** Messages of the window; null until it has ended. */
  readonly window: ServiceWindowDocument | null;
  /** What the members of the bridge did meanwhile. */
  readonly bridge: ServiceCarriedDocument | null;
}

export interface ServiceWindowDocument {
  readonly source: number;
  readonly target: number;
  readonly missing: number;
  readonly missingQos0: number;
  /** Of what the source had, what instances there got. */
  readonly elsewhere: number;
  readonly duplicates: number;
  readonly late: number;
  readonly outOfOrder: number;
  readonly others: number;
  readonly missingTopics: readonly string[];
}

export interface ServiceCarriedDocument {
  readonly received: number;
  readonly carried: number;
  readonly dropped: number;
  readonly deadLetters: number;
  readonly echoes: number;
  readonly underWay: number;
  readonly heard: number;
  readonly uncertain: number;
}

/** The body of `POST /v1/services/NAME/move`; `started` with `back` alone, `removed` without. */
export interface MoveServiceBody {
  readonly removed?: string;
  readonly back?: boolean;
  readonly started?: string;
  /** How long the share is measured, such as "5s". */
  readonly window?: string;
}

/** The body of `POST /v1/services/NAME/verify`. */
export interface VerifyServiceBody {
  readonly window?: string;
}

/** What a verification looks at where nobody says how long. */
export const verifyWindowMs = 60_000;

const count = z.int().min(0);
const ratio = z.number().min(0);
const timestamp = z.iso.datetime();
const step = z.enum(ledgerSteps);
const shareDocument = z.object({ share: ratio, expectedShare: ratio, tolerance: ratio, messages: count });

export const serviceDocument = z.object({
  name: z.string(),
  rule: z.string(),
  from: z.string(),
  to: z.string(),
  share: z.string(),
  filters: z.array(z.string()),
  publishes: z.array(z.string()),
  returns: z.string().nullable(),
  instances: z.array(z.object({ name: z.string(), at: z.enum(['legacy', 'removed']) })),
  members: count,
  standing: z.enum(['legacy', 'both', 'target']),
  step,
  underWay: z.boolean(),
  trouble: z.string().nullable(),
  next: z.string(),
  measured: shareDocument.nullable(),
  expectedShare: ratio,
  verification: z
    .object({
      state: z.enum(['running', 'complete', 'incomplete', 'failed']),
      author: z.string(),
      startedAt: timestamp,
      windowMs: count,
      text: z.string(),
      window: z
        .object({
          ...{ source: count, target: count, missing: count, missingQos0: count, elsewhere: count },
          ...{ duplicates: count, late: count, outOfOrder: count, others: count, missingTopics: z.array(z.string()) },
        })
        .nullable(),
      bridge: z
        .object({
          ...{ received: z.int(), carried: z.int(), dropped: z.int(), deadLetters: z.int(), echoes: z.int() },
          ...{ underWay: count, heard: count, uncertain: count },
        })
        .nullable(),
    })
    .nullable(),
  history: z.array(
    z.object({
      at: timestamp,
      author: z.string(),
      step,
      text: z.string(),
      probes: z
        .object({ sent: count, heard: count, answersSent: count.nullable(), answersHeard: count.nullable() })
        .nullable(),
      share: shareDocument.nullable(),
    }),
  ),
}) satisfies z.ZodType<ServiceDocument>;

const instance = z.string().min(1).max(256);
const durationMs = parsedText(parseDuration);

export const moveServiceBody = z
  .strictObject({
    removed: instance.optional().meta({ description: 'The instance that was ended at the source' }),
    back: z.boolean().default(false).meta({ description: 'One member less, one instance more' }),
    started: instance.optional().meta({ description: 'With back: the instance that was started again' }),
    window: durationMs
      .refine((ms) => ms <= 300_000, { error: 'at most 5m' })
      .optional()
      .meta({ examples: ['5s'], description: 'How long the share of the bridge is measured' }),
  })
  .refine(({ removed, back }) => removed === undefined || !back, { path: ['removed'], error: 'nothing, with back' })
  .refine(({ started, back }) => started === undefined || back, { path: ['started'], error: 'nothing, without back' });

export const verifyServiceBody = z.strictObject({
  window: durationMs
    .refine((ms) => ms <= 3_600_000, { error: 'at most 1h' })
    .default(verifyWindowMs)
    .meta({ examples: ['60s'], description: 'How long source and target are held against each other' }),
});
