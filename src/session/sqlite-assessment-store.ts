import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CrossfadeError } from '../base/errors.ts';
import { type Obstacle, obstacles } from '../mqtt/adaptation-kind.ts';
import { obstacleBit } from '../mqtt/kind-bits.ts';
import { type AssessmentCounts, CountChanges, type KnownDevice, toAssessmentCounts } from './assessment-counts.ts';
import type { AssessmentNote, AssessmentStore, HeldDevice } from './assessment-store.ts';
import { type WaitingNote, WaitingNotes } from './waiting-notes.ts';

export interface AssessmentStoreOptions {
  /** Devices that are listed at most, all cohorts together. */
  readonly devices: number;
  /** Milliseconds that an obstacle is remembered after it was last seen. */
  readonly obstacleMs: number;
  readonly readOnly?: boolean;
}

/** An obstacle is a number in the order of `obstacles`. Counts are kept, because millions of devices are not counted in time. */
const schema = `
  CREATE TABLE IF NOT EXISTS observations (
    id INTEGER PRIMARY KEY, cohort TEXT NOT NULL, target TEXT NOT NULL, since_ms INTEGER NOT NULL, UNIQUE (cohort, target)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS devices (
    client_id TEXT NOT NULL, observation INTEGER NOT NULL, adaptations INTEGER NOT NULL, obstacles INTEGER NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL, PRIMARY KEY (client_id, observation)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS obstacles (
    client_id TEXT NOT NULL, observation INTEGER NOT NULL, obstacle INTEGER NOT NULL, example TEXT NOT NULL,
    last_seen_ms INTEGER NOT NULL, PRIMARY KEY (client_id, observation, obstacle)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS obstacles_by_age ON obstacles (observation, obstacle, last_seen_ms);
  CREATE TABLE IF NOT EXISTS counts (
    observation INTEGER NOT NULL, name TEXT NOT NULL, devices INTEGER NOT NULL, PRIMARY KEY (observation, name)
  ) WITHOUT ROWID, STRICT;
`;

/** A device that is seen again within this time costs no write. */
const lastSeenStepMs = 3_600_000;
/** Devices of one write, and lapsed obstacles of one sweep: some ten milliseconds of the process's event loop. */
const devicesAtOnce = 500;
const waitingBounds = { devices: 200_000, characters: 32 * 1_048_576 };

/**
 * Assessments in one SQLite file, WAL, so that workers may read it while the control process is away. A crash may cost
 * the last second of notes (synchronous NORMAL): what a device does it does again.
 */
export function openSqliteAssessmentStore(path: string, options: AssessmentStoreOptions): AssessmentStore {
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: 250 });
  if (options.readOnly !== true) {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(schema);
  }
  return new SqliteAssessmentStore(database, options);
}

interface Observation {
  readonly id: number;
  readonly sinceMs: number;
  readonly counts: Map<string, number>;
}

class SqliteAssessmentStore implements AssessmentStore {
  readonly #database: DatabaseSync;
  readonly #options: AssessmentStoreOptions;
  readonly #observations = new Map<string, Observation>();
  readonly #waiting = new WaitingNotes(waitingBounds);
  readonly #selectObstacle: StatementSync;
  #listed: number;

