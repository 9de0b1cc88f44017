import { DatabaseSync } from 'node:sqlite';
import { CrossfadeError } from '../base/errors.ts';
import { decodeSubscriptions, unknownSubscriptions, withImported } from '../mqtt/remembered-subscriptions.ts';
import type { CohortTerms } from '../plan/cohort-terms.ts';
import type { HomeStore, SubscribedSession } from './home-store.ts';
import {
  type ImportBounds,
  type ImportedDevice,
  ImportedSubscriptions,
  type ImportOutcome,
  importBounds,
  importedTable,
} from './imported-subscriptions.ts';
import { type CohortPlace, formerBrokers, type SessionRemains } from './session-registry.ts';
import { boundedRemains } from './session-remains.ts';
import { WaitingRows } from './waiting-rows.ts';

/** What is left of sessions stands apart: few have something left, subscriptions seldom change, and homes stay small. */
const schema = `
  CREATE TABLE IF NOT EXISTS homes (
    client_id TEXT PRIMARY KEY, broker TEXT NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, cohort TEXT, position REAL
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS remains (
    client_id TEXT PRIMARY KEY, received BLOB NOT NULL, expires_at_ms INTEGER
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS subscriptions (client_id TEXT PRIMARY KEY, held TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS formers (client_id TEXT PRIMARY KEY, brokers TEXT NOT NULL) WITHOUT ROWID, STRICT;
  ${importedTable}
`;

export interface HomeStoreOptions {
  readonly readOnly?: boolean;
  readonly imports?: ImportBounds;
}

/**
 * Homes in one SQLite file. Writes gather until `flush` and then go in one transaction; reads see them before that.
 * WAL, so that workers may read while the control process writes: what is flushed is in the file, also when every process is
 * killed, and `sync` brings it through a loss of power. What cannot be written stays in memory, at most a
 * million of each kind; opened `readOnly` that is all of it. A file of an earlier version is brought up to date.
 */
export function openSqliteHomeStore(path: string, options: HomeStoreOptions = {}): HomeStore {
  const { readOnly = false, imports = importBounds } = options;
  const database = new DatabaseSync(path, { readOnly, timeout: lockedMs });
  if (!readOnly) {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(schema);
    addColumns(database);
  }
  return new SqliteHomeStore(database, { imports, isSoleWriter: !readOnly });
}

/**
 * How long the file may be locked: the first to open it behind a control process that was killed reads its log again, and
 * who takes the homes for unreadable meanwhile sends devices away from their queues.
 */
const lockedMs = 5_000;

/** Packet identifiers that wait to be written, at most, of all sessions; beyond them a session's are not kept. */
const heldIdentifiers = 4_000_000;
/** Characters of subscriptions that wait to be written, at most, of all sessions; beyond them a session's are not known. */
const heldCharacters = 134_217_728;

/** The homes of earlier versions have none of these. */
const addedColumns = { epoch: 'INTEGER NOT NULL DEFAULT 0', cohort: 'TEXT', position: 'REAL' };

function addColumns(database: DatabaseSync): void {
  const known = new Set(
    database
      .prepare('PRAGMA table_info(homes)')
      .all()
      .map(({ name }) => name),
  );
  for (const [name, type] of Object.entries(addedColumns)) {
    if (!known.has(name)) database.exec(`ALTER TABLE homes ADD COLUMN ${name} ${type}`);
  }
}

interface Home {
  readonly broker: string;
  readonly epoch: number;
  readonly place: CohortPlace | undefined;
}

class SqliteHomeStore implements HomeStore {
  readonly #database: DatabaseSync;
  readonly #homes: WaitingRows<Home>;
  readonly #remains: WaitingRows<SessionRemains>;
  readonly #subscriptions: WaitingRows<string>;
  readonly #formers: WaitingRows<readonly string[]>;
  readonly #imported: ImportedSubscriptions;
  #waitingIdentifiers = 0;
  #waitingCharacters = 0;

