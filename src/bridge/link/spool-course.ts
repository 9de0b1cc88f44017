import { LaneQueue } from './lane-queue.ts';
import type { LinkItem } from './link-item.ts';

export interface SpoolCoursePort {
  /** Behind everything that was appended before. */
  append(item: LinkItem): void;
  /** What lies before the position is not needed any more. */
  release(position: number): void;
}

/**
 * The one line that messages stand in behind the lanes, part of it in memory and part of it in the spool, in the order of
 * their arrival. Positions count messages. `cursor` ≤ `readPosition` ≤ `nextPosition`: before the cursor everything is
 * done; from there up to `readPosition` the lanes have it, or had it; the rest stands in line. Behind the line's records
 * stand those that the spool did not take.
 */
export class SpoolCourse {
  readonly #port: SpoolCoursePort;
  readonly #maxLineBytes: number;
  /** The end of the line, in memory: records from some position on, then items without one. */
  readonly #line = new LaneQueue<LinkItem>();
  #lineBytes = 0;
  /** Read back, for `readPosition` and on. */
  readonly #fetched = new LaneQueue<LinkItem>();
  readonly #unsynced = new LaneQueue<LinkItem>();
  readonly #doneAbove = new Set<number>();
  #cursor: number;
  #readPosition: number;
  #nextPosition: number;
  #syncedPosition: number;

  /** `maxLineBytes`: of payloads of the line's end that are kept in memory though the spool has them. */
  constructor(
    kept: { readonly cursor: number; readonly nextPosition: number },
    maxLineBytes: number,
    port: SpoolCoursePort,
  ) {
    this.#port = port;
    this.#maxLineBytes = maxLineBytes;
    this.#cursor = kept.cursor;
    this.#readPosition = kept.cursor;
    this.#nextPosition = kept.nextPosition;
    this.#syncedPosition = kept.nextPosition;
  }

  /** Nobody stands in line: what comes may go to the lanes at once. */
  get isEmpty(): boolean {
    return this.#line.length === 0 && this.#readPosition === this.#nextPosition;
  }

  /** Records that are not done. */
  get recordCount(): number {
    return this.#nextPosition - this.#cursor - this.#doneAbove.size;
  }

  /** Records that are not on disk for sure. */
  get isSyncing(): boolean {
    return this.#unsynced.length > 0;
  }

  /** At the end of the line. */
  stand(item: LinkItem): void {
    this.#line.push(item);
    this.#lineBytes += heldBytes(item);
  }

  /** Writes down items in the order of their arrival; those that the lanes have stand before all that is in line. */
  write(items: Iterable<LinkItem>): void {
    for (const item of items) {
      item.position = this.#nextPosition;
      this.#nextPosition += 1;
      this.#unsynced.push(item);
      this.#port.append(item);
    }
    const first = this.#line.first;
    const isLineUnread = this.#fetched.length > 0 || this.#readPosition < this.#syncedPosition;
    // What was written out of the lanes is not in line.
    if (!isLineUnread)
      this.#readPosition = first === undefined || first.position < 0 ? this.#nextPosition : first.position;
  }

  /** Everything before `position` is on disk. Gives the items that now are. */
  handleSynced(position: number): LinkItem[] {
    this.#syncedPosition = Math.max(this.#syncedPosition, position);
    const items: LinkItem[] = [];
    for (;;) {
      const item = this.#unsynced.first;
      if (item === undefined || item.position >= this.#syncedPosition) break;
      this.#unsynced.shift();
      items.push(item);
    }
    this.#moveCursor();
    this.#trimLine();
    return items;
  }

  /** Nothing from the first record on that was not on disk has been taken: those have no position. */
  handleFailed(): void {
    for (const item of this.#unsynced) item.position = -1;
    while (this.#unsynced.shift() !== undefined);
    this.#nextPosition = this.#syncedPosition;
    this.#readPosition = Math.min(this.#readPosition, this.#nextPosition);
    for (const position of this.#doneAbove) if (position >= this.#nextPosition) this.#doneAbove.delete(position);
  }

  /** The record that was asked for and those behind it. */
  handleRead(items: readonly LinkItem[]): void {
    for (const item of items) {
      const isExpected = item.position === this.#readPosition + this.#fetched.length;
      if (isExpected) this.#fetched.push(item);
    }
  }

  /** The next for the lanes, where it is in memory. */
  get first(): LinkItem | undefined {
    const fetched = this.#fetched.first;
    if (fetched !== undefined) return fetched;
    const { first } = this.#line;
    const position = this.#readPosition === this.#nextPosition ? -1 : this.#readPosition;
    return first?.position === position ? first : undefined;
  }

  /** Where there is no `first`: the record that must be read for it; undefined: nothing, for now. */
  get unreadPosition(): number | undefined {
    return this.#readPosition < this.#syncedPosition ? this.#readPosition : undefined;
  }

  /** `first` leaves the line. */
  take(item: LinkItem): void {
    if (this.#fetched.first === item) {
      this.#fetched.shift();
      this.#readPosition = item.position + 1;
      this.#dropRead();
      return;
    }
    this.#line.shift();
    this.#lineBytes -= heldBytes(item);
    if (item.position >= 0) this.#readPosition = item.position + 1;
  }

  /** The record is not needed any more. */
  handleDone(position: number): void {
    if (position < this.#cursor) return;
    this.#doneAbove.add(position);
    this.#moveCursor();
  }

  /** Not beyond what is on disk: a position that a failure takes back is given to another message. */
  #moveCursor(): void {
    const before = this.#cursor;
    while (this.#cursor < this.#syncedPosition && this.#doneAbove.delete(this.#cursor)) this.#cursor += 1;
    if (this.#cursor > before) this.#port.release(this.#cursor);
  }

  /** What was read from disk stands in memory too when reading began before the line's memory did. */
  #dropRead(): void {
    for (;;) {
      const first = this.#line.first;
      if (first === undefined || first.position < 0 || first.position >= this.#readPosition) return;
      this.#line.shift();
      this.#lineBytes -= heldBytes(first);
    }
  }

  /** From its front, and only what can be read again. */
  #trimLine(): void {
    while (this.#lineBytes > this.#maxLineBytes) {
      const first = this.#line.first;
      if (first === undefined || first.position < 0 || first.position >= this.#syncedPosition) return;
      this.#line.shift();
      this.#lineBytes -= heldBytes(first);
    }
  }
}

/** What an item without a payload takes, roughly. */
const itemBytes = 512;

function heldBytes({ payloadBytes }: LinkItem): number {
  return payloadBytes + itemBytes;
}
