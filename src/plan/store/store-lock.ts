import { mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorMessage, systemErrorCode } from '../../base/errors.ts';
import { failure, type Result, success } from '../../base/result.ts';

/** Held by the one control process of a store. */
export interface StoreLock {
  release(): void;
}

/** SQLITE_BUSY: somebody else has it. */
const sqliteBusy = 5;

/**
 * Takes the exclusive lock of the store at `path`, without waiting. It is an exclusive transaction on `PATH.lock`, a
 * file beside the store that stays empty: the kernel ends it with the process, however the process ends, and readers
 * and writers of the store itself are not touched. Symbolic links to one store share one lock. Not for network file systems.
 */
export function lockStore(path: string): Result<StoreLock> {
  let database: DatabaseSync | undefined;
  try {
    const held = new DatabaseSync(lockPath(path), { timeout: 0 });
    database = held;
    held.exec('BEGIN EXCLUSIVE');
    return success({ release: () => void (held.isOpen && held.close()) });
  } catch (error) {
    database?.close();
    return failure(isBusy(error) ? inUse(path) : `plan store ${path}: cannot lock it: ${errorMessage(error)}`);
  }
}

function lockPath(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return `${resolveStore(path)}.lock`;
}

function resolveStore(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return join(realpathSync(dirname(path)), basename(path));
  }
}

function inUse(path: string): string {
  return `plan store ${path} is in use by another gateway: stop that one first, or give this one a store of its own`;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}
