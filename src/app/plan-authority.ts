import type { Clock } from '../base/clock.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Plan } from '../plan/plan.ts';
import { createSnapshot, type RoutingSnapshot } from '../plan/snapshot.ts';
import type { PlanRevision, PlanStore, PlanStoreFailure } from '../plan/store/plan-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotSource } from './process-messages.ts';

export interface PlanAuthorityDeps {
  readonly store: PlanStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** The content of a file that a plan names. */
  readonly readInclude: (path: string) => Result<string>;
  /** How a plan is written down; it means the same. */
  readonly arrange?: (plan: Plan) => Plan;
  /** A newer revision is in force. */
  readonly onRevision: (revision: PlanRevision, source: SnapshotSource) => void;
}

/** Revisions that a start goes back at most, to find one that can be put in force. */
const revisionsTried = 20;

/** How often a verb is tried again when another operator was faster. */
const changeAttempts = 8;

/** The plan in force in the control process: the last revision that could be read, prepared for the workers. */
export class PlanAuthority {
  readonly #deps: PlanAuthorityDeps;
  #current: PlanRevision;
  #prepared: PreparedPlan;
  #storeProblem: string | undefined;
  #unwatch: () => void = () => {};

  private constructor(deps: PlanAuthorityDeps, current: PlanRevision, prepared: PreparedPlan) {
    this.#deps = deps;
    this.#current = current;
    this.#prepared = prepared;
  }

  /**
   * Reads the newest revision, or makes `first` revision 1 of a new store. Where the newest one cannot be put in force
   * (a file that it names is gone), the newest that can be is: the last plan rather than none.
   */
  static async open(
    deps: PlanAuthorityDeps,
    first: { readonly plan: Plan; readonly author: string; readonly reason: string },
  ): Promise<Result<PlanAuthority, PlanStoreFailure>> {
    const latest = await deps.store.latest();
    if (!latest.ok) return latest;
    if (latest.value === undefined) {
      const plan = deps.arrange?.(first.plan) ?? first.plan;
      const made = await deps.store.compareAndSet(0, { ...first, plan, at: deps.clock.wallMs() });
      if (!made.ok) return made;
    }
    const recent = await deps.store.revisions({ limit: revisionsTried });
    if (!recent.ok) return recent;
    let problem = 'the store has no revision';
    for (const revision of recent.value) {
      const prepared = prepare(revision, new Map(), deps.readInclude);
      if (prepared.ok) {
        const authority = new PlanAuthority(deps, revision, prepared.value);
        authority.#watch();
        return success(authority);
      }
      problem = prepared.error;
      deps.log.error(
        { revision: revision.revision, problem },
        'A revision cannot be put in force; the one before it is tried',
      );
    }
    return failure({ kind: 'unavailable', message: problem });
  }

  get current(): PlanRevision {
    return this.#current;
  }

  get snapshot(): RoutingSnapshot {
    return this.#prepared.snapshot;
  }

  /** Why the store cannot be followed now; the last plan stays in force meanwhile. */
  get storeProblem(): string | undefined {
    return this.#storeProblem;
  }

