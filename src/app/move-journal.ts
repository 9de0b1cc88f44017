import { DatabaseSync } from 'node:sqlite';
import type { MoveDocument } from '../admin/admin-api.ts';
import type { MoveRequest } from './move-request.ts';

/** Moves that are remembered, those under way and those that ended. */
export const movesKept = 200;

/** What the mover has to know after a restart: moves and their figures, the freeze, and cohorts whose late sessions are moved. */
export interface MoveJournal {
  /** As operators last saw them, ended ones too, oldest first; of more than `movesKept` the newest. */
  documents(): readonly JournaledDocument[];
  keepDocument(kept: JournaledDocument): void;
  /** Moves that had begun and not ended, oldest first. */
  unfinished(): readonly JournaledMove[];
  begin(move: JournaledMove): void;
  /** Why the move is paused; undefined: it goes on. */
  pause(id: string, reason: string | undefined): void;
  end(id: string): void;
  freeze(): Freeze | undefined;
  setFreeze(freeze: Freeze | undefined): void;
  /** The last move of each cohort, where that was a handover that is done. */
  followed(): readonly FollowedCohort[];
  follow(followed: FollowedCohort): void;
  unfollow(cohort: string): void;
  close(): void;
}

export interface JournaledDocument {
  readonly document: MoveDocument;
  /** Live sessions that its cohorts had at most while it ran. */
  readonly sessions: number;
}

export interface JournaledMove {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly request: MoveRequest;
  /** Who or what paused it. */
  readonly pausedBy?: string;
}

/** Times are milliseconds since the Unix epoch. */
export interface Freeze {
  readonly author: string;
  readonly reason: string;
  readonly at: number;
  /** Absent: until it is lifted. */
  readonly until?: number;
}

export interface FollowedCohort {
  readonly cohort: string;
  /** The move's ID. */
  readonly move: string;
  readonly request: MoveRequest;
}

const schema = `
  CREATE TABLE IF NOT EXISTS move_documents
    (id TEXT PRIMARY KEY, started_at TEXT NOT NULL, sessions INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS moves (id TEXT PRIMARY KEY, started_at INTEGER NOT NULL, request TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS move_pauses (id TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS cutover_freeze (one INTEGER PRIMARY KEY CHECK (one = 1), freeze TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS followed_cohorts
    (cohort TEXT PRIMARY KEY, move TEXT NOT NULL, request TEXT NOT NULL) STRICT;`;

/** In the file of the session homes: both say what became of live sessions, the plan's file says what should. */
export function openMoveJournal(path: string): MoveJournal {
  const database = new DatabaseSync(path, { timeout: 250 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(schema);
  const change = (sql: string) => {
    const statement = database.prepare(sql);
    return (...values: readonly (string | number)[]): void => void statement.run(...values);
  };
  // A row keeps its number when it is written again, so that the order is that of the moves: the clock may be set back.
  const keep = change(`INSERT INTO move_documents (id, started_at, sessions, document) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET sessions = excluded.sessions, document = excluded.document`);
  const drop = change(
    'DELETE FROM move_documents WHERE id NOT IN (SELECT id FROM move_documents ORDER BY rowid DESC LIMIT ?)',
  );
  const documents = database.prepare('SELECT sessions, document FROM move_documents ORDER BY rowid');
  const insert = change('INSERT OR REPLACE INTO moves (id, started_at, request) VALUES (?, ?, ?)');
  const remove = change('DELETE FROM moves WHERE id = ?');
  const pause = change('INSERT OR REPLACE INTO move_pauses (id, reason) VALUES (?, ?)');
  const unpause = change('DELETE FROM move_pauses WHERE id = ?');
  const freeze = change('INSERT OR REPLACE INTO cutover_freeze (one, freeze) VALUES (1, ?)');
  const unfreeze = change('DELETE FROM cutover_freeze');
  const follow = change('INSERT OR REPLACE INTO followed_cohorts (cohort, move, request) VALUES (?, ?, ?)');
  const unfollow = change('DELETE FROM followed_cohorts WHERE cohort = ?');
  const unfinished = database.prepare(
    'SELECT moves.id, started_at, request, reason FROM moves LEFT JOIN move_pauses USING (id) ORDER BY moves.rowid',
  );
  const frozen = database.prepare('SELECT freeze FROM cutover_freeze');
  const followed = database.prepare('SELECT cohort, move, request FROM followed_cohorts ORDER BY cohort');
  return {
    documents: () =>
      documents.all().map(({ sessions, document }) => ({
        sessions: Number(sessions),
        document: JSON.parse(String(document)) as MoveDocument,
      })),
    keepDocument: ({ document, sessions }) => {
      keep(document.id, document.startedAt, sessions, JSON.stringify(document));
      drop(movesKept);
    },
    unfinished: () =>
      unfinished.all().map(({ id, started_at: startedAt, request, reason }) => ({
        id: String(id),
        startedAt: Number(startedAt),
        request: parseRequest(request),
        ...(reason !== null && { pausedBy: String(reason) }),
      })),
    begin: ({ id, startedAt, request }) => insert(id, startedAt, JSON.stringify(request)),
    pause: (id, reason) => (reason === undefined ? unpause(id) : pause(id, reason)),
    end: (id) => {
      remove(id);
      unpause(id);
    },
    freeze: () => {
      const row = frozen.get();
      return row === undefined ? undefined : (JSON.parse(String(row['freeze'])) as Freeze);
    },
    setFreeze: (value) => (value === undefined ? unfreeze() : freeze(JSON.stringify(value))),
    followed: () =>
      followed.all().map(({ cohort, move, request }) => ({
        cohort: String(cohort),
        move: String(move),
        request: parseRequest(request),
      })),
    follow: ({ cohort, move, request }) => follow(cohort, move, JSON.stringify(request)),
    unfollow: (cohort) => unfollow(cohort),
    close: () => database.close(),
  };
}

/** A request that an earlier version wrote has no placements. */
function parseRequest(text: unknown): MoveRequest {
  const { placements = [], ...request } = JSON.parse(String(text)) as Partial<MoveRequest> &
    Omit<MoveRequest, 'placements'>;
  return { ...request, placements };
}
