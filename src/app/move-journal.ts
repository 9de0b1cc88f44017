import { DatabaseSync } from 'node:sqlite';
import type { MoveRequest } from './move-request.ts';

/** Moves under way, so that a control process that comes back goes on with them. */
export interface MoveJournal {
  /** Moves that had begun and not ended, oldest first. */
  unfinished(): readonly JournaledMove[];
  begin(move: JournaledMove): void;
  end(id: string): void;
  close(): void;
}

export interface JournaledMove {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly request: MoveRequest;
}

const schema =
  'CREATE TABLE IF NOT EXISTS moves (id TEXT PRIMARY KEY, started_at INTEGER NOT NULL, request TEXT NOT NULL) STRICT';

/** In the file of the session homes: both say what became of live sessions, the plan's file says what should. */
export function openMoveJournal(path: string): MoveJournal {
  const database = new DatabaseSync(path, { timeout: 250 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(schema);
  const insert = database.prepare('INSERT OR REPLACE INTO moves (id, started_at, request) VALUES (?, ?, ?)');
  const remove = database.prepare('DELETE FROM moves WHERE id = ?');
  const select = database.prepare('SELECT id, started_at, request FROM moves ORDER BY started_at, id');
  return {
    unfinished: () =>
      select.all().map((row) => ({
        id: String(row['id']),
        startedAt: Number(row['started_at']),
        request: JSON.parse(String(row['request'])) as MoveRequest,
      })),
    begin: ({ id, startedAt, request }) => void insert.run(id, startedAt, JSON.stringify(request)),
    end: (id) => void remove.run(id),
    close: () => database.close(),
  };
}
