import type { DryRunDocument, FreezeDocument, LiveMode, MoveAccepted, MoveDocument } from '../admin/admin-api.ts';
import type {
  AdminFailure,
  AdminResult,
  CutoverRequest,
  FreezeRequest,
  RollbackRequest,
} from '../admin/admin-backend.ts';
import type { CohortInterlock } from '../admin/interlock-document.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Plan } from '../plan/plan.ts';
import { cutover, type PlanChangeFailure, rollback } from '../plan/plan-change.ts';
import type { PlanRevision, PlanStore } from '../plan/store/plan-store.ts';
import { toAdminFailure } from './admin-failures.ts';
import { type CutoverFreeze, describeFreeze, toFreezeDocument } from './cutover-freeze.ts';
import { type DryRunDeps, rehearse } from './dry-run.ts';
import { paceTerms, reconnectPace } from './handover-pace.ts';
import { describeLost, type Interlock, unbridgedReason } from './interlock.ts';
import { type CohortPlacement, destinationsOf, type MoveRequest } from './move-request.ts';
import type { MoveRunner } from './move-runner.ts';
import type { PlanAuthority } from './plan-authority.ts';
import type { WorkerHub } from './worker-hub.ts';

export interface MoveVerbsDeps extends DryRunDeps {
  readonly authority: PlanAuthority;
  readonly store: Pick<PlanStore, 'revision'>;
  readonly hub: Pick<WorkerHub, 'acknowledged'>;
  readonly moves: MoveRunner;
  readonly freeze: CutoverFreeze;
  readonly interlock: Pick<Interlock, 'judge'>;
  readonly onFreeze: (freeze: FreezeDocument | null) => void;
}

/** A verb before anything is changed: whose cohorts, and what it makes of a plan. */
interface Verb {
  readonly kind: MoveRequest['kind'];
  readonly cohorts: readonly string[];
  readonly live: LiveMode;
  readonly pacePerSecond?: number;
  readonly author: string;
  readonly reason: string;
  readonly change: (plan: Plan) => Result<Plan, PlanChangeFailure>;
}

/** How long a verb waits for all workers to have the revision before it answers; they get it anyway. */
const acknowledgementMs = 500;

/** Cutover and rollback, what becomes of their moves, and the freeze. */
export class MoveVerbs {
  readonly #deps: MoveVerbsDeps;

  constructor(deps: MoveVerbsDeps) {
    this.#deps = deps;
  }

  async cutover(cohort: string, request: CutoverRequest): AdminResult<MoveAccepted> {
    const frozen = this.frozen();
    if (frozen !== undefined) return failure(frozen);
    const verb = cutoverVerb(cohort, request);
    if (request.prepareOnly) return this.#prepare(verb, { cohort, weightBps: request.weightBps });
    const judged = this.judge(cohort, request.weightBps);
    if (judged === undefined || judged.lostTotal === 0) return this.#move(verb, judged?.warnings);
    if (!request.unbridgedOk) return failure({ kind: 'unbridged', message: describeLost(judged), interlock: judged });
    return this.#move({ ...verb, reason: unbridgedReason(verb.reason, judged, verb.author) }, judged.warnings);
  }

  async rollback(request: RollbackRequest): AdminResult<MoveAccepted> {
    const verb = await this.#rollbackVerb(request);
    return verb.ok ? this.#move(verb.value) : verb;
  }

  async dryRunCutover(cohort: string, request: CutoverRequest): AdminResult<DryRunDocument> {
    return this.#rehearse(cutoverVerb(cohort, request), this.judge(cohort, request.weightBps));
  }

  async dryRunRollback(request: RollbackRequest): AdminResult<DryRunDocument> {
    const verb = await this.#rollbackVerb(request);
    return verb.ok ? this.#rehearse(verb.value) : verb;
  }

  pauseMove(id: string, author: string): Result<MoveDocument, AdminFailure> {
    return this.#deps.moves.pause(id, author);
  }

  resumeMove(id: string): Result<MoveDocument, AdminFailure> {
    return this.#deps.moves.resume(id);
  }

  abortMove(id: string, author: string): Result<MoveDocument, AdminFailure> {
    return this.#deps.moves.abort(id, author);
  }

