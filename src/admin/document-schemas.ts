import { z } from 'zod';
import type {
  DryRunDocument,
  FreezeDocument,
  MoveAccepted,
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  SessionDocument,
  StatusDocument,
  WhereDocument,
} from './admin-api.ts';
import { liveModes } from './admin-api.ts';
import { bridgeSummary } from './bridge-documents.ts';
import { cohortInterlock } from './interlock-document.ts';
import type {
  DnsTraceDocument,
  SiteDocument,
  SiteStatus,
  SplitDocument,
  SplitForecast,
  ZonesDocument,
} from './nameserver-documents.ts';

const count = z.int().min(0);
const bps = z.int().min(0).max(10_000);
const revisionNumber = z.int().min(1);
const timestamp = z.iso.datetime();
const kind = z.enum(['cn', 'fingerprint', 'serial', 'clientid', 'username']);

export const freezeDocument = z.object({
  author: z.string(),
  reason: z.string(),
  at: timestamp,
  until: timestamp.nullable(),
}) satisfies z.ZodType<FreezeDocument>;

const said = z.object({ author: z.string(), at: timestamp, reason: z.string() });

export const siteStatus = z.object({
  name: z.string(),
  health: z.enum(['up', 'down', 'unknown']),
  addresses: z.array(z.string()),
  downAddresses: z.array(z.string()),
  drained: z.boolean(),
  forced: z.enum(['up', 'down']).nullable(),
  detail: z.string(),
  said: said.nullable(),
}) satisfies z.ZodType<SiteStatus>;

export const siteDocument = siteStatus.extend({ warnings: z.array(z.string()) }) satisfies z.ZodType<SiteDocument>;

const weightsByPart = z.record(z.string(), bps);
const seenAndChanging = z.object({ seen: count, changing: count });

const splitForecast = z.object({
  split: z.string(),
  weights: weightsByPart,
  newWeights: weightsByPart,
  networks: seenAndChanging,
  resolvers: seenAndChanging,
}) satisfies z.ZodType<SplitForecast>;

export const splitDocument = z.object({
  revision: revisionNumber,
  dryRun: z.boolean(),
  forecast: splitForecast,
}) satisfies z.ZodType<SplitDocument>;

export const zonesDocument = z.object({
  zones: z.array(
    z.object({
      origin: z.string(),
      outcome: z.enum(['reloaded', 'unchanged', 'refused']),
      serial: count.nullable(),
      mistakes: z.array(z.string()).meta({ description: 'FILE:LINE: what was expected, what came' }),
      warnings: z.array(z.string()),
    }),
  ),
}) satisfies z.ZodType<ZonesDocument>;

export const dnsTraceDocument = z.object({
  name: z.string(),
  type: z.string(),
  rcode: z.string(),
  answer: z.array(z.string()),
  authority: z.array(z.string()),
  scope: count,
  steps: z.array(z.object({ step: z.string(), text: z.string() })),
  revision: revisionNumber,
  forecast: splitForecast.nullable(),
}) satisfies z.ZodType<DnsTraceDocument>;

export const statusDocument = z.object({
  revision: revisionNumber,
  frozen: z.boolean(),
  freeze: freezeDocument.nullable(),
  brokers: z.record(
    z.string(),
    z.object({
      profile: z.string(),
      sessions: count,
      secondLegs: count,
      connected: z.boolean(),
      state: z.enum(['up', 'unsure', 'down']),
    }),
  ),
  cohorts: z.array(
    z.object({
      name: z.string(),
      source: z.string(),
      target: z.string(),
      weightBps: bps,
      sessions: z.object({ source: count, target: count, moving: count }),
      handovers: z.object({ underWay: count, prepared: count, warm: count }),
      heldBack: count,
    }),
  ),
  listeners: z.array(z.object({ name: z.string(), address: z.string() })),
  nameserver: z.array(z.string()),
  sites: z.array(siteStatus),
  zones: z.array(z.object({ origin: z.string(), serial: count, signed: z.boolean(), mistakes: z.array(z.string()) })),
  aliases: z.array(
    z.object({
      alias: z.string(),
      addresses: z.array(z.string()),
      resolvedAt: z.string().nullable(),
      problem: z.string().nullable(),
    }),
  ),
  workers: z.array(z.object({ worker: count, pid: count, revision: count, connections: count, sessions: count })),
  bridge: bridgeSummary.nullable(),
}) satisfies z.ZodType<StatusDocument>;

