import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { errorMessage } from '../../base/errors.ts';
import { failure, type Result, success } from '../../base/result.ts';
import { createSchema, inspectStore } from './sqlite-schema.ts';

export interface SqlitePlanStoreOptions {
  readonly path: string;
  /** False refuses to open a file that is missing or holds no plan: a lost volume must not look like a new fleet. */
  readonly create: boolean;
  /** For readers beside a running gateway (`where --config`); `create` does not count then. Default false. */
  readonly readOnly?: boolean;
  /** Milliseconds between two looks for another process's revisions while somebody watches. Default 100. */
  readonly pollMs?: number;
  /** Milliseconds to wait for another process's write; the event loop waits with it. Default 100. */
  readonly busyMs?: number;
}

/** `missing`: there is no plan to be found at the path. `unavailable`: there is something, and it cannot be used. */
export interface SqliteOpenFailure {
  readonly kind: 'missing' | 'unavailable';
  readonly message: string;
}

const defaultBusyMs = 100;

export function openDatabase(options: SqlitePlanStoreOptions): Result<DatabaseSync, SqliteOpenFailure> {
  const { path, create, readOnly = false } = options;
  const mayCreate = create && !readOnly;
  if (!mayCreate && !holdsBytes(path)) return failure(missing(path, readOnly));
  let database: DatabaseSync | undefined;
  try {
    if (mayCreate) mkdirSync(dirname(path), { recursive: true });
    database = readOnly ? openForReading(options) : openForWriting(options);
    const prepared = prepare(database, mayCreate);
    if (prepared.ok) return success(database);
    database.close();
    return failure(prepared.error === 'missing' ? missing(path, readOnly) : unavailable(path, prepared.error));
  } catch (error) {
    if (database?.isOpen === true) database.close();
    return failure(unavailable(path, errorMessage(error)));
  }
}

function openForWriting({ path, busyMs = defaultBusyMs }: SqlitePlanStoreOptions): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyMs });
  // The first statement that reads the file: what is no database fails here.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  // A file without write permission opens, and fails at the first write: find out now.
  database.exec('BEGIN IMMEDIATE; ROLLBACK;');
  return database;
}

/**
 * A reader of a WAL file shares its -shm file. When there is no writer, and none can be made because the directory is
 * read-only, the file is complete in itself and is read as immutable.
 */
function openForReading({ path, busyMs = defaultBusyMs }: SqlitePlanStoreOptions): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: busyMs });
  try {
    database.prepare('PRAGMA user_version').get();
    return database;
  } catch (error) {
    database.close();
    if (holdsBytes(`${path}-wal`)) throw error;
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return new DatabaseSync(url, { readOnly: true });
  }
}

function prepare(database: DatabaseSync, mayCreate: boolean): Result<void, string> {
  const content = inspectStore(database);
  if (!content.ok) return content;
  if (content.value === 'nothing') {
    if (!mayCreate) return failure('missing');
    createSchema(database);
  }
  if (mayCreate) return success(undefined);
  const row = database.prepare('SELECT max(revision) AS n FROM revision').get();
  return row?.['n'] === null ? failure('missing') : success(undefined);
}

function holdsBytes(path: string): boolean {
  return existsSync(path) && statSync(path).size > 0;
}

function missing(path: string, readOnly: boolean): SqliteOpenFailure {
  const advice = readOnly
    ? ''
    : ': restore it, or set store.create to true to begin with the plan of the configuration';
  return { kind: 'missing', message: `plan store ${path}: expected a store with a plan, found none${advice}` };
}

function unavailable(path: string, reason: string): SqliteOpenFailure {
  return { kind: 'unavailable', message: `plan store ${path}: ${reason}` };
}
