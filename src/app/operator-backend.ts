import type {
  AdminEvent,
  DryRunDocument,
  FreezeDocument,
  MoveAccepted,
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  SessionDocument,
  SessionQuery,
  StatusDocument,
  WhereDocument,
  WhereQuery,
} from '../admin/admin-api.ts';
import type {
  AdminBackend,
  AdminResult,
  CutoverRequest,
  FreezeRequest,
  ReplacePlanRequest,
  RollbackRequest,
} from '../admin/admin-backend.ts';
import type { AssessmentDocument, AssessmentQuery } from '../admin/assessment-document.ts';
import type { InterlockDocument } from '../admin/interlock-document.ts';
import type {
  DnsTraceDocument,
  DnsTraceQuery,
  SiteDocument,
  SplitDocument,
  ZonesDocument,
} from '../admin/nameserver-documents.ts';
import type { SiteRequest, SplitRequest } from '../admin/nameserver-requests.ts';
import type { SubscriptionImportBody, SubscriptionImportDocument } from '../admin/subscription-import.ts';
import { toWhereDocument } from '../admin/where-document.ts';
import { errorMessage } from '../base/errors.ts';
import { failure, success } from '../base/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { unknownPartMistakes } from '../config/split-agreement.ts';
import type { Plan } from '../plan/plan.ts';
import { checkSuccession } from '../plan/plan-change.ts';
import { parsePlan } from '../plan/plan-document.ts';
import type { PlanRevision, PlanStore } from '../plan/store/plan-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { invalid, toAdminFailure, toInvalidPlan } from './admin-failures.ts';
import type { AssessmentLedger } from './assessment-ledger.ts';
import { deviceHome } from './device-home.ts';
import type { FleetFigures } from './fleet-figures.ts';
import { describeLost, type Interlock } from './interlock.ts';
import type { MoveRunner } from './move-runner.ts';
import { type MoveVerbs, placementsOf } from './move-verbs.ts';
import type { NameserverBackend } from './nameserver-backend.ts';
import type { PlanAuthority } from './plan-authority.ts';
import type { SessionsReply } from './process-messages.ts';
import { unknownName } from './session-question.ts';
import { importSubscriptions, type Learn } from './subscription-import.ts';
import { deviceOfQuery } from './where-question.ts';
import type { WorkerHub } from './worker-hub.ts';

export interface OperatorBackendDeps {
  readonly configuration: Configuration;
  readonly authority: PlanAuthority;
  readonly store: PlanStore;
  readonly hub: WorkerHub;
  readonly moves: Pick<MoveRunner, 'list' | 'find' | 'planReplaced'>;
  readonly verbs: MoveVerbs;
  readonly figures: FleetFigures;
  readonly assessments: AssessmentLedger;
  readonly interlock: Pick<Interlock, 'document'>;
  readonly log: Logger;
  readonly nameserver: NameserverBackend;
  readonly learn: Learn;
  /** The recorded home of a persistent session. */
  readonly homeOf: (clientId: string) => string | undefined;
  readonly subscribe: (onEvent: (event: AdminEvent) => void) => () => void;
}

/** How long a verb waits for all workers to have the revision before it answers; they get it anyway. */
const acknowledgementMs = 500;
const answerMs = 1_000;

/** What operators ask of the gateway, answered by the control process. */
export class OperatorBackend implements AdminBackend {
  readonly #deps: OperatorBackendDeps;

  constructor(deps: OperatorBackendDeps) {
    this.#deps = deps;
  }

