import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrossfadeError } from '../base/errors.ts';
import { lockFile } from '../base/file-lock.ts';
import { BridgeDirectory } from './bridge-directory.ts';
import type { BridgeBoard, ProcessStatus, RuleWish, RuleWishes } from './bridge-status.ts';
import { readJson, replaceFile } from './whole-file.ts';

/** The board in a bridge's directory, which is made where it is missing. Throws CrossfadeError `bridge` where it cannot be. */
export function openBridgeBoard(path: string): BridgeBoard {
  const directory = new BridgeDirectory(path);
  const readWishes = () => (readJson(directory.wishesPath) ?? {}) as RuleWishes;
  return {
    readStatuses: () =>
      directory
        .livingProcesses()
        .flatMap((process) => (readJson(directory.statusPath(process)) as ProcessStatus | undefined) ?? []),
    readWishes,
    changeWish(rule, change) {
      const locked = lockWhenFree(join(path, 'locks', 'wishes.lock'));
      try {
        const wishes = readWishes();
        const wish: RuleWish = { ...wishes[rule], ...change };
        replaceFile(directory.wishesPath, JSON.stringify({ ...wishes, [rule]: wish }, undefined, 2));
      } finally {
        locked.release();
      }
    },
  };
}

/** What a process says of itself; it is gone with the process. */
export function writeStatus(directory: BridgeDirectory, status: ProcessStatus): void {
  const path = directory.statusPath(status.process);
  writeFileSync(`${path}.new`, JSON.stringify(status), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const lockTries = 100;
const lockTryMs = 10;

/** Whoever has it holds it for a few writes. */
function lockWhenFree(path: string) {
  for (let tries = 1; ; tries += 1) {
    const locked = lockFile(path);
    if (locked.ok) return locked.value;
    if (locked.error.kind === 'failed')
      throw new CrossfadeError('bridge', `cannot lock ${path}: ${locked.error.message}`);
    if (tries === lockTries) throw new CrossfadeError('bridge', `cannot lock ${path}: another process holds it`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockTryMs);
  }
}
