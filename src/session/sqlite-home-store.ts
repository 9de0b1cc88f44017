import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CrossfadeError } from '../base/errors.ts';
import { unknownSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { HomeStore } from './home-store.ts';
import type { SessionRemains } from './session-registry.ts';
import { boundedRemains } from './session-remains.ts';

/** What is left of sessions stands apart: few have something left, subscriptions seldom change, and homes stay small. */
const schema = `
  CREATE TABLE IF NOT EXISTS homes (client_id TEXT PRIMARY KEY, broker TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS remains (
    client_id TEXT PRIMARY KEY, received BLOB NOT NULL, expires_at_ms INTEGER
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS subscriptions (client_id TEXT PRIMARY KEY, held TEXT NOT NULL) WITHOUT ROWID, STRICT;
`;

/**
 * Homes in one SQLite file. Writes gather until `flush` and then go in one transaction; reads see them before that.
 * WAL, so that workers may read while the control process writes. What cannot be written stays in memory, at most
 * `heldHomes` of them; opened `readOnly` that is all of it.
 */
export function openSqliteHomeStore(path: string, options: { readonly readOnly?: boolean } = {}): HomeStore {
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: lockedMs });
  if (options.readOnly !== true) {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    database.exec(schema);
  }
  return new SqliteHomeStore(database);
}

/**
 * How long the file may be locked: the first to open it behind a control process that was killed reads its log again, and
 * who takes the homes for unreadable meanwhile sends devices away from their queues.
 */
const lockedMs = 5_000;

/** Homes that wait to be written, at most; beyond them a new one is not recorded. */
const heldHomes = 1_000_000;
/** Packet identifiers that wait to be written, at most, of all sessions; beyond them a session's are not kept. */
const heldIdentifiers = 4_000_000;
/** Characters of subscriptions that wait to be written, at most, of all sessions; beyond them a session's are not known. */
const heldCharacters = 134_217_728;

