import { DatabaseSync } from 'node:sqlite';
import { keyOf, type ObservedTopic, type TopicNote } from './observed-topics.ts';

/** The durable memory of what cohorts' devices use. */
export interface TopicStore {
  load(): readonly TopicNote[];
  /** By `keyOf`; undefined: it is gone. All or nothing. Throws when it cannot be written. */
  write(changes: ReadonlyMap<string, ObservedTopic | undefined>): void;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS topics (
    key TEXT PRIMARY KEY, cohort TEXT NOT NULL, usage TEXT NOT NULL, pattern TEXT NOT NULL, widened INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL, sketch BLOB NOT NULL
  ) WITHOUT ROWID, STRICT;
`;

/** In one SQLite file; a crash may cost the last writes (WAL, synchronous NORMAL): what a device does it does again. */
export function openSqliteTopicStore(path: string): TopicStore {
  const database = new DatabaseSync(path, { timeout: 250 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  database.exec(schema);
  return {
    load: () => database.prepare('SELECT * FROM topics').all().map(toNote),
    write: (changes) => write(database, changes),
    close: () => database.close(),
  };
}

function write(database: DatabaseSync, changes: ReadonlyMap<string, ObservedTopic | undefined>): void {
  const remove = database.prepare('DELETE FROM topics WHERE key = ?');
  const replace = database.prepare('INSERT OR REPLACE INTO topics VALUES (?, ?, ?, ?, ?, ?, ?)');
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const [key, topic] of changes) {
      if (topic === undefined) remove.run(key);
      else {
        const { cohort, use, pattern, isWidened, lastSeenMs, devices } = topic;
        replace.run(keyOf(topic), cohort, use, pattern, isWidened ? 1 : 0, lastSeenMs, devices.bytes);
      }
    }
    database.exec('COMMIT');
  } catch (error) {
    // A full disk has ended the transaction already, and its own error is the one to tell.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function toNote(row: Readonly<Record<string, unknown>>): TopicNote {
  const sketch = row['sketch'];
  return {
    cohort: String(row['cohort']),
    use: row['usage'] === 'subscribe' ? 'subscribe' : 'publish',
    pattern: String(row['pattern']),
    isWidened: row['widened'] === 1,
    lastSeenMs: Number(row['last_seen_ms']),
    ...(sketch instanceof Uint8Array && { sketch }),
  };
}
