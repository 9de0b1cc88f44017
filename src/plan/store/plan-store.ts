import type { Result } from '../../base/result.ts';
import type { Plan } from '../plan.ts';

/** One immutable revision of the plan. Revisions count from 1 without gaps. */
export interface PlanRevision {
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The name of the token that made it, or `configuration` for revision 1. */
  readonly author: string;
  readonly reason: string;
  readonly plan: Plan;
}

export type PlanStoreFailure =
  /** Somebody else was faster: `latest` is the revision that stands. */
  | { readonly kind: 'conflict'; readonly latest: number }
  /** The store cannot be read or written now; `message` says why, for the operator. */
  | { readonly kind: 'unavailable'; readonly message: string };

/**
 * Keeps the chain of revisions. Every store passes `test/plan/store/plan-store-contract.ts`.
 * A failure leaves the last plan that was read in force: the store never answers with an empty plan.
 */
export interface PlanStore {
  /** The newest revision; undefined when the store is new. */
  latest(): Promise<Result<PlanRevision | undefined, PlanStoreFailure>>;
  revision(revision: number): Promise<Result<PlanRevision | undefined, PlanStoreFailure>>;
  /** Newest first, at most `limit`, below `before` if given. */
  revisions(options: {
    readonly limit: number;
    readonly before?: number;
  }): Promise<Result<readonly PlanRevision[], PlanStoreFailure>>;
  /** Appends a revision iff the newest one is still `expected` (0: the store is empty). Durable when it resolves. */
  compareAndSet(
    expected: number,
    entry: Omit<PlanRevision, 'revision'>,
  ): Promise<Result<PlanRevision, PlanStoreFailure>>;
  /**
   * Calls `onRevision` once for every revision after `after`, in order, until the returned function is called;
   * `onFailure` tells that the store cannot be followed now (it goes on by itself when it can).
   */
  watch(
    after: number,
    onRevision: (revision: PlanRevision) => void,
    onFailure: (failure: PlanStoreFailure) => void,
  ): () => void;
  close(): Promise<void>;
}