const planFields = {
  default: z.string(),
  salt: z.string(),
  identity: z.array(
    z.enum([
      'certificate.commonName',
      'certificate.fingerprint',
      'certificate.serialNumber',
      'mqtt.clientId',
      'mqtt.username',
    ]),
  ),
  overrides: z.array(z.object({ kind, key: z.string(), broker: z.string() })),
  cohorts: z.array(
    z.object({
      name: z.string(),
      match: z
        .looseObject({})
        .meta({ description: 'all, clientIds, clientIdsFile, clientIdPrefix, certificate, hash' }),
      source: z.string(),
      target: z.string(),
      weightBps: bps,
      announce: z.enum(['source', 'common']),
    }),
  ),
  splits: z.array(z.object({ name: z.string(), weights: z.record(z.string(), bps) })),
};

export const planDocument = z.object({ revision: revisionNumber, ...planFields }) satisfies z.ZodType<PlanDocument>;

export const revisionDocument = z.object({
  revision: revisionNumber,
  at: timestamp,
  author: z.string(),
  reason: z.string(),
  plan: z.object(planFields),
}) satisfies z.ZodType<RevisionDocument>;

export const moveAccepted = z.object({
  revision: revisionNumber,
  move: z.object({ id: z.string() }),
  warnings: z.array(z.string()).optional(),
}) satisfies z.ZodType<MoveAccepted>;

const refused = z.array(z.object({ clientId: z.string(), reason: z.string() }));

const pending = z.object({
  offline: count,
  unknownSubscriptions: count,
  asleep: count,
  unregistered: count,
  listed: refused,
});

export const dryRunDocument = z.object({
  revision: z.null(),
  dryRun: z.object({
    live: count,
    warm: count,
    cold: count,
    pending,
    refused,
    pacePerSecond: z.number().min(0),
    estimatedSeconds: z.number().min(0),
    quotas: z.record(
      z.string(),
      z.object({
        connectsPerSecond: z.number().nullable(),
        filtersPerSecond: z.number().nullable(),
        filters: count,
      }),
    ),
    interlock: cohortInterlock.optional(),
  }),
}) satisfies z.ZodType<DryRunDocument>;

export const moveDocument = z.object({
  id: z.string(),
  state: z.enum(['running', 'paused', 'done', 'failed', 'aborted', 'superseded']),
  kind: z.enum(['cutover', 'rollback']),
  cohorts: z.array(z.string()),
  destinations: z.array(z.string()),
  revision: revisionNumber,
  author: z.string(),
  reason: z.string(),
  live: z.enum(liveModes),
  prepareOnly: z.boolean(),
  pacePerSecond: z.number().min(0),
  eligible: count,
  moved: count,
  prepared: count,
  underWay: count,
  aborted: count,
  pending,
  refused,
  refusedTotal: count,
  startedAt: timestamp,
  finishedAt: timestamp.nullable(),
  durationMs: z.number().min(0),
  message: z.string().nullable(),
}) satisfies z.ZodType<MoveDocument>;

export const whereDocument = z.object({
  device: z.string(),
  kind: kind.nullable(),
  key: z.string().nullable(),
  position: z.number().min(0).lt(10_000).nullable(),
  cohort: z.string().nullable(),
  weightBps: bps.nullable(),
  broker: z.string(),
  reason: z.enum(['override', 'cohort-target', 'cohort-source', 'no-cohort', 'no-key']),
  revision: revisionNumber,
  home: z.string().nullable().optional(),
  connected: z.boolean().nullable().optional(),
}) satisfies z.ZodType<WhereDocument>;

export const sessionDocument = z.object({
  clientId: z.string(),
  key: z.string().nullable(),
  cohort: z.string().nullable(),
  home: z.string(),
  desired: z.string(),
  reason: z.string().nullable(),
  protocol: z.enum(['3.1', '3.1.1', '5']),
  persistent: z.boolean(),
  inFlight: count,
  since: timestamp,
  listener: z.string(),
  worker: count,
}) satisfies z.ZodType<SessionDocument>;

export const problemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z
    .array(z.object({ field: z.string(), expected: z.string(), got: z.string() }))
    .readonly()
    .optional(),
  latestRevision: revisionNumber.optional(),
  interlock: cohortInterlock.optional(),
});
