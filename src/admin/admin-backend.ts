import type { Result } from '../base/result.ts';
import type {
  AdminEvent,
  DryRunDocument,
  FieldProblem,
  FreezeDocument,
  LiveMode,
  MoveAccepted,
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  SessionDocument,
  SessionQuery,
  StatusDocument,
  WhereDocument,
  WhereQuery,
} from './admin-api.ts';
import type { AssessmentDocument, AssessmentQuery } from './assessment-document.ts';
import type { CohortInterlock, InterlockDocument } from './interlock-document.ts';
import type {
  DnsTraceDocument,
  DnsTraceQuery,
  SiteDocument,
  SplitDocument,
  ZonesDocument,
} from './nameserver-documents.ts';
import type { SiteRequest, SplitRequest } from './nameserver-requests.ts';
import type { SubscriptionImportBody, SubscriptionImportDocument } from './subscription-import.ts';

export type AdminFailureKind =
  /** Somebody else was faster: HTTP 412. */
  | 'conflict'
  /** No such cohort, revision or move: HTTP 404. */
  | 'not-found'
  /** The request cannot be done as it was asked: HTTP 400, with `details` for the fields. */
  | 'invalid'
  /** Cutovers are frozen: HTTP 409. */
  | 'frozen'
  /** Devices would lose the other end of topics, and nobody said that this is meant: HTTP 409, with `interlock`. */
  | 'unbridged'
  /** The move, or another one, is not in a state for this: HTTP 409. */
  | 'not-now'
  /** The configuration does not let it be done, whenever it is asked: HTTP 422. */
  | 'not-possible'
  /** The store or the workers cannot be asked now: HTTP 503. */
  | 'unavailable'
  /** It did not answer in time: HTTP 504. */
  | 'too-slow';

/** A failure in words for the operator; never a secret in them. */
export interface AdminFailure {
  readonly kind: AdminFailureKind;
  readonly message: string;
  readonly details?: readonly FieldProblem[];
  /** On `conflict`: the revision that stands. */
  readonly latestRevision?: number;
  readonly interlock?: CohortInterlock;
}

export type AdminResult<Value> = Promise<Result<Value, AdminFailure>>;

export interface CutoverRequest {
  /** 0 to 10 000. */
  readonly weightBps: number;
  readonly reason: string;
  /** Sessions per second; absent: what the brokers that sessions go to take, or the limit `reconnectsPerSecond`. */
  readonly pacePerSecond?: number;
  readonly live: LiveMode;
  /** Second connections only, and no new revision; with `live: handover`. */
  readonly prepareOnly: boolean;
  /** Devices may lose the other end of topics. */
  readonly unbridgedOk: boolean;
  /** The token's name. */
  readonly author: string;
}

export interface RollbackRequest {
  /** A cohort's name, or every cohort. */
  readonly scope: { readonly cohort: string } | { readonly all: true };
  /** The weight to go back to (0 unless the request says otherwise), or the weights of an earlier revision. */
  readonly to: { readonly weightBps: number } | { readonly revision: number };
  readonly reason: string;
  readonly pacePerSecond?: number;
  readonly live: LiveMode;
  readonly author: string;
}

export interface FreezeRequest {
  /** Milliseconds; absent: until it is lifted. */
  readonly forMs?: number;
  readonly reason: string;
  readonly author: string;
}

export interface ReplacePlanRequest {
  /** The JSON as it came, without `revision` and `reason`: the backend parses it and names every wrong field. */
  readonly plan: unknown;
  /** The revision that it was made from. */
  readonly ifMatch: number;
  readonly author: string;
  readonly reason: string;
}

/** What the admin server asks of the gateway; `app/` fills it. Methods never reject for an expected failure. */
export interface AdminBackend {
  status(): AdminResult<StatusDocument>;
  plan(): AdminResult<PlanDocument>;
  replacePlan(request: ReplacePlanRequest): AdminResult<PlanDocument>;
  /** Newest first, at most `limit`, below `before` if given. */
  revisions(options: { readonly limit: number; readonly before?: number }): AdminResult<readonly RevisionDocument[]>;
  revision(revision: number): AdminResult<RevisionDocument>;
  cutover(cohort: string, request: CutoverRequest): AdminResult<MoveAccepted>;
  rollback(request: RollbackRequest): AdminResult<MoveAccepted>;
  /** What the same request without `dryRun` would find; nothing is changed. */
  dryRunCutover(cohort: string, request: CutoverRequest): AdminResult<DryRunDocument>;
  dryRunRollback(request: RollbackRequest): AdminResult<DryRunDocument>;
  pauseMove(id: string, author: string): AdminResult<MoveDocument>;
  resumeMove(id: string): AdminResult<MoveDocument>;
  abortMove(id: string, author: string): AdminResult<MoveDocument>;
  freeze(request: FreezeRequest): AdminResult<FreezeDocument>;
  /** Answers what was in force, or null. */
  unfreeze(author: string): AdminResult<FreezeDocument | null>;
  /** Newest first, bounded by the backend. */
  moves(): AdminResult<readonly MoveDocument[]>;
  move(id: string): AdminResult<MoveDocument>;
  where(query: WhereQuery): AdminResult<WhereDocument>;
  sessions(query: SessionQuery & { readonly limit: number }): AdminResult<readonly SessionDocument[]>;
  assessment(query: AssessmentQuery & { readonly limit: number }): AdminResult<AssessmentDocument>;
  /** Of one cohort, or of all. */
  interlock(cohort: string | undefined): AdminResult<InterlockDocument>;
  dnsAnswer(query: DnsTraceQuery): AdminResult<DnsTraceDocument>;
  /** `name`: of the split, or one that it steers. */
  setSplit(name: string, request: SplitRequest): AdminResult<SplitDocument>;
  /** Settles when what was read is answered from. */
  reloadZones(author: string): AdminResult<ZonesDocument>;
  speakOfSite(name: string, request: SiteRequest): AdminResult<SiteDocument>;
  /** Durable when it answers. */
  importSubscriptions(body: SubscriptionImportBody): AdminResult<SubscriptionImportDocument>;
  /** Prometheus text (version 0.0.4) of all processes. */
  metricsText(): AdminResult<string>;
  /** `reason` says why not, or is empty. Never waits. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /** Calls `onEvent` for every event from now on, until the returned function is called. */
  subscribe(onEvent: (event: AdminEvent) => void): () => void;
}