class SqliteHomeStore implements HomeStore {
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  /** Undefined for a file of an earlier version that can only be read. */
  readonly #selectRemains: StatementSync | undefined;
  readonly #selectSubscriptions: StatementSync | undefined;
  /** Not yet written; undefined is a home to forget. */
  #dirty = new Map<string, string | undefined>();
  #dirtyRemains = new Map<string, SessionRemains | undefined>();
  #dirtyIdentifiers = 0;
  #dirtySubscriptions = new Map<string, string | undefined>();
  #dirtyCharacters = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#select = database.prepare('SELECT broker FROM homes WHERE client_id = ?');
    this.#selectRemains = this.#prepareFor(
      'remains',
      'SELECT received, expires_at_ms FROM remains WHERE client_id = ?',
    );
    this.#selectSubscriptions = this.#prepareFor('subscriptions', 'SELECT held FROM subscriptions WHERE client_id = ?');
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
    this.#noteRemains(clientId, undefined);
    this.#noteSubscriptions(clientId, undefined);
    if (this.homeOf(clientId) !== undefined) this.#note(clientId, undefined);
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    const left = this.#leftOf(clientId);
    const subscriptions = this.#subscriptionsOf(clientId);
    if (subscriptions === undefined) return left;
    return { received: [], ...left, subscriptions };
  }

  keep(clientId: string, remains: SessionRemains | undefined): void {
    if (remains !== undefined && this.homeOf(clientId) === undefined) return;
    const { subscriptions, ...left } = boundedRemains(remains) ?? {};
    this.#noteRemains(clientId, boundedRemains({ received: [], ...left }));
    if (remains !== undefined && subscriptions === undefined) return;
    this.#noteSubscriptions(clientId, subscriptions === unknownSubscriptions ? undefined : subscriptions);
  }

  countByBroker(): ReadonlyMap<string, number> {
    this.flush();
    const rows = this.#database.prepare('SELECT broker, count(*) AS homes FROM homes GROUP BY broker').all();
    return new Map(rows.map((row) => [String(row['broker']), Number(row['homes'])]));
  }

  flush(): void {
    if (this.#dirty.size + this.#dirtyRemains.size + this.#dirtySubscriptions.size === 0) return;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#writeHomes();
      this.#writeRemains();
      this.#writeSubscriptions();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has ended the transaction already, and its own error is the one to tell.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#dirty = new Map();
    this.#dirtyRemains = new Map();
    this.#dirtyIdentifiers = 0;
    this.#dirtySubscriptions = new Map();
    this.#dirtyCharacters = 0;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#database.close();
    }
  }

  #prepareFor(table: string, sql: string): StatementSync | undefined {
    const isThere = this.#database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(table) !== undefined;
    return isThere ? this.#database.prepare(sql) : undefined;
  }

  #leftOf(clientId: string): SessionRemains | undefined {
    if (this.#dirtyRemains.has(clientId)) return this.#dirtyRemains.get(clientId);
    const row = this.#selectRemains?.get(clientId);
    return row === undefined ? undefined : toRemains(row);
  }

  #subscriptionsOf(clientId: string): string | undefined {
    if (this.#dirtySubscriptions.has(clientId)) return this.#dirtySubscriptions.get(clientId);
    const held = this.#selectSubscriptions?.get(clientId)?.['held'];
    return typeof held === 'string' ? held : undefined;
  }

  #writeHomes(): void {
    const upsert = this.#database.prepare(
      'INSERT INTO homes (client_id, broker) VALUES (?, ?) ON CONFLICT (client_id) DO UPDATE SET broker = excluded.broker',
    );
    const remove = this.#database.prepare('DELETE FROM homes WHERE client_id = ?');
    for (const [clientId, broker] of this.#dirty) {
      if (broker === undefined) remove.run(clientId);
      else upsert.run(clientId, broker);
    }
  }

  #writeRemains(): void {
    const upsert = this.#database.prepare(
      'INSERT OR REPLACE INTO remains (client_id, received, expires_at_ms) VALUES (?, ?, ?)',
    );
    const remove = this.#database.prepare('DELETE FROM remains WHERE client_id = ?');
    for (const [clientId, remains] of this.#dirtyRemains) {
      if (remains === undefined) remove.run(clientId);
      else upsert.run(clientId, toBytes(remains.received), remains.expiresAtMs ?? null);
    }
  }

  #writeSubscriptions(): void {
    const upsert = this.#database.prepare('INSERT OR REPLACE INTO subscriptions (client_id, held) VALUES (?, ?)');
    const remove = this.#database.prepare('DELETE FROM subscriptions WHERE client_id = ?');
    for (const [clientId, held] of this.#dirtySubscriptions) {
      if (held === undefined) remove.run(clientId);
      else upsert.run(clientId, held);
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

  #noteRemains(clientId: string, remains: SessionRemains | undefined): void {
    const before = this.#leftOf(clientId);
    if (before === undefined && remains === undefined) return;
    const waiting = this.#dirtyRemains.get(clientId)?.received.length ?? 0;
    const identifiers = this.#dirtyIdentifiers - waiting + (remains?.received.length ?? 0);
    if (isFull(this.#dirtyRemains, clientId) || identifiers > heldIdentifiers) throw remainsFull();
    this.#dirtyIdentifiers = identifiers;
    this.#dirtyRemains.set(clientId, remains);
  }

  /** Where there is no room they are taken for not known: what was kept before them is no longer true. */
  #noteSubscriptions(clientId: string, subscriptions: string | undefined): void {
    if (this.#subscriptionsOf(clientId) === subscriptions) return;
    if (isFull(this.#dirtySubscriptions, clientId)) throw remainsFull();
    const waiting = this.#dirtySubscriptions.get(clientId)?.length ?? 0;
    const characters = this.#dirtyCharacters - waiting + (subscriptions?.length ?? 0);
    const hasRoom = characters <= heldCharacters;
    this.#dirtyCharacters = hasRoom ? characters : this.#dirtyCharacters - waiting;
    this.#dirtySubscriptions.set(clientId, hasRoom ? subscriptions : undefined);
  }
}

function isFull(dirty: ReadonlyMap<string, unknown>, clientId: string): boolean {
  return dirty.size >= heldHomes && !dirty.has(clientId);
}

function remainsFull(): CrossfadeError {
  return new CrossfadeError('homes-full', 'what is left of a session is not kept: the store does not take it');
}

/** Two bytes for each packet identifier. */
function toBytes(received: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(received.length * 2);
  for (const [index, packetId] of received.entries()) bytes.writeUInt16BE(packetId & 0xffff, index * 2);
  return bytes;
}

function toRemains(row: Readonly<Record<string, unknown>>): SessionRemains {
  const bytes = row['received'] instanceof Uint8Array ? Buffer.from(row['received']) : Buffer.alloc(0);
  const received = Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(index * 2));
  const expiresAtMs = row['expires_at_ms'];
  return { received, ...(typeof expiresAtMs === 'number' && { expiresAtMs }) };
}
