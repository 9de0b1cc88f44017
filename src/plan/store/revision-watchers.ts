import { failure, type Result } from '../../base/result.ts';
import type { PlanRevision, PlanStoreFailure } from './plan-store.ts';

/** Revisions after a number, oldest first, a batch at a time. */
export type ReadAfter = (revision: number) => Result<readonly PlanRevision[], PlanStoreFailure>;

interface Watcher {
  /** The last revision that was delivered. */
  after: number;
  /** A failure is told once, then again only after the store could be read in between. */
  isFailing: boolean;
  readonly onRevision: (revision: PlanRevision) => void;
  readonly onFailure: (failure: PlanStoreFailure) => void;
}

/**
 * Delivers every revision to every watcher once and in order. Each watcher has a cursor of its own and reads the store
 * itself, so that a revision can be neither skipped nor repeated, whoever wrote it.
 */
export class RevisionWatchers {
  readonly #readAfter: ReadAfter;
  readonly #watchers = new Set<Watcher>();
  #isScheduled = false;

  constructor(readAfter: ReadAfter) {
    this.#readAfter = readAfter;
  }

  get size(): number {
    return this.#watchers.size;
  }

  add(after: number, onRevision: Watcher['onRevision'], onFailure: Watcher['onFailure']): () => void {
    const watcher: Watcher = { after, isFailing: false, onRevision, onFailure };
    this.#watchers.add(watcher);
    this.schedule();
    return () => void this.#watchers.delete(watcher);
  }

  /** Delivers soon, never inside the caller's stack: a watcher may call the store. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      for (const watcher of this.#watchers) this.#deliver(watcher);
    });
  }

  clear(): void {
    this.#watchers.clear();
  }

  #deliver(watcher: Watcher): void {
    while (this.#watchers.has(watcher)) {
      const next = this.#readNext(watcher.after);
      if (!next.ok) {
        this.#tellFailure(watcher, next.error);
        return;
      }
      watcher.isFailing = false;
      if (next.value.length === 0) return;
      for (const revision of next.value) {
        if (!this.#watchers.has(watcher)) return;
        if (revision.revision !== watcher.after + 1) break;
        watcher.after = revision.revision;
        watcher.onRevision(revision);
      }
    }
  }

  /** What follows `after`; a gap is a failure, because a watcher must not pass over what a store has lost. */
  #readNext(after: number): Result<readonly PlanRevision[], PlanStoreFailure> {
    const read = this.#readAfter(after);
    const first = read.ok ? read.value[0]?.revision : undefined;
    if (first === undefined || first === after + 1) return read;
    const message = `expected revision ${after + 1} next, got ${first}: the store has lost one`;
    return failure({ kind: 'unavailable', message });
  }

  #tellFailure(watcher: Watcher, told: PlanStoreFailure): void {
    if (watcher.isFailing) return;
    watcher.isFailing = true;
    watcher.onFailure(told);
  }
}
