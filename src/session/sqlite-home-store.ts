import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CrossfadeError } from '../base/errors.ts';
import type { HomeStore } from './home-store.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS homes (client_id TEXT PRIMARY KEY, broker TEXT NOT NULL) WITHOUT ROWID, STRICT;
`;

/**
 * Homes in one SQLite file. Writes gather until `flush` and then go in one transaction; reads see them before that.
 * WAL, so that workers may read while the control process writes. What cannot be written stays in memory, at most
 * `heldHomes` of them; opened `readOnly` that is all of it.
 */
export function openSqliteHomeStore(path: string, options: { readonly readOnly?: boolean } = {}): HomeStore {
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: 250 });
  if (options.readOnly !== true) {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    database.exec(schema);
  }
  return new SqliteHomeStore(database);
}

/** Homes that wait to be written, at most; beyond them a new one is not recorded. */
const heldHomes = 1_000_000;

class SqliteHomeStore implements HomeStore {
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  /** Not yet written; undefined is a home to forget. */
  #dirty = new Map<string, string | undefined>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#select = database.prepare('SELECT broker FROM homes WHERE client_id = ?');
  }

  homeOf(clientId: string): string | undefined {
    if (this.#dirty.has(clientId)) return this.#dirty.get(clientId);
    const row = this.#select.get(clientId);
    return typeof row?.['broker'] === 'string' ? row['broker'] : undefined;
  }

  record(clientId: string, broker: string): void {
    if (this.homeOf(clientId) !== broker) this.#note(clientId, broker);
  }

  forget(clientId: string): void {
    if (this.homeOf(clientId) !== undefined) this.#note(clientId, undefined);
  }

  countByBroker(): ReadonlyMap<string, number> {
    this.flush();
    const rows = this.#database.prepare('SELECT broker, count(*) AS homes FROM homes GROUP BY broker').all();
    return new Map(rows.map((row) => [String(row['broker']), Number(row['homes'])]));
  }

  flush(): void {
    if (this.#dirty.size === 0) return;
    const upsert = this.#database.prepare(
      'INSERT INTO homes (client_id, broker) VALUES (?, ?) ON CONFLICT (client_id) DO UPDATE SET broker = excluded.broker',
    );
    const remove = this.#database.prepare('DELETE FROM homes WHERE client_id = ?');
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const [clientId, broker] of this.#dirty) {
        if (broker === undefined) remove.run(clientId);
        else upsert.run(clientId, broker);
      }
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has ended the transaction already, and its own error is the one to tell.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#dirty = new Map();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#database.close();
    }
  }

  #note(clientId: string, broker: string | undefined): void {
    if (this.#dirty.size >= heldHomes && !this.#dirty.has(clientId)) {
      throw new CrossfadeError(
        'homes-full',
        `${heldHomes} homes wait to be written: the store of session homes does not take them`,
      );
    }
    this.#dirty.set(clientId, broker);
  }
}