  async status(): AdminResult<StatusDocument> {
    return success(await this.#deps.figures.status(this.#deps.authority.current));
  }

  async plan(): AdminResult<PlanDocument> {
    return success(toPlanDocument(this.#deps.authority.current));
  }

  async replacePlan({ plan: document, ifMatch, author, reason }: ReplacePlanRequest): AdminResult<PlanDocument> {
    const { authority, configuration, hub, moves, verbs } = this.#deps;
    const { fleet } = configuration;
    const parsed = parsePlan(document, { brokers: Object.keys(configuration.brokers), fleet });
    if (!parsed.ok) return failure(toInvalidPlan(parsed.error));
    const unknownParts = unknownPartMistakes(parsed.value.splits, configuration.nameserver);
    if (unknownParts.length > 0) return failure(toInvalidPlan(unknownParts));
    if (ifMatch === authority.current.revision) {
      const frozen = raisesWeight(authority.current.plan, parsed.value) ? verbs.frozen() : undefined;
      if (frozen !== undefined) return failure(frozen);
      const succession = checkSuccession(authority.current.plan, parsed.value);
      if (!succession.ok) return failure(invalid(succession.error.map(({ message }) => message).join('; ')));
    }
    const stored = await authority.replace(parsed.value, { expected: ifMatch, author, reason });
    if (!stored.ok) return failure(toAdminFailure(stored.error));
    const { revision, plan } = stored.value;
    this.#warnOfUnbridged(stored.value);
    moves.planReplaced(revision, (cohort) => placementsOf(plan, [cohort])[0]);
    await hub.acknowledged(revision, acknowledgementMs);
    return success(toPlanDocument(stored.value));
  }

  async revisions(options: {
    readonly limit: number;
    readonly before?: number;
  }): AdminResult<readonly RevisionDocument[]> {
    const revisions = await this.#deps.store.revisions(options);
    return revisions.ok ? success(revisions.value.map(toRevisionDocument)) : failure(toAdminFailure(revisions.error));
  }

  async revision(number: number): AdminResult<RevisionDocument> {
    const revision = await this.#deps.verbs.readRevision(number);
    return revision.ok ? success(toRevisionDocument(revision.value)) : revision;
  }

  cutover(cohort: string, request: CutoverRequest): AdminResult<MoveAccepted> {
    return this.#deps.verbs.cutover(cohort, request);
  }

  rollback(request: RollbackRequest): AdminResult<MoveAccepted> {
    return this.#deps.verbs.rollback(request);
  }

  dryRunCutover(cohort: string, request: CutoverRequest): AdminResult<DryRunDocument> {
    return this.#deps.verbs.dryRunCutover(cohort, request);
  }

  dryRunRollback(request: RollbackRequest): AdminResult<DryRunDocument> {
    return this.#deps.verbs.dryRunRollback(request);
  }

  async pauseMove(id: string, author: string): AdminResult<MoveDocument> {
    return this.#deps.verbs.pauseMove(id, author);
  }

  async resumeMove(id: string): AdminResult<MoveDocument> {
    return this.#deps.verbs.resumeMove(id);
  }

  async abortMove(id: string, author: string): AdminResult<MoveDocument> {
    return this.#deps.verbs.abortMove(id, author);
  }

  async freeze(request: FreezeRequest): AdminResult<FreezeDocument> {
    return success(this.#deps.verbs.beginFreeze(request));
  }

  async unfreeze(): AdminResult<FreezeDocument | null> {
    return success(this.#deps.verbs.liftFreeze());
  }

  async moves(): AdminResult<readonly MoveDocument[]> {
    return success(this.#deps.moves.list());
  }

  async move(id: string): AdminResult<MoveDocument> {
    const move = this.#deps.moves.find(id);
    return move === undefined
      ? failure({
          kind: 'not-found',
          message: `expected the ID of a move that is remembered, got ${JSON.stringify(id)}`,
        })
      : success(move);
  }

  async where(query: WhereQuery): AdminResult<WhereDocument> {
    const question = deviceOfQuery(query, this.#deps.authority.current.plan.identity);
    if (!question.ok) return failure(invalid(question.error));
    const { device, name } = question.value;
    const assignment = this.#deps.authority.snapshot.assign(device);
    const home = query.home === true ? await deviceHome(device, assignment, this.#deps) : undefined;
    return success({ ...toWhereDocument(name, assignment), ...home });
  }

  dnsAnswer(query: DnsTraceQuery): AdminResult<DnsTraceDocument> {
    return this.#deps.nameserver.trace(query);
  }

  setSplit(name: string, request: SplitRequest): AdminResult<SplitDocument> {
    return this.#deps.nameserver.split(name, request);
  }

  reloadZones(author: string): AdminResult<ZonesDocument> {
    return this.#deps.nameserver.reloadZones(author);
  }

  speakOfSite(name: string, request: SiteRequest): AdminResult<SiteDocument> {
    return this.#deps.nameserver.site(name, request);
  }

  async sessions(query: SessionQuery & { readonly limit: number }): AdminResult<readonly SessionDocument[]> {
    const { hub, authority, configuration } = this.#deps;
    const cohorts = authority.current.plan.cohorts.map(({ name }) => name);
    const message = unknownName(query, { cohorts, brokers: Object.keys(configuration.brokers) });
    if (message !== undefined) return failure({ kind: 'not-found', message });
    const lists = await Promise.all(
      hub.workers().map(async ({ worker }) => {
        const filter = { ...query, withReasons: true };
        const sessions = await hub.ask(worker, { kind: 'sessions', filter }, answerMs);
        return sessions === undefined ? undefined : toSessionDocuments(worker, sessions as SessionsReply);
      }),
    );
    if (lists.includes(undefined))
      return failure({ kind: 'too-slow', message: `a worker did not answer within ${answerMs} ms` });
    return success(lists.flatMap((list) => list ?? []).slice(0, query.limit));
  }

  async assessment({ cohort, limit }: AssessmentQuery & { readonly limit: number }): AdminResult<AssessmentDocument> {
    const { cohorts } = this.#deps.authority.current.plan;
    const asked = cohort === undefined ? cohorts : cohorts.filter(({ name }) => name === cohort);
    if (cohort !== undefined && asked.length === 0) {
      return failure({ kind: 'not-found', message: `expected the name of a cohort, got ${JSON.stringify(cohort)}` });
    }
    try {
      return success(this.#deps.assessments.document(asked, limit));
    } catch (error) {
      return failure({ kind: 'unavailable', message: `the assessments cannot be read: ${errorMessage(error)}` });
    }
  }

  async interlock(name: string | undefined): AdminResult<InterlockDocument> {
    const { cohorts } = this.#deps.authority.current.plan;
    const asked = name === undefined ? cohorts : cohorts.filter((cohort) => cohort.name === name);
    if (asked.length > 0 || name === undefined) return success(this.#deps.interlock.document(asked));
    return failure({ kind: 'not-found', message: `expected the name of a cohort, got ${JSON.stringify(name)}` });
  }

  async importSubscriptions(body: SubscriptionImportBody): AdminResult<SubscriptionImportDocument> {
    try {
      return success(importSubscriptions(body, this.#deps.learn));
    } catch (error) {
      return failure({ kind: 'unavailable', message: `the import cannot be written: ${errorMessage(error)}` });
    }
  }

  async metricsText(): AdminResult<string> {
    return success(await this.#deps.figures.metricsText(this.#deps.authority.current));
  }

  /** A plan that is put in whole is not refused: it may do much else, and says so to nobody until it stands. */
  #warnOfUnbridged({ plan, revision, author }: PlanRevision): void {
    const going = plan.cohorts.filter(({ weightBps }) => weightBps > 0);
    for (const cohort of this.#deps.interlock.document(going).cohorts) {
      if (cohort.lostTotal === 0) continue;
      this.#deps.log.warn({ revision, author, cohort: cohort.cohort, topics: cohort.lostTotal }, describeLost(cohort));
    }
  }

  ready(): { readonly ready: boolean; readonly reason: string } {
    const connected = this.#deps.hub.workers().length;
    const expected = this.#deps.configuration.workers;
    return connected === 0
      ? { ready: false, reason: `no worker of ${expected} is connected to the control process` }
      : { ready: true, reason: '' };
  }

  subscribe(onEvent: (event: AdminEvent) => void): () => void {
    return this.#deps.subscribe(onEvent);
  }
}

function toPlanDocument({ plan, revision }: PlanRevision): PlanDocument {
  return { ...plan, revision };
}

function toRevisionDocument({ revision, at, author, reason, plan }: PlanRevision): RevisionDocument {
  return { revision, at: new Date(at).toISOString(), author, reason, plan };
}

function toSessionDocuments(worker: number, sessions: SessionsReply): readonly SessionDocument[] {
  return sessions.map((session) => ({
    clientId: session.clientId,
    key: session.key === '' ? null : session.key,
    cohort: session.cohort ?? null,
    home: session.home,
    desired: session.desired,
    reason: session.reason ?? null,
    protocol: session.protocol,
    persistent: session.persistent,
    inFlight: session.inFlight,
    since: new Date(session.since).toISOString(),
    listener: session.listener,
    worker,
  }));
}

/** Whether devices go to a target by `next` that do not by `previous`. */
function raisesWeight(previous: Plan, next: Plan): boolean {
  const before = new Map(previous.cohorts.map(({ name, weightBps }) => [name, weightBps]));
  return next.cohorts.some(({ name, weightBps }) => weightBps > (before.get(name) ?? 0));
}
