import type { SpooledMessage } from '../../../src/bridge/link/link-item.ts';
import type { BurialReason } from '../../../src/bridge/link/link-port.ts';

/** A disk: what is synced survives a crash, of what is only written any first part may. */
export class ModelSpool {
  readonly records: SpooledMessage[] = [];
  syncedLength = 0;
  /** The first record that is needed, as it was last written down. */
  cursor = 0;
  releasedTo = 0;
  isFull = false;
  pendingRead: number | undefined;

  append(record: SpooledMessage): void {
    this.records.push(record);
  }

  /** What a crash leaves: `kept` (0 to 1) of the records that were not synced. */
  crash(kept: number): void {
    const unsynced = this.records.length - this.syncedLength;
    this.records.length = this.syncedLength + Math.floor(unsynced * kept);
    this.syncedLength = this.records.length;
    this.pendingRead = undefined;
  }

  has(name: string): boolean {
    return this.records
      .slice(this.cursor, this.syncedLength)
      .some(({ message }) => message.payload.toString() === name);
  }
}

/** Dead letters: those on disk, by name. */
export class ModelDeadLetters {
  readonly reasonByName = new Map<string, BurialReason>();
}