  constructor(
    database: DatabaseSync,
    { imports, isSoleWriter }: { readonly imports: ImportBounds; readonly isSoleWriter: boolean },
  ) {
    this.#database = database;
    this.#homes = new WaitingRows(database, {
      table: 'homes',
      isSoleWriter,
      columns: ['broker', 'epoch', 'cohort', 'position'],
      toRow: ({ broker, epoch, place }) => [broker, epoch, place?.cohort ?? null, place?.position ?? null],
      fromRow: toHome,
    });
    this.#remains = new WaitingRows(database, {
      table: 'remains',
      isSoleWriter,
      columns: ['received', 'expires_at_ms'],
      toRow: ({ received, expiresAtMs }) => [toBytes(received), expiresAtMs ?? null],
      fromRow: toRemains,
    });
    this.#subscriptions = new WaitingRows(database, {
      table: 'subscriptions',
      isSoleWriter,
      columns: ['held'],
      toRow: (held) => [held],
      fromRow: ({ held }) => (typeof held === 'string' ? held : undefined),
    });
    this.#formers = new WaitingRows(database, {
      table: 'formers',
      isSoleWriter,
      columns: ['brokers'],
      toRow: (brokers) => [JSON.stringify(brokers)],
      fromRow: ({ brokers }) => (typeof brokers === 'string' ? (JSON.parse(brokers) as readonly string[]) : undefined),
    });
    this.#imported = new ImportedSubscriptions(database, { bounds: imports, isSoleWriter });
  }

  homeOf(clientId: string): string | undefined {
    return this.#homes.get(clientId)?.broker;
  }

  epochOf(clientId: string): number {
    return this.#homes.get(clientId)?.epoch ?? 0;
  }

  record(clientId: string, broker: string, epoch = 0, newPlace?: CohortPlace): void {
    const home = this.#homes.get(clientId);
    const place = newPlace ?? home?.place;
    if (home?.broker === broker && home.epoch >= epoch && isSamePlace(home.place, place)) return;
    this.#homes.set(clientId, { broker, epoch: Math.max(epoch, home?.epoch ?? 0), place });
    if (home?.broker === broker) return;
    const formers = this.formerOf(clientId);
    this.keepFormer(clientId, home === undefined ? formers : [...formers, home.broker]);
  }

  forget(clientId: string): void {
    this.#noteRemains(clientId, undefined);
    this.#noteSubscriptions(clientId, undefined);
    this.#imported.settle(clientId);
    if (this.homeOf(clientId) !== undefined) this.#homes.set(clientId, undefined);
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    const left = this.#remains.get(clientId);
    const kept = this.#subscriptions.get(clientId);
    const imported = this.#imported.of(clientId);
    const subscriptions = imported === undefined ? kept : withImported(kept, imported);
    if (subscriptions === undefined) return left;
    return { received: [], ...left, subscriptions };
  }

  keep(clientId: string, remains: SessionRemains | undefined): void {
    if (remains === undefined) this.#imported.settle(clientId);
    else if (this.homeOf(clientId) === undefined) return;
    const { subscriptions, ...left } = boundedRemains(remains) ?? {};
    this.#noteRemains(clientId, boundedRemains({ received: [], ...left }));
    if (remains !== undefined && subscriptions === undefined) return;
    this.#noteSubscriptions(clientId, subscriptions === unknownSubscriptions ? undefined : subscriptions);
    if (this.#imported.of(clientId) !== undefined && this.#sawAll(clientId)) this.#imported.settle(clientId);
  }

  formerOf(clientId: string): readonly string[] {
    return this.#formers.get(clientId) ?? [];
  }

  keepFormer(clientId: string, brokers: readonly string[]): void {
    const home = this.homeOf(clientId);
    const kept = [...new Set(brokers)].filter((broker) => broker !== home).slice(-formerBrokers);
    const before = this.formerOf(clientId);
    if (kept.length === before.length && kept.every((broker, index) => broker === before[index])) return;
    this.#formers.set(clientId, kept.length === 0 ? undefined : kept);
  }

  learn(importId: string, devices: readonly ImportedDevice[]): readonly ImportOutcome[] {
    this.flush();
    try {
      return this.#inTransaction(() => this.#imported.learn(importId, devices, (clientId) => this.#sawAll(clientId)));
    } catch (error) {
      this.#imported.undone();
      throw error;
    }
  }

  countMisplaced({ name, source, target, weightBps }: CohortTerms): number {
    this.flush();
    const wanted = 'CASE WHEN position < ? THEN ? ELSE ? END';
    const count = this.#database.prepare(
      `SELECT count(*) AS homes FROM homes WHERE cohort = ? AND broker <> ${wanted}`,
    );
    return Number(count.get(name, weightBps, target, source)?.['homes'] ?? 0);
  }

  subscribed(after: string, limit: number): readonly SubscribedSession[] {
    this.flush();
    const rows = this.#database
      .prepare(
        `SELECT client_id FROM subscriptions WHERE client_id > ?1 UNION SELECT client_id FROM imported WHERE client_id > ?1
         ORDER BY client_id LIMIT ?2`,
      )
      .all(after, limit);
    return rows.map((row) => {
      const clientId = String(row['client_id']);
      const cohort = this.#homes.get(clientId)?.place?.cohort;
      const subscriptions = this.remainsOf(clientId)?.subscriptions ?? unknownSubscriptions;
      return { clientId, subscriptions, ...(cohort !== undefined && { cohort }) };
    });
  }

  flush(): void {
    const parts = [this.#homes, this.#remains, this.#subscriptions, this.#formers, this.#imported];
    if (parts.every(({ waiting }) => waiting === 0)) return;
    this.#inTransaction(() => {
      for (const part of parts) part.write();
    });
    for (const part of parts) part.written();
    this.#waitingIdentifiers = 0;
    this.#waitingCharacters = 0;
  }

  sync(): void {
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#database.close();
    }
  }

  #inTransaction<Value>(work: () => Value): Value {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      // A full disk has ended the transaction already, and its own error is the one to tell.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** The gateway knows the session from its beginning. */
  #sawAll(clientId: string): boolean {
    const kept = this.#subscriptions.get(clientId);
    return kept !== undefined && decodeSubscriptions(kept).subscriptionsKnown;
  }

  #noteRemains(clientId: string, remains: SessionRemains | undefined): void {
    const before = this.#remains.get(clientId);
    if (before === undefined && remains === undefined) return;
    this.#remains.assertRoom(clientId);
    const waiting = this.#remains.waitingOf(clientId)?.received.length ?? 0;
    const identifiers = this.#waitingIdentifiers - waiting + (remains?.received.length ?? 0);
    if (identifiers > heldIdentifiers) throw remainsFull();
    this.#waitingIdentifiers = identifiers;
    this.#remains.set(clientId, remains);
  }

  /** Where there is no room they are taken for not known: what was kept before them is no longer true. */
  #noteSubscriptions(clientId: string, subscriptions: string | undefined): void {
    if (this.#subscriptions.get(clientId) === subscriptions) return;
    this.#subscriptions.assertRoom(clientId);
    const waiting = this.#subscriptions.waitingOf(clientId)?.length ?? 0;
    const characters = this.#waitingCharacters - waiting + (subscriptions?.length ?? 0);
    const hasRoom = characters <= heldCharacters;
    this.#waitingCharacters = hasRoom ? characters : this.#waitingCharacters - waiting;
    this.#subscriptions.set(clientId, hasRoom ? subscriptions : undefined);
  }
}

function remainsFull(): CrossfadeError {
  return new CrossfadeError('homes-full', 'what is left of a session is not kept: the store does not take it');
}

function toHome({ broker, epoch, cohort, position }: Readonly<Record<string, unknown>>): Home | undefined {
  if (typeof broker !== 'string') return undefined;
  const place = typeof cohort === 'string' ? { cohort, position: Number(position ?? 0) } : undefined;
  return { broker, epoch: Number(epoch ?? 0), place };
}

function isSamePlace(one: CohortPlace | undefined, other: CohortPlace | undefined): boolean {
  return one?.cohort === other?.cohort && one?.position === other?.position;
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
