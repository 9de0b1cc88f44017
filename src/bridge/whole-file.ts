import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../base/errors.ts';

/**
 * Writes the file as a whole: a reader, and a crash, sees the one before or this one. Synchronous, on disk when it returns.
 * Throws where there is no room for all of it; the one before stays.
 */
export function replaceFile(path: string, text: string): void {
  const next = `${path}.${process.pid}.new`;
  try {
    const file = openSync(next, 'w', 0o600);
    try {
      // Not `writeSync`: on a full disk it writes the beginning, and says no more than how much that was.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** A name in a directory is on disk only when the directory is. */
export function syncFolder(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The value of a JSON file; undefined where there is none. Throws where it cannot be read. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
