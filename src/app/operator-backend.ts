import type {
  AdminEvent,
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
  AdminFailure,
  AdminResult,
  CutoverRequest,
  ReplacePlanRequest,
  RollbackRequest,
} from '../admin/admin-backend.ts';
import type { AssessmentDocument, AssessmentQuery } from '../admin/assessment-document.ts';
import { toWhereDocument } from '../admin/where-document.ts';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Plan } from '../plan/plan.ts';
import { checkSuccession, cutover, type PlanChangeFailure, rollback } from '../plan/plan-change.ts';
import { parsePlan } from '../plan/plan-document.ts';
import type { PlanMistake } from '../plan/plan-mistake.ts';
import type { PlanRevision, PlanStore, PlanStoreFailure } from '../plan/store/plan-store.ts';
import type { AssessmentLedger } from './assessment-ledger.ts';
import type { FleetFigures } from './fleet-figures.ts';
import type { MoveRequest } from './move-request.ts';
import type { MoveRunner } from './move-runner.ts';
import type { PlanAuthority, UnusablePlan } from './plan-authority.ts';
import type { SessionsReply } from './process-messages.ts';
import { deviceOfQuery } from './where-question.ts';
import type { WorkerHub } from './worker-hub.ts';

export interface OperatorBackendDeps {
  readonly configuration: Configuration;
  readonly authority: PlanAuthority;
  readonly store: PlanStore;
  readonly hub: WorkerHub;
  readonly moves: MoveRunner;
  readonly figures: FleetFigures;
  readonly assessments: AssessmentLedger;
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
    const { authority, configuration, hub } = this.#deps;
    const { fleet } = configuration;
    const parsed = parsePlan(document, { brokers: Object.keys(configuration.brokers), fleet });
    if (!parsed.ok) return failure(toInvalidPlan(parsed.error));
    if (ifMatch === authority.current.revision) {
      const succession = checkSuccession(authority.current.plan, parsed.value);
      if (!succession.ok) return failure(invalid(succession.error.map(({ message }) => message).join('; ')));
    }
    const stored = await authority.replace(parsed.value, { expected: ifMatch, author, reason });
    if (!stored.ok) return failure(toAdminFailure(stored.error));
    await hub.acknowledged(stored.value.revision, acknowledgementMs);
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
    const revision = await this.#readRevision(number);
    return revision.ok ? success(toRevisionDocument(revision.value)) : revision;
  }

  async cutover(cohort: string, request: CutoverRequest): AdminResult<MoveAccepted> {
    const { weightBps } = request;
    return this.#move('cutover', [cohort], { ...request, change: (plan) => cutover(plan, { cohort, weightBps }) });
  }

  async rollback(request: RollbackRequest): AdminResult<MoveAccepted> {
    const { scope } = request;
    const to = await this.#rollbackTarget(request);
    if (!to.ok) return to;
    const cohort = 'cohort' in scope ? { cohort: scope.cohort } : {};
    const cohorts =
      'cohort' in scope ? [scope.cohort] : this.#deps.authority.current.plan.cohorts.map(({ name }) => name);
    return this.#move('rollback', cohorts, {
      ...request,
      change: (plan) => rollback(plan, { ...cohort, to: to.value }),
    });
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
    return success(toWhereDocument(name, this.#deps.authority.snapshot.assign(device)));
  }

  async sessions(query: SessionQuery & { readonly limit: number }): AdminResult<readonly SessionDocument[]> {
    const { hub } = this.#deps;
    const lists = await Promise.all(
      hub.workers().map(async ({ worker }) => {
        const sessions = await hub.ask(worker, { kind: 'sessions', filter: query }, answerMs);
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

  async metricsText(): AdminResult<string> {
    return success(await this.#deps.figures.metricsText(this.#deps.authority.current));
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

  async #move(
    kind: 'cutover' | 'rollback',
    cohorts: readonly string[],
    request: Pick<CutoverRequest, 'author' | 'reason' | 'live' | 'pacePerSecond'> & {
      readonly change: (plan: Plan) => Result<Plan, PlanChangeFailure>;
    },
  ): AdminResult<MoveAccepted> {
    const { author, reason, live } = request;
    const changed = await this.#deps.authority.change(request.change, { author, reason });
    if (!changed.ok) return failure(toAdminFailure(changed.error));
    const { revision, plan } = changed.value;
    await this.#deps.hub.acknowledged(revision, acknowledgementMs);
    const pacePerSecond = request.pacePerSecond ?? this.#defaultPace(kind, plan, cohorts);
    const move: MoveRequest = { kind, cohorts, revision, author, reason, live, pacePerSecond };
    return success({ revision, move: { id: this.#deps.moves.start(move).id } });
  }

  /** As fast as the limit says, but no faster than the brokers that sessions go to take CONNECTs. */
  #defaultPace(kind: 'cutover' | 'rollback', plan: Plan, cohorts: readonly string[]): number {
    const { brokers, limits } = this.#deps.configuration;
    const destinations = plan.cohorts
      .filter(({ name }) => cohorts.includes(name))
      .map(({ source, target }) => brokers[kind === 'rollback' ? source : target]?.connectsPerSecond);
    return Math.min(limits.reconnectsPerSecond, ...destinations.map((rate) => rate ?? Number.POSITIVE_INFINITY));
  }

  async #rollbackTarget({ to }: RollbackRequest): Promise<Result<number | Plan, AdminFailure>> {
    if ('weightBps' in to) return success(to.weightBps);
    const revision = await this.#readRevision(to.revision);
    return revision.ok ? success(revision.value.plan) : revision;
  }

  async #readRevision(number: number): Promise<Result<PlanRevision, AdminFailure>> {
    const revision = await this.#deps.store.revision(number);
    if (!revision.ok) return failure(toAdminFailure(revision.error));
    if (revision.value !== undefined) return success(revision.value);
    const latest = this.#deps.authority.current.revision;
    return failure({ kind: 'not-found', message: `expected a revision from 1 to ${latest}, got ${number}` });
  }
}

function toPlanDocument({ plan, revision }: PlanRevision): PlanDocument {
  return { ...plan, revision };
}

function toRevisionDocument({ revision, at, author, reason, plan }: PlanRevision): RevisionDocument {
  return { revision, at: new Date(at).toISOString(), author, reason, plan };
}

function toSessionDocuments(worker: number, sessions: SessionsReply): readonly SessionDocument[] {
  return sessions.map(({ clientId, key, cohort, home, desired, protocol, persistent, inFlight, since, listener }) => ({
    clientId,
    key: key === '' ? null : key,
    cohort: cohort ?? null,
    home,
    desired,
    protocol,
    persistent,
    inFlight,
    since: new Date(since).toISOString(),
    listener,
    worker,
  }));
}

function toInvalidPlan(mistakes: readonly PlanMistake[]): AdminFailure {
  const details = mistakes.map(({ path, message }) => {
    const field = path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .replace(/^\./, '');
    const [expected = message, got = ''] = message.split(/, got /);
    return { field, expected: expected.replace(/^expected /, ''), got };
  });
  return {
    kind: 'invalid',
    message: `the plan has ${mistakes.length} mistake${mistakes.length === 1 ? '' : 's'}`,
    details,
  };
}

function toAdminFailure(problem: PlanStoreFailure | PlanChangeFailure | UnusablePlan): AdminFailure {
  switch (problem.kind) {
    case 'conflict':
      return {
        kind: 'conflict',
        message: `revision ${problem.latest} is the last one: read it, and make the change again`,
        latestRevision: problem.latest,
      };
    case 'unavailable':
      return { kind: 'unavailable', message: `the plan store fails, the last plan stays in force: ${problem.message}` };
    case 'unknown-cohort':
      return { kind: 'not-found', message: problem.message };
    case 'unusable':
    case 'would-raise':
    case 'unsafe-succession':
      return invalid(problem.message);
  }
}

function invalid(message: string): AdminFailure {
  return { kind: 'invalid', message };
}
