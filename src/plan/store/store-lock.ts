import { mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorMessage, systemErrorCode } from '../../base/errors.ts';
import { type FileLock, lockFile } from '../../base/file-lock.ts';
import { failure, type Result } from '../../base/result.ts';

/**
 * Takes the exclusive lock of the one control process of the store at `path`, on `PATH.lock`, a file beside the store that
 * stays empty: readers and writers of the store itself are not touched. Symbolic links to one store share one lock.
 */
export function lockStore(path: string): Result<FileLock> {
  try {
    const locked = lockFile(lockPath(path));
    if (locked.ok) return locked;
    return failure(locked.error.kind === 'busy' ? inUse(path) : cannotLock(path, locked.error.message));
  } catch (error) {
    return failure(cannotLock(path, errorMessage(error)));
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

function cannotLock(path: string, why: string): string {
  return `plan store ${path}: cannot lock it: ${why}`;
}