  beginFreeze(request: FreezeRequest): FreezeDocument {
    const document = toFreezeDocument(this.#deps.freeze.begin(request));
    this.#deps.moves.freezeChanged();
    this.#deps.onFreeze(document);
    return document;
  }

  /** Answers what was in force. */
  liftFreeze(): FreezeDocument | null {
    const lifted = this.#deps.freeze.lift();
    if (lifted === undefined) return null;
    this.#deps.moves.freezeChanged();
    this.#deps.onFreeze(null);
    return toFreezeDocument(lifted);
  }

  /** What the cohort's devices would lose; undefined: the weight takes nobody to the target, or nobody asks. */
  judge(name: string, weightBps: number): CohortInterlock | undefined {
    const cohort = this.#deps.authority.current.plan.cohorts.find((each) => each.name === name);
    const takesThere = cohort !== undefined && weightBps > 0 && weightBps >= cohort.weightBps;
    return takesThere ? this.#deps.interlock.judge(cohort) : undefined;
  }

  /** Why no cutover starts now. */
  frozen(): AdminFailure | undefined {
    const freeze = this.#deps.freeze.current;
    if (freeze === undefined) return undefined;
    return { kind: 'frozen', message: `${describeFreeze(freeze)}. A rollback is possible; unfreeze to go on` };
  }

  async readRevision(number: number): Promise<Result<PlanRevision, AdminFailure>> {
    const revision = await this.#deps.store.revision(number);
    if (!revision.ok) return failure(toAdminFailure(revision.error));
    if (revision.value !== undefined) return success(revision.value);
    const latest = this.#deps.authority.current.revision;
    return failure({ kind: 'not-found', message: `expected a revision from 1 to ${latest}, got ${number}` });
  }

  async #move(verb: Verb, warnings: readonly string[] = []): AdminResult<MoveAccepted> {
    const { author, reason } = verb;
    let former: Plan | undefined;
    const change: Verb['change'] = (plan) => {
      former = plan;
      return verb.change(plan);
    };
    const changed = await this.#deps.authority.change(change, { author, reason });
    if (!changed.ok) return failure(toAdminFailure(changed.error));
    const { revision, plan } = changed.value;
    await this.#deps.hub.acknowledged(revision, acknowledgementMs);
    const move = this.#deps.moves.start(this.#toRequest(verb, revision, { plan, former }));
    return success({ revision, move: { id: move.id }, ...(warnings.length > 0 && { warnings }) });
  }

  /** The plan stays as it is: no revision is made. */
  async #prepare(verb: Verb, prepare: NonNullable<MoveRequest['prepare']>): AdminResult<MoveAccepted> {
    const { moves, authority } = this.#deps;
    const { plan, revision } = authority.current;
    const changed = verb.change(plan);
    if (!changed.ok) return failure(toAdminFailure(changed.error));
    const other = moves.moveOf(prepare.cohort);
    if (other !== undefined && !other.prepareOnly) {
      const message = `move ${other.id} of cohort ${prepare.cohort} is under way: wait for its end, or abort it, before the next weight is prepared`;
      return failure({ kind: 'not-now', message });
    }
    const move = moves.start(this.#toRequest({ ...verb, prepare }, revision, { plan }));
    return success({ revision, move: { id: move.id } });
  }

  async #rehearse(verb: Verb, interlock?: CohortInterlock): AdminResult<DryRunDocument> {
    const { authority } = this.#deps;
    const { plan, revision } = authority.current;
    const changed = verb.change(plan);
    if (!changed.ok) return failure(toAdminFailure(changed.error));
    const found = await rehearse(this.#toRequest(verb, revision, { plan: changed.value, former: plan }), this.#deps);
    if (!found.ok || interlock === undefined) return found;
    return success({ ...found.value, dryRun: { ...found.value.dryRun, interlock } });
  }

  #toRequest(
    { change: _change, ...verb }: Verb & Pick<MoveRequest, 'prepare'>,
    revision: number,
    { plan, former }: { readonly plan: Plan; readonly former?: Plan | undefined },
  ): MoveRequest {
    const { configuration } = this.#deps;
    const formerBps = (name: string) => former?.cohorts.find((cohort) => cohort.name === name)?.weightBps;
    const placements = placementsOf(plan, verb.cohorts).map((placement): CohortPlacement => {
      const before = formerBps(placement.name);
      return before === undefined ? placement : { ...placement, formerBps: before };
    });
    const destinations = destinationsOf({ ...verb, placements });
    const pace =
      verb.live === 'handover'
        ? paceTerms(configuration, destinations, verb.pacePerSecond)
        : { pacePerSecond: verb.pacePerSecond ?? reconnectPace(configuration, destinations) };
    return { ...verb, revision, placements, ...pace };
  }

  async #rollbackVerb(request: RollbackRequest): Promise<Result<Verb, AdminFailure>> {
    const { scope, to } = request;
    const earlier = 'weightBps' in to ? success(to.weightBps) : await this.#planOf(to.revision);
    if (!earlier.ok) return earlier;
    const { plan } = this.#deps.authority.current;
    const cohorts = 'cohort' in scope ? [scope.cohort] : plan.cohorts.map(({ name }) => name);
    const one = 'cohort' in scope ? { cohort: scope.cohort } : {};
    const { live, author, reason, pacePerSecond } = request;
    return success({
      ...{ kind: 'rollback', cohorts, live, author, reason },
      ...(pacePerSecond !== undefined && { pacePerSecond }),
      change: (from) => rollback(from, { ...one, to: earlier.value }),
    });
  }

  async #planOf(number: number): Promise<Result<Plan, AdminFailure>> {
    const revision = await this.readRevision(number);
    return revision.ok ? success(revision.value.plan) : revision;
  }
}

/** The cohorts' places in a plan. */
export function placementsOf(plan: Plan, cohorts: readonly string[]): readonly CohortPlacement[] {
  return plan.cohorts
    .filter(({ name }) => cohorts.includes(name))
    .map(({ name, source, target, weightBps }) => ({ name, source, target, weightBps }));
}

function cutoverVerb(cohort: string, request: CutoverRequest): Verb {
  const { weightBps, live, author, reason, pacePerSecond } = request;
  return {
    ...{ kind: 'cutover', cohorts: [cohort], live, author, reason },
    ...(pacePerSecond !== undefined && { pacePerSecond }),
    change: (plan) => cutover(plan, { cohort, weightBps }),
  };
}
