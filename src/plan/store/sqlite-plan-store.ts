import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../../base/errors.ts';
import { failure, type Result, success } from '../../base/result.ts';
import { renderPlan } from '../plan-document.ts';
import type { PlanRevision, PlanStore, PlanStoreFailure } from './plan-store.ts';
import { type RevisionRow, readRevisionRow } from './revision-row.ts';
import { RevisionWatchers } from './revision-watchers.ts';
import { openDatabase, type SqliteOpenFailure, type SqlitePlanStoreOptions } from './sqlite-database.ts';
import { pragmaNumber } from './sqlite-schema.ts';

const defaultPollMs = 100;
const watchBatch = 100;

/**
 * The plan store in one SQLite file (WAL, synchronous=FULL). Revisions made through this object reach its watchers at
 * once, those of another local process within `pollMs`. Not for network file systems.
 */
export function openSqlitePlanStore(options: SqlitePlanStoreOptions): Result<PlanStore, SqliteOpenFailure> {
  const database = openDatabase(options);
  return database.ok ? success(new SqlitePlanStore(database.value, options)) : database;
}

class SqlitePlanStore implements PlanStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #inode: bigint;
  readonly #pollMs: number;
  readonly #watchers = new RevisionWatchers((after) => this.#readAfter(after));
  #poll: NodeJS.Timeout | undefined;
  #dataVersion: number | undefined;

  constructor(database: DatabaseSync, { path, pollMs = defaultPollMs }: SqlitePlanStoreOptions) {
    this.#database = database;
    this.#path = path;
    this.#inode = statSync(path, { bigint: true }).ino;
    this.#pollMs = pollMs;
  }

  async latest(): Promise<Result<PlanRevision | undefined, PlanStoreFailure>> {
    return this.#readOne('SELECT * FROM revision ORDER BY revision DESC LIMIT 1');
  }

  async revision(revision: number): Promise<Result<PlanRevision | undefined, PlanStoreFailure>> {
    return this.#readOne('SELECT * FROM revision WHERE revision = ?', revision);
  }

  async revisions({ limit, before = Number.MAX_SAFE_INTEGER }: { readonly limit: number; readonly before?: number }) {
    return this.#readAll('SELECT * FROM revision WHERE revision < ? ORDER BY revision DESC LIMIT ?', before, limit);
  }

  async compareAndSet(
    expected: number,
    entry: Omit<PlanRevision, 'revision'>,
  ): Promise<Result<PlanRevision, PlanStoreFailure>> {
    const revision = Object.freeze({ ...entry, at: Math.floor(entry.at), revision: expected + 1 });
    const text = JSON.stringify(renderPlan(revision.plan));
    const readable = readRevisionRow({ ...revision, plan: text });
    // What could not be read back would take the next start down.
    if (!readable.ok) return this.#unavailable(`refuses to keep what it could not read again: ${readable.error}`);
    const written = this.#attempt(() => this.#insert(revision, text));
    if (!written.ok) return written;
    if (written.value > 0) {
      this.#watchers.schedule();
      return success(revision);
    }
    const latest = this.#attempt(() => this.#latestNumber());
    return latest.ok ? failure({ kind: 'conflict', latest: latest.value }) : latest;
  }

  watch(
    after: number,
    onRevision: (revision: PlanRevision) => void,
    onFailure: (failure: PlanStoreFailure) => void,
  ): () => void {
    const remove = this.#watchers.add(after, onRevision, onFailure);
    this.#poll ??= setInterval(() => this.#followOthers(), this.#pollMs).unref();
    return () => {
      remove();
      if (this.#watchers.size === 0) this.#stopPolling();
    };
  }

  async close(): Promise<void> {
    this.#watchers.clear();
    this.#stopPolling();
    if (this.#database.isOpen) this.#database.close();
  }

  /** One statement, hence atomic: the row goes in only while the newest revision is the expected one. */
  #insert({ revision, at, author, reason }: PlanRevision, plan: string): number {
    const insert = this.#database.prepare(
      'INSERT INTO revision (revision, at, author, reason, plan) SELECT ?, ?, ?, ?, ? WHERE (SELECT coalesce(max(revision), 0) FROM revision) = ?',
    );
    return Number(insert.run(revision, at, author, reason, plan, revision - 1).changes);
  }

  /** `data_version` changes when another connection has committed; a failure is looked at again every time. */
  #followOthers(): void {
    const version = this.#attempt(() => pragmaNumber(this.#database, 'data_version'));
    if (version.ok && version.value === this.#dataVersion) return;
    this.#dataVersion = version.ok ? version.value : undefined;
    this.#watchers.schedule();
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#dataVersion = undefined;
  }

  #latestNumber(): number {
    return Number(this.#database.prepare('SELECT coalesce(max(revision), 0) AS n FROM revision').get()?.['n']);
  }

  #readAfter(after: number): Result<readonly PlanRevision[], PlanStoreFailure> {
    const read = this.#readAll(
      'SELECT * FROM revision WHERE revision > ? ORDER BY revision LIMIT ?',
      after,
      watchBatch,
    );
    // Without this the next look would wait until somebody else commits.
    if (!read.ok) this.#dataVersion = undefined;
    return read;
  }

  #readOne(query: string, ...values: readonly number[]): Result<PlanRevision | undefined, PlanStoreFailure> {
    const revisions = this.#readAll(query, ...values);
    return revisions.ok ? success(revisions.value[0]) : revisions;
  }

  #readAll(query: string, ...values: readonly number[]): Result<readonly PlanRevision[], PlanStoreFailure> {
    const rows = this.#attempt((): RevisionRow[] => this.#database.prepare(query).all(...values));
    if (!rows.ok) return rows;
    const revisions: PlanRevision[] = [];
    for (const row of rows.value) {
      const revision = readRevisionRow(row);
      if (!revision.ok) return this.#unavailable(revision.error);
      revisions.push(revision.value);
    }
    return success(revisions);
  }

  #attempt<Value>(action: () => Value): Result<Value, PlanStoreFailure> {
    try {
      if (!this.#isStillThere()) return this.#unavailable('the file was removed or replaced while it was in use');
      return success(action());
    } catch (error) {
      return this.#unavailable(errorMessage(error));
    }
  }

  /** SQLite would go on in a file that nobody can open any more, and lose every revision at the next start. */
  #isStillThere(): boolean {
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino === this.#inode;
  }

  #unavailable(reason: string): { readonly ok: false; readonly error: PlanStoreFailure } {
    return failure({ kind: 'unavailable', message: `plan store ${this.#path}: ${reason}` });
  }
}