  constructor(database: DatabaseSync, options: AssessmentStoreOptions) {
    this.#database = database;
    this.#options = options;
    this.#selectObstacle = database.prepare(`
      SELECT obstacles.obstacle AS obstacle FROM devices
      JOIN observations ON observations.id = devices.observation
      JOIN obstacles ON obstacles.client_id = devices.client_id AND obstacles.observation = devices.observation
      WHERE devices.client_id = ? AND devices.obstacles <> 0 AND observations.target = ? AND obstacles.last_seen_ms > ?
      ORDER BY obstacles.obstacle LIMIT 1`);
    for (const row of database.prepare('SELECT id, cohort, target, since_ms FROM observations').all()) {
      const observation = { id: Number(row['id']), sinceMs: Number(row['since_ms']), counts: new Map() };
      this.#observations.set(keyOf(String(row['cohort']), String(row['target'])), observation);
      const counts = database.prepare('SELECT name, devices FROM counts WHERE observation = ?').all(observation.id);
      for (const count of counts) observation.counts.set(String(count['name']), Number(count['devices']));
    }
    this.#listed = [...this.#observations.values()]
      .map(({ sinceMs, counts }) => toAssessmentCounts(sinceMs, counts).devices)
      .reduce((total, devices) => total + devices, 0);
  }

  note(note: AssessmentNote, nowMs: number): void {
    if (this.#waiting.add(note, nowMs)) return;
    throw new CrossfadeError('assessments-full', 'assessments wait to be written: their store does not take them');
  }

  obstacleOf(clientId: string, target: string, nowMs: number): Obstacle | undefined {
    const waiting = this.#waiting.obstacleOf(clientId, target);
    if (waiting !== undefined) return waiting;
    const row = this.#selectObstacle.get(clientId, target, nowMs - this.#options.obstacleMs);
    return row === undefined ? undefined : obstacles[Number(row['obstacle'])];
  }

  countsOf(cohort: string, target: string): AssessmentCounts | undefined {
    const observation = this.#observations.get(keyOf(cohort, target));
    return observation && toAssessmentCounts(observation.sinceMs, observation.counts);
  }

  heldBy(
    obstacle: Obstacle,
    { cohort, target }: { readonly cohort: string; readonly target: string },
    limit: number,
  ): readonly HeldDevice[] {
    const observation = this.#observations.get(keyOf(cohort, target));
    if (observation === undefined) return [];
    const rows = this.#database
      .prepare(
        `SELECT client_id, example, last_seen_ms FROM obstacles WHERE observation = ? AND obstacle = ?
         ORDER BY last_seen_ms DESC, client_id DESC LIMIT ?`,
      )
      .all(observation.id, obstacles.indexOf(obstacle), limit);
    return rows.map((row) => ({
      clientId: String(row['client_id']),
      example: String(row['example']),
      lastSeenMs: Number(row['last_seen_ms']),
    }));
  }

  flush(): boolean {
    const notes = this.#waiting.first(devicesAtOnce);
    if (notes.length === 0) return false;
    for (const { note, atMs } of notes) this.#observe(note.cohort, note.target, atMs);
    this.#transact((changesOf) => this.#write(notes, changesOf));
    this.#waiting.remove(notes);
    return this.#waiting.size > 0;
  }

  lapse(nowMs: number): boolean {
    const lapsed: Lapsed[] = [];
    const select = this.#database.prepare(
      `SELECT client_id FROM obstacles WHERE observation = ? AND obstacle = ? AND last_seen_ms <= ?
       ORDER BY last_seen_ms LIMIT ?`,
    );
    for (const observation of this.#observations.values()) {
      for (const [number, kind] of obstacles.entries()) {
        const left = devicesAtOnce - lapsed.length;
        if (left === 0 || !observation.counts.has(`cannot ${kind}`)) continue;
        const rows = select.all(observation.id, number, nowMs - this.#options.obstacleMs, left);
        lapsed.push(...rows.map((row) => ({ clientId: String(row['client_id']), observation, number, kind })));
      }
    }
    if (lapsed.length > 0) this.#transact((changesOf) => this.#forget(lapsed, changesOf));
    return lapsed.length === devicesAtOnce;
  }

  close(): void {
    try {
      while (this.flush());
    } finally {
      this.#database.close();
    }
  }

  /** In one transaction, counts with it; what is in memory changes only when it is done. */
  #transact(work: (changesOf: (observation: Observation) => CountChanges) => number): void {
    const changes = new Map<Observation, CountChanges>();
    const changesOf = (observation: Observation) => {
      const known = changes.get(observation) ?? new CountChanges();
      changes.set(observation, known);
      return known;
    };
    this.#database.exec('BEGIN IMMEDIATE');
    let added: number;
    try {
      added = work(changesOf);
      const upsert = this.#database.prepare(
        `INSERT INTO counts (observation, name, devices) VALUES (?, ?, ?)
         ON CONFLICT (observation, name) DO UPDATE SET devices = devices + excluded.devices`,
      );
      for (const [{ id }, counts] of changes) for (const [name, change] of counts) upsert.run(id, name, change);
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has ended the transaction already, and its own error is the one to tell.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#listed += added;
    for (const [{ counts }, changed] of changes) {
      for (const [name, change] of changed) counts.set(name, (counts.get(name) ?? 0) + change);
    }
  }

  /** Gives the number of devices that are new. */
  #write(notes: readonly WaitingNote[], changesOf: (observation: Observation) => CountChanges): number {
    const statements = prepareWriting(this.#database);
    let added = 0;
    for (const { note, atMs, adaptations, obstacles: noted } of notes) {
      const observation = this.#observations.get(keyOf(note.cohort, note.target));
      if (observation === undefined) continue;
      const before = statements.known(note.clientId, observation.id);
      if (before === undefined && this.#listed + added >= this.#options.devices) {
        changesOf(observation).add('not-listed', 1);
        continue;
      }
      if (before === undefined) added += 1;
      const after = {
        adaptations: (before?.adaptations ?? 0) | adaptations,
        obstacles: noted.reduce((bits, { kind }) => bits | obstacleBit[kind], before?.obstacles ?? 0),
      };
      const isNews = before?.adaptations !== after.adaptations || before.obstacles !== after.obstacles;
      if (isNews || before.lastSeenMs + lastSeenStepMs <= atMs) {
        statements.device.run(note.clientId, observation.id, after.adaptations, after.obstacles, atMs, atMs);
      }
      if (isNews) changesOf(observation).replace(before, after);
      for (const { kind, example } of noted) {
        statements.obstacle.run(note.clientId, observation.id, obstacles.indexOf(kind), example, atMs);
      }
    }
    return added;
  }

  #forget(lapsed: readonly Lapsed[], changesOf: (observation: Observation) => CountChanges): number {
    const { known } = prepareWriting(this.#database);
    const remove = this.#database.prepare(
      'DELETE FROM obstacles WHERE client_id = ? AND observation = ? AND obstacle = ?',
    );
    const update = this.#database.prepare('UPDATE devices SET obstacles = ? WHERE client_id = ? AND observation = ?');
    for (const { clientId, observation, number, kind } of lapsed) {
      remove.run(clientId, observation.id, number);
      const before = known(clientId, observation.id);
      if (before === undefined) continue;
      const after = { ...before, obstacles: before.obstacles & ~obstacleBit[kind] };
      update.run(after.obstacles, clientId, observation.id);
      changesOf(observation).replace(before, after);
    }
    return 0;
  }

  /** Outside of the transaction that needs it: it is there also when that one does not come to its end. */
  #observe(cohort: string, target: string, nowMs: number): void {
    const key = keyOf(cohort, target);
    if (this.#observations.has(key)) return;
    const id = this.#observations.size + 1;
    this.#database
      .prepare('INSERT INTO observations (id, cohort, target, since_ms) VALUES (?, ?, ?, ?)')
      .run(id, cohort, target, nowMs);
    this.#observations.set(key, { id, sinceMs: nowMs, counts: new Map() });
  }
}

interface Lapsed {
  readonly clientId: string;
  readonly observation: Observation;
  readonly number: number;
  readonly kind: Obstacle;
}

function prepareWriting(database: DatabaseSync) {
  const select = database.prepare(
    'SELECT adaptations, obstacles, last_seen_ms FROM devices WHERE client_id = ? AND observation = ?',
  );
  return {
    known: (clientId: string, observation: number): (KnownDevice & { readonly lastSeenMs: number }) | undefined => {
      const row = select.get(clientId, observation);
      if (row === undefined) return undefined;
      const [adaptations, known, lastSeenMs] = [row['adaptations'], row['obstacles'], row['last_seen_ms']].map(Number);
      return { adaptations: adaptations ?? 0, obstacles: known ?? 0, lastSeenMs: lastSeenMs ?? 0 };
    },
    device: database.prepare(
      `INSERT INTO devices (client_id, observation, adaptations, obstacles, first_seen_ms, last_seen_ms)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, observation) DO UPDATE SET
       adaptations = excluded.adaptations, obstacles = excluded.obstacles, last_seen_ms = excluded.last_seen_ms`,
    ),
    obstacle: database.prepare(
      'INSERT OR REPLACE INTO obstacles (client_id, observation, obstacle, example, last_seen_ms) VALUES (?, ?, ?, ?, ?)',
    ),
  };
}

function keyOf(cohort: string, target: string): string {
  return JSON.stringify([cohort, target]);
}
