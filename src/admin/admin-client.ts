import type { Result } from '../base/result.ts';
import { failure, success } from '../base/result.ts';
import type {
  CutoverBody,
  DryRunDocument,
  FreezeBody,
  FreezeDocument,
  MoveAccepted,
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  RollbackBody,
  SessionDocument,
  SessionQuery,
  StatusDocument,
  WhereDocument,
  WhereQuery,
} from './admin-api.ts';
import type { AssessmentDocument, AssessmentQuery } from './assessment-document.ts';
import type { BridgeDocument, BridgeRuleDocument, ScaleBody } from './bridge-documents.ts';
import { type ReceivedEvent, readEventStream } from './event-reader.ts';
import { type AdminClientFailure, createHttpCaller, type HttpAnswer, type HttpCall } from './http-caller.ts';
import type { InterlockDocument } from './interlock-document.ts';
import type {
  DnsTraceDocument,
  DnsTraceQuery,
  ForceBody,
  SiteBody,
  SiteDocument,
  SplitBody,
  SplitDocument,
  ZonesDocument,
} from './nameserver-documents.ts';
import type { MoveServiceBody, ServiceDocument, VerifyServiceBody } from './ledger-documents.ts';
import type { SubscriptionImportBody, SubscriptionImportDocument } from './subscription-import.ts';

export type ClientResult<Value> = Promise<Result<Value, AdminClientFailure>>;

export interface AdminClientOptions {
  /** The base URL, `http://127.0.0.1:9440`; a path in it is kept as a prefix. */
  readonly url: string;
  readonly token: string;
  /** PEM text of the CAs that an HTTPS server must chain to; absent: the system's. */
  readonly ca?: string;
  /** Milliseconds for one whole answer; default 30 000. The event stream has no end of its own. */
  readonly timeoutMs?: number;
}

/** One method per call of the admin API. A failure is a value: the server's problem document, or `unreachable`. */
export interface AdminClient {
  status(): ClientResult<StatusDocument>;
  plan(): ClientResult<PlanDocument>;
  /** Fails with problem 412 when `ifMatch` is no longer the newest revision. */
  replacePlan(
    plan: unknown,
    options: { readonly ifMatch: number; readonly reason?: string },
  ): ClientResult<PlanDocument>;
  revisions(options?: { readonly limit?: number; readonly before?: number }): ClientResult<readonly RevisionDocument[]>;
  revision(revision: number): ClientResult<RevisionDocument>;
  cutover(cohort: string, body: CutoverBody): ClientResult<MoveAccepted>;
  rollback(cohort: string, body: RollbackBody): ClientResult<MoveAccepted>;
  rollbackAll(body: RollbackBody): ClientResult<MoveAccepted>;
  /** What the same call would find; the server is told `dryRun` whatever the body says. */
  dryRunCutover(cohort: string, body: CutoverBody): ClientResult<DryRunDocument>;
  dryRunRollback(cohort: string, body: RollbackBody): ClientResult<DryRunDocument>;
  dryRunRollbackAll(body: RollbackBody): ClientResult<DryRunDocument>;
  pauseMove(id: string): ClientResult<MoveDocument>;
  resumeMove(id: string): ClientResult<MoveDocument>;
  abortMove(id: string): ClientResult<MoveDocument>;
  freeze(body: FreezeBody): ClientResult<FreezeDocument>;
  unfreeze(): ClientResult<FreezeDocument | null>;
  moves(): ClientResult<readonly MoveDocument[]>;
  move(id: string): ClientResult<MoveDocument>;
  where(query: WhereQuery): ClientResult<WhereDocument>;
  sessions(query?: SessionQuery): ClientResult<readonly SessionDocument[]>;
  assessment(query?: AssessmentQuery): ClientResult<AssessmentDocument>;
  interlock(cohort?: string): ClientResult<InterlockDocument>;
  importSubscriptions(body: SubscriptionImportBody): ClientResult<SubscriptionImportDocument>;
  dnsAnswer(query: DnsTraceQuery): ClientResult<DnsTraceDocument>;
  setSplit(name: string, body: SplitBody): ClientResult<SplitDocument>;
  reloadZones(): ClientResult<ZonesDocument>;
  drainSite(name: string, body: SiteBody): ClientResult<SiteDocument>;
  undrainSite(name: string, body: SiteBody): ClientResult<SiteDocument>;
  forceSite(name: string, body: ForceBody): ClientResult<SiteDocument>;
  bridge(): ClientResult<BridgeDocument>;
  pauseRule(name: string): ClientResult<BridgeRuleDocument>;
  resumeRule(name: string): ClientResult<BridgeRuleDocument>;
  scaleRule(name: string, body: ScaleBody): ClientResult<BridgeRuleDocument>;
  services(): ClientResult<readonly ServiceDocument[]>;
  service(name: string): ClientResult<ServiceDocument>;
  moveService(name: string, body: MoveServiceBody): ClientResult<ServiceDocument>;
  verifyService(name: string, body: VerifyServiceBody): ClientResult<ServiceDocument>;
  metricsText(): ClientResult<string>;
  /** `ok` when the gateway is ready; the problem's detail says why it is not. */
  ready(): ClientResult<{ readonly ready: true }>;
  /**
   * Opens the event stream, after `lastEventId` if given. The iterable ends when the server or `signal` ends the
   * stream; whoever wants to go on opens it again with the ID of the last event.
   */
  events(options?: {
    readonly lastEventId?: string;
    readonly signal?: AbortSignal;
  }): ClientResult<AsyncIterable<ReceivedEvent>>;
  /** Closes idle connections. */
  close(): void;
}

