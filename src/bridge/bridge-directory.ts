import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { type FileLock, lockFile } from '../base/file-lock.ts';
import type { Slot } from './division/slot.ts';
import { readJson, replaceFile, syncFolder } from './whole-file.ts';

/** A process that works slots of this directory. */
export interface Presence {
  readonly process: string;
  /** Others see it gone from then on. */
  leave(): void;
}

const slotFile = 'slot.json';

/**
 * What the processes of one bridge share. `processes/` has a lock and a status of each that lives; `locks/` one of each
 * slot; `slots/` a folder of each with its spool and what it is; `dead-letters/` a file of each slot; `wishes.json`.
 */
export class BridgeDirectory {
  readonly path: string;

  /** Throws CrossfadeError `bridge` where it cannot be made. */
  constructor(path: string) {
    this.path = path;
    try {
      for (const name of ['processes', 'locks', 'slots', 'dead-letters'])
        mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new CrossfadeError('bridge', `cannot use the bridge's directory ${path}: ${errorMessage(error)}`);
    }
  }

  /** Throws CrossfadeError `bridge` where the directory keeps no lock. */
  enter(): Presence {
    const process = `${globalThis.process.pid}-${randomBytes(3).toString('hex')}`;
    const path = this.#presencePath(process);
    // The lock is there when the name appears: whoever gets it then knows that the process is dead.
    const locked = lockFile(`${path}.new`);
    if (!locked.ok) {
      const why = locked.error.kind === 'busy' ? 'somebody else has it' : locked.error.message;
      throw new CrossfadeError('bridge', `cannot lock ${path}: ${why}`);
    }
    renameSync(`${path}.new`, path);
    return {
      process,
      leave: () => {
        rmSync(this.statusPath(process), { force: true });
        rmSync(path, { force: true });
        locked.value.release();
      },
    };
  }

  /** Their names; what a dead one left is removed. */
  livingProcesses(): readonly string[] {
    const names = readdirSync(join(this.path, 'processes')).filter((name) => name.endsWith('.lock'));
    return names.map((name) => name.slice(0, -'.lock'.length)).filter((name) => this.#lives(name));
  }

  statusPath(process: string): string {
    return join(this.path, 'processes', `${process}.json`);
  }

  get wishesPath(): string {
    return join(this.path, 'wishes.json');
  }

  /** Undefined: another process works the slot. Throws where the lock cannot be tried. */
  claim(slot: Slot): FileLock | undefined {
    const locked = lockFile(join(this.path, 'locks', `${fileName(slot)}.lock`));
    if (locked.ok) return locked.value;
    if (locked.error.kind === 'busy') return undefined;
    throw new Error(locked.error.message);
  }

  /** Slots that some process began and none has finished; one whose description cannot be read is left alone. */
  slotsOnDisk(): readonly Slot[] {
    const folders = join(this.path, 'slots');
    return readdirSync(folders).flatMap((name) => readSlot(join(folders, name, slotFile)) ?? []);
  }

  isOnDisk(slot: Slot): boolean {
    return existsSync(join(this.slotDirectory(slot), slotFile));
  }

  slotDirectory(slot: Slot): string {
    return join(this.path, 'slots', fileName(slot));
  }

  /** Before its session at the source begins: who finds the directory can end it. By the holder of its lock. */
  describeSlot(slot: Slot): void {
    const directory = this.slotDirectory(slot);
    const path = join(directory, slotFile);
    // A full disk, perhaps full of this slot's spool, has room for no description.
    if (isDeepStrictEqual(readSlot(path), slot)) return;
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) syncFolder(dirname(directory));
    replaceFile(path, JSON.stringify(slot));
  }

  /** By the holder of its lock, when nothing is left of it. */
  removeSlot(slot: Slot): void {
    rmSync(this.slotDirectory(slot), { recursive: true, force: true });
  }

  deadLetterPath(slot: Slot): string {
    return join(this.path, 'dead-letters', `${fileName(slot)}.ndjson`);
  }

  #presencePath(process: string): string {
    return join(this.path, 'processes', `${process}.lock`);
  }

  #lives(process: string): boolean {
    const locked = lockFile(this.#presencePath(process));
    if (!locked.ok) return true;
    rmSync(this.#presencePath(process), { force: true });
    rmSync(this.statusPath(process), { force: true });
    locked.value.release();
    return false;
  }
}

function readSlot(path: string): Slot | undefined {
  try {
    const slot = readJson(path) as Slot | undefined;
    const isWhole = [slot?.label, slot?.rule.name, slot?.rule.filter, slot?.place.kind].every(isText);
    return isWhole ? slot : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function fileName(slot: Slot): string {
  return encodeURIComponent(`${slot.rule.name}.${slot.label}`);
}