  source(): SnapshotSource {
    return {
      revision: this.#current.revision,
      plan: this.#current.plan,
      includes: Object.fromEntries(this.#prepared.includes),
    };
  }

  /** Appends the plan that `change` makes of the newest one; another operator's revision in between is built upon. */
  async change<Failure>(
    change: (plan: Plan) => Result<Plan, Failure>,
    entry: { readonly author: string; readonly reason: string },
  ): Promise<Result<PlanRevision, Failure | PlanStoreFailure | UnusablePlan>> {
    let lastFailure: PlanStoreFailure | undefined;
    for (let attempt = 0; attempt < changeAttempts; attempt += 1) {
      const latest = await this.#deps.store.latest();
      if (!latest.ok) return this.#noteFailure(latest.error);
      const base = latest.value ?? this.#current;
      const changed = change(base.plan);
      if (!changed.ok) return changed;
      const stored = await this.replace(changed.value, { ...entry, expected: base.revision });
      if (stored.ok || stored.error.kind !== 'conflict') return stored;
      lastFailure = stored.error;
    }
    return failure(lastFailure ?? { kind: 'conflict', latest: this.#current.revision });
  }

  /** Appends `plan` iff the newest revision is still `expected`. */
  async replace(
    plan: Plan,
    { expected, author, reason }: { readonly expected: number; readonly author: string; readonly reason: string },
  ): Promise<Result<PlanRevision, PlanStoreFailure | UnusablePlan>> {
    // What could not be put in force must not become the last revision.
    const usable = prepare({ revision: expected + 1, plan }, this.#prepared.includes, this.#deps.readInclude);
    if (!usable.ok) return failure({ kind: 'unusable', message: usable.error });
    const stored = await this.#deps.store.compareAndSet(expected, {
      plan: this.#deps.arrange?.(plan) ?? plan,
      author,
      reason,
      at: this.#deps.clock.wallMs(),
    });
    if (!stored.ok) return this.#noteFailure(stored.error);
    this.#adopt(stored.value);
    return stored;
  }

  /** Reads the files that the plan names again; the revision stays the same. */
  reloadIncludes(): void {
    const prepared = prepare(this.#current, new Map(), this.#deps.readInclude);
    if (!prepared.ok) {
      this.#deps.log.error(
        { problem: prepared.error },
        'A file that the plan names cannot be read; its last content stays in force',
      );
      return;
    }
    this.#prepared = prepared.value;
    this.#deps.onRevision(this.#current, this.source());
  }

  close(): void {
    this.#unwatch();
  }

  #watch(): void {
    this.#unwatch = this.#deps.store.watch(
      this.#current.revision,
      (revision) => this.#adopt(revision),
      (problem) => void this.#noteFailure(problem),
    );
  }

  #adopt(revision: PlanRevision): void {
    this.#storeProblem = undefined;
    if (revision.revision <= this.#current.revision) return;
    const prepared = prepare(revision, this.#prepared.includes, this.#deps.readInclude);
    if (!prepared.ok) {
      this.#storeProblem = `revision ${revision.revision} cannot be put in force: ${prepared.error}`;
      this.#deps.log.error({ problem: this.#storeProblem }, 'A revision cannot be put in force; the last plan stays');
      return;
    }
    this.#current = revision;
    this.#prepared = prepared.value;
    this.#deps.onRevision(revision, this.source());
  }

  #noteFailure(problem: PlanStoreFailure): Result<never, PlanStoreFailure> {
    if (problem.kind === 'unavailable') {
      if (this.#storeProblem !== problem.message) {
        this.#deps.log.error({ problem: problem.message }, 'The plan store fails; the last plan stays in force');
      }
      this.#storeProblem = problem.message;
    }
    return failure(problem);
  }
}

/** A plan that cannot be put in force: a file that it names cannot be read. */
export interface UnusablePlan {
  readonly kind: 'unusable';
  readonly message: string;
}

interface PreparedPlan {
  readonly snapshot: RoutingSnapshot;
  /** Content of the files that this revision names, by path. */
  readonly includes: ReadonlyMap<string, string>;
}

/** Files that an earlier revision named are not read again: they change with `reloadIncludes`, not in passing. */
function prepare(
  { revision, plan }: Pick<PlanRevision, 'revision' | 'plan'>,
  known: ReadonlyMap<string, string>,
  readFile: (path: string) => Result<string>,
): Result<PreparedPlan> {
  const includes = new Map<string, string>();
  function readInclude(path: string): Result<string> {
    const content = known.get(path);
    const read = content === undefined ? readFile(path) : success(content);
    if (read.ok) includes.set(path, read.value);
    return read;
  }
  const snapshot = createSnapshot({ revision, plan, readInclude });
  return snapshot.ok ? success({ snapshot: snapshot.value, includes }) : snapshot;
}