/** Throws TypeError when `url` is no http(s) URL; nothing is dialled before the first call. */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  const caller = createHttpCaller(options);
  const json = async <Value>(call: HttpCall): ClientResult<Value> => parseAnswer(await caller.call(call));
  const read = <Value>(path: string, query: Query = {}) => json<Value>({ method: 'GET', path: withQuery(path, query) });
  const post = <Value>(path: string, body: unknown) => json<Value>({ method: 'POST', path, body });
  return {
    status: () => read('/v1/status'),
    plan: () => read('/v1/plan'),
    replacePlan: (plan, { ifMatch, reason }) =>
      json({
        method: 'PUT',
        path: '/v1/plan',
        body: reason === undefined || typeof plan !== 'object' ? plan : { ...plan, reason },
        headers: { 'if-match': `"${ifMatch}"` },
      }),
    revisions: (page = {}) => read('/v1/plan/revisions', { ...page }),
    revision: (revision) => read(`/v1/plan/revisions/${revision}`),
    ...dryRuns(post),
    pauseMove: (id) => post(`${movePath(id)}/pause`, undefined),
    resumeMove: (id) => post(`${movePath(id)}/resume`, undefined),
    abortMove: (id) => post(`${movePath(id)}/abort`, undefined),
    freeze: (body) => post('/v1/freeze', body),
    unfreeze: () => json({ method: 'DELETE', path: '/v1/freeze' }),
    cutover: (cohort, body) => post(`/v1/cohorts/${encodeURIComponent(cohort)}/cutover`, body),
    rollback: (cohort, body) => post(`/v1/cohorts/${encodeURIComponent(cohort)}/rollback`, body),
    rollbackAll: (body) => post('/v1/rollback', body),
    moves: () => read('/v1/moves'),
    move: (id) => read(movePath(id)),
    where: (query) => read('/v1/where', { ...query }),
    sessions: (query = {}) => read('/v1/sessions', { ...query }),
    assessment: (query = {}) => read('/v1/assessment', { ...query }),
    interlock: (cohort) => read('/v1/interlock', { cohort }),
    importSubscriptions: (body) => post('/v1/subscriptions', body),
    dnsAnswer: (query) => read('/v1/dns/answer', { ...query }),
    setSplit: (name, body) => post(`/v1/splits/${encodeURIComponent(name)}`, body),
    reloadZones: () => post('/v1/zones/reload', {}),
    drainSite: (name, body) => post(`/v1/sites/${encodeURIComponent(name)}/drain`, body),
    undrainSite: (name, body) => post(`/v1/sites/${encodeURIComponent(name)}/undrain`, body),
    forceSite: (name, body) => post(`/v1/sites/${encodeURIComponent(name)}/force`, body),
    bridge: () => read('/v1/bridge'),
    pauseRule: (name) => post(`${rulePath(name)}/pause`, {}),
    resumeRule: (name) => post(`${rulePath(name)}/resume`, {}),
    scaleRule: (name, body) => post(`${rulePath(name)}/scale`, body),
    services: () => read('/v1/services'),
    service: (name) => read(servicePath(name)),
    moveService: (name, body) => post(`${servicePath(name)}/move`, body),
    verifyService: (name, body) => post(`${servicePath(name)}/verify`, body),
    metricsText: async () => {
      const answer = await caller.call({ method: 'GET', path: '/metrics' });
      return answer.ok ? success(answer.value.body) : answer;
    },
    ready: () => read('/readyz'),
    events: async ({ lastEventId, signal } = {}) => {
      const headers = {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      };
      const opened = await caller.open({ method: 'GET', path: '/v1/events', headers }, signal);
      return opened.ok ? success(readEventStream(opened.value)) : opened;
    },
    close: () => caller.close(),
  };
}

type Post = <Value>(path: string, body: unknown) => ClientResult<Value>;

function dryRuns(post: Post): Pick<AdminClient, 'dryRunCutover' | 'dryRunRollback' | 'dryRunRollbackAll'> {
  const told = (body: CutoverBody | RollbackBody) => ({ ...body, dryRun: true });
  return {
    dryRunCutover: (cohort, body) => post(`/v1/cohorts/${encodeURIComponent(cohort)}/cutover`, told(body)),
    dryRunRollback: (cohort, body) => post(`/v1/cohorts/${encodeURIComponent(cohort)}/rollback`, told(body)),
    dryRunRollbackAll: (body) => post('/v1/rollback', told(body)),
  };
}

function movePath(id: string): string {
  return `/v1/moves/${encodeURIComponent(id)}`;
}

function rulePath(name: string): string {
  return `/v1/bridge/rules/${encodeURIComponent(name)}`;
}

function servicePath(name: string): string {
  return `/v1/services/${encodeURIComponent(name)}`;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

function parseAnswer<Value>(answer: Result<HttpAnswer, AdminClientFailure>): Result<Value, AdminClientFailure> {
  if (!answer.ok) return answer;
  try {
    return success(JSON.parse(answer.value.body) as Value);
  } catch {
    return failure({ kind: 'unreachable', message: `Expected JSON from ${answer.value.url}, got something else` });
  }
}
