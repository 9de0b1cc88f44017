import { failure, type Result, success } from '../../../src/base/result.ts';
import type { PlanRevision, PlanStore, PlanStoreFailure } from '../../../src/plan/store/plan-store.ts';
import { RevisionWatchers } from '../../../src/plan/store/revision-watchers.ts';

/** What the clients of one fake store share. */
export class FakeRevisions {
  readonly chain: PlanRevision[] = [];
  readonly watchers = new Set<RevisionWatchers>();
  isDamaged = false;
}

/** A plan store in memory, for tests; set `revisions.isDamaged` to let it fail. Passes the contract suite. */
export class FakePlanStore implements PlanStore {
  readonly shared: FakeRevisions;
  readonly #watchers = new RevisionWatchers((after) => this.#attempt(() => this.shared.chain.slice(after)));
  #isClosed = false;

  constructor(revisions: FakeRevisions = new FakeRevisions()) {
    this.shared = revisions;
    revisions.watchers.add(this.#watchers);
  }

  async latest(): Promise<Result<PlanRevision | undefined, PlanStoreFailure>> {
    return this.#attempt(() => this.shared.chain.at(-1));
  }

  async revision(revision: number): Promise<Result<PlanRevision | undefined, PlanStoreFailure>> {
    return this.#attempt(() => this.shared.chain[revision - 1]);
  }

  async revisions({ limit, before = Number.POSITIVE_INFINITY }: { readonly limit: number; readonly before?: number }) {
    return this.#attempt(() =>
      this.shared.chain
        .filter(({ revision }) => revision < before)
        .reverse()
        .slice(0, limit),
    );
  }

  async compareAndSet(
    expected: number,
    entry: Omit<PlanRevision, 'revision'>,
  ): Promise<Result<PlanRevision, PlanStoreFailure>> {
    const latest = this.#attempt(() => this.shared.chain.length);
    if (!latest.ok) return latest;
    if (latest.value !== expected) return failure({ kind: 'conflict', latest: latest.value });
    const revision = Object.freeze({ ...entry, revision: expected + 1 });
    this.shared.chain.push(revision);
    for (const watchers of this.shared.watchers) watchers.schedule();
    return success(revision);
  }

  watch(
    after: number,
    onRevision: (revision: PlanRevision) => void,
    onFailure: (failure: PlanStoreFailure) => void,
  ): () => void {
    return this.#watchers.add(after, onRevision, onFailure);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watchers.clear();
    this.shared.watchers.delete(this.#watchers);
  }

  #attempt<Value>(read: () => Value): Result<Value, PlanStoreFailure> {
    if (!this.#isClosed && !this.shared.isDamaged) return success(read());
    return failure({
      kind: 'unavailable',
      message: this.#isClosed ? 'the fake store is closed' : 'the fake store is damaged',
    });
  }
}
