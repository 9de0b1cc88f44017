import { DatabaseSync } from 'node:sqlite';
import { errorMessage } from './errors.ts';
import { failure, type Result, success } from './result.ts';

/** Held by one process. */
export interface FileLock {
  /** Idempotent. */
  release(): void;
}

export type FileLockRefusal = { readonly kind: 'busy' } | { readonly kind: 'failed'; readonly message: string };

/** SQLITE_BUSY: somebody else has it. */
const sqliteBusy = 5;

/**
 * Takes the exclusive lock on the file at `path`, without waiting. It is an exclusive transaction on an empty database,
 * made where it is missing: the kernel ends it with the process, however the process ends. Not for network file systems.
 */
export function lockFile(path: string): Result<FileLock, FileLockRefusal> {
  let database: DatabaseSync | undefined;
  try {
    const held = new DatabaseSync(path, { timeout: 0 });
    database = held;
    held.exec('BEGIN EXCLUSIVE');
    return success({ release: () => void (held.isOpen && held.close()) });
  } catch (error) {
    database?.close();
    return failure(isBusy(error) ? { kind: 'busy' } : { kind: 'failed', message: errorMessage(error) });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}
