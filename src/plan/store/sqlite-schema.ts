import type { DatabaseSync } from 'node:sqlite';
import { failure, type Result, success } from '../../base/result.ts';

/** `CrFd`: tells a plan store from any other SQLite file. */
const applicationId = 0x43_72_46_64;
const schemaVersion = 1;

const schema = `
  CREATE TABLE revision (
    revision INTEGER PRIMARY KEY CHECK (revision > 0),
    at INTEGER NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    plan TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER revision_stays BEFORE UPDATE ON revision
    BEGIN SELECT raise(ABORT, 'a revision is immutable'); END;
  CREATE TRIGGER revision_is_kept BEFORE DELETE ON revision
    BEGIN SELECT raise(ABORT, 'a revision is immutable'); END;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

export type StoreContent = 'nothing' | 'plan-store';

/** What the file holds; fails on a foreign file and on one of a newer version. */
export function inspectStore(database: DatabaseSync): Result<StoreContent> {
  const id = pragmaNumber(database, 'application_id');
  const version = pragmaNumber(database, 'user_version');
  if (id === 0 && version === 0 && objectCount(database) === 0) return success('nothing');
  if (id !== applicationId) return failure('it is an SQLite file, but no plan store');
  if (version === schemaVersion) return success('plan-store');
  return failure(
    `expected a plan store of version ${schemaVersion}, got version ${version}: use the release that wrote it`,
  );
}

/** Makes an empty file a plan store. Safe against another process that does the same. */
export function createSchema(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    if (objectCount(database) === 0) database.exec(schema);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

export function pragmaNumber(database: DatabaseSync, name: 'application_id' | 'user_version' | 'data_version'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function objectCount(database: DatabaseSync): number {
  return Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
}
