import { constants, type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { syncDirectory } from './directory-sync.ts';
import type { SpooledMessage } from './link/link-item.ts';
import { cursorName, type RecoveredSpool, recoverSpool } from './spool-recovery.ts';
import { encodeRecord, SegmentReader, type SpoolSegment, segmentName } from './spool-segment.ts';

export interface SpoolOptions {
  /** Of this rule alone; it is made where it is missing. */
  readonly directory: string;
  /** Bytes of all segments; beyond it nothing is taken. */
  readonly maxBytes: number;
  readonly segmentBytes: number;
  /** Milliseconds that records wait for others to share their fsync. */
  readonly batchMs: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How files are opened; tests put a failing disk here. */
  readonly openFile?: typeof open;
}

export interface SpoolListener {
  /** Records before the position are on disk. */
  handleSynced(position: number): void;
  /** What was appended and is not synced has not been taken, and its positions are given again. */
  handleFailed(): void;
  handleRead(position: number, records: readonly (SpooledMessage | undefined)[]): void;
}

/** What was released since then is there once more after a crash: at the pace of catching up, thousands a second. */
const cursorEveryMs = 100;
const readAgainMs = 1_000;
const tidyAgainMs = 1_000;
const recordsPerRead = 256;

/**
 * Messages of one rule in append-only segments. What was synced survives SIGKILL and a power cut; a tail that was torn is
 * cut off. The cursor is written now and then: after a crash some records are there once more, none is missing.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #openFile: typeof open;
  readonly #segments: SpoolSegment[];
  #listener: SpoolListener | undefined;
  #writing: { readonly segment: SpoolSegment; readonly file: FileHandle } | undefined;
  #pending: Buffer[] = [];
  #syncedPosition: number;
  #cursor: number;
  #writtenCursor: number;
  #batchTimer: NodeJS.Timeout | undefined;
  #cursorTimer: NodeJS.Timeout | undefined;
  #readTimer: NodeJS.Timeout | undefined;
  /** Everything that touches files, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #reading: { readonly segment: SpoolSegment; readonly file: FileHandle; position: number; offset: number } | undefined;
  #isClosing = false;
  #isClosed = false;
  #isHalfFull = false;

  private constructor(options: SpoolOptions, found: RecoveredSpool) {
    this.#options = options;
    this.#openFile = options.openFile ?? open;
    this.#segments = found.segments;
    this.#cursor = found.cursor;
    this.#writtenCursor = found.cursor;
    this.#syncedPosition = found.nextPosition;
  }

  /** Rejects where the directory cannot be used. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, log, openFile = open } = options;
    return new Spool(options, await recoverSpool(directory, { log, openFile }));
  }

  get kept(): { readonly cursor: number; readonly nextPosition: number } {
    return { cursor: this.#cursor, nextPosition: this.#syncedPosition };
  }

  /** Of all segments, done or not. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** More than half of `maxBytes` is used. */
  get isHalfFull(): boolean {
    return this.bytes > this.#options.maxBytes / 2;
  }

  listen(listener: SpoolListener): void {
    this.#listener = listener;
  }

  append(record: SpooledMessage): void {
    this.#pending.push(encodeRecord(record));
    this.#batchTimer ??= setTimeout(() => {
      this.#batchTimer = undefined;
      this.#queue(() => this.#flush());
    }, this.#options.batchMs);
  }

  read(position: number): void {
    this.#queue(() => this.#read(position));
  }

  release(position: number): void {
    this.#cursor = Math.max(this.#cursor, position);
    this.#tidyIn(cursorEveryMs);
  }

  #tidyIn(ms: number): void {
    if (this.#isClosing) return;
    this.#cursorTimer ??= setTimeout(() => {
      this.#cursorTimer = undefined;
      this.#queue(() => this.#tidy());
    }, ms);
  }

  /** What waits is written, and the cursor. Nothing is answered any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const timer of [this.#batchTimer, this.#cursorTimer, this.#readTimer]) clearTimeout(timer);
    this.#queue(() => this.#flush());
    this.#queue(() => this.#tidy());
    this.#queue(async () => {
      this.#isClosed = true;
      await this.#closeFiles();
    });
    await this.#work;
  }

  #queue(job: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return;
      try {
        await job();
      } catch (error) {
        const { directory, log } = this.#options;
        log.error({ directory, error: errorMessage(error) }, 'The spool failed');
      }
    });
  }

  async #flush(): Promise<void> {
    const records = this.#pending;
    if (records.length === 0) return;
    this.#pending = [];
    try {
      await this.#write(records);
    } catch (error) {
      const { directory, log } = this.#options;
      log.error(
        { directory, error: errorMessage(error) },
        'The spool takes nothing: its messages stay with their source',
      );
      await this.#abandonSegment();
      // What came meanwhile stands behind what was not taken.
      this.#pending = [];
      this.#listener?.handleFailed();
      return;
    }
    this.#listener?.handleSynced(this.#syncedPosition);
  }

  async #write(records: readonly Buffer[]): Promise<void> {
    const size = records.reduce((sum, { length }) => sum + length, 0);
    this.#checkBounds(size);
    const { segment, file } = await this.#segmentToWrite();
    let at = segment.bytes;
    const { bytesWritten } = await file.writev([...records], at);
    if (bytesWritten < size) throw new Error(`expected ${size} bytes to be written, got ${bytesWritten}`);
    await file.datasync();
    at += size;
    segment.bytes = at;
    segment.count += records.length;
    this.#syncedPosition += records.length;
  }

  #checkBounds(size: number): void {
    const { maxBytes, directory, log } = this.#options;
    const bytes = this.bytes + size;
    if (bytes > maxBytes) throw new Error(`expected at most ${maxBytes} bytes, got ${bytes}`);
    const isHalfFull = bytes > maxBytes / 2;
    if (isHalfFull && !this.#isHalfFull) log.warn({ directory, bytes, maxBytes }, 'The spool is half full');
    this.#isHalfFull = isHalfFull;
  }

  async #segmentToWrite(): Promise<{ readonly segment: SpoolSegment; readonly file: FileHandle }> {
    if (this.#writing !== undefined && this.#writing.segment.bytes < this.#options.segmentBytes) return this.#writing;
    await this.#writing?.file.close();
    this.#writing = undefined;
    const { directory } = this.#options;
    const firstPosition = this.#syncedPosition;
    const path = join(directory, segmentName(firstPosition));
    const file = await this.#openFile(path, constants.O_CREAT | constants.O_WRONLY | constants.O_TRUNC, 0o600);
    try {
      await syncDirectory(directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    const last = this.#segments.at(-1);
    // One of the same name had nothing that counts.
    if (last?.firstPosition === firstPosition) this.#segments.pop();
    const segment: SpoolSegment = { path, firstPosition, count: 0, bytes: 0 };
    this.#segments.push(segment);
    this.#writing = { segment, file };
    return this.#writing;
  }

  /** What lies behind its last synced record is nobody's; the next record begins another segment. */
  async #abandonSegment(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    if (writing === undefined) return;
    await writing.file.truncate(writing.segment.bytes).catch(() => {});
    await writing.file.close().catch(() => {});
  }

  async #read(position: number): Promise<void> {
    try {
      const records = await this.#records(position);
      if (records.length > 0) this.#listener?.handleRead(position, records);
    } catch (error) {
      const { directory, log } = this.#options;
      log.error({ directory, position, error: errorMessage(error) }, 'The spool cannot be read, and is asked again');
      await this.#reading?.file.close().catch(() => {});
      this.#reading = undefined;
      this.#readTimer = setTimeout(() => this.read(position), readAgainMs);
    }
  }

  async #records(position: number): Promise<readonly (SpooledMessage | undefined)[]> {
    const segment = this.#segments.findLast(({ firstPosition }) => firstPosition <= position);
    const endsAt = segment === undefined ? 0 : segment.firstPosition + segment.count;
    if (segment === undefined || position >= endsAt) {
      const next = this.#segments.find(({ firstPosition }) => firstPosition > position)?.firstPosition;
      return new Array((next ?? this.#syncedPosition) - position).fill(undefined);
    }
    const reading = await this.#readingAt(segment, position);
    const reader = new SegmentReader(reading.file, segment.bytes);
    const records: (SpooledMessage | undefined)[] = [];
    const isMoreAtHand = () => records.length === 0 || reader.isAtHand(reading.offset);
    while (reading.position < endsAt && records.length < recordsPerRead && isMoreAtHand()) {
      const found = await reader.record(reading.offset);
      if (found === undefined)
        throw new Error(`expected a record at ${reading.offset} of ${segment.path}, got nothing`);
      records.push(found.message);
      reading.position += 1;
      reading.offset = found.end;
    }
    return records;
  }

  /** Where reading stopped last is where it mostly goes on. */
  async #readingAt(segment: SpoolSegment, position: number) {
    if (this.#reading?.segment === segment && this.#reading.position === position) return this.#reading;
    await this.#reading?.file.close();
    this.#reading = undefined;
    const file = await this.#openFile(segment.path, constants.O_RDONLY);
    const reading = { segment, file, position: segment.firstPosition, offset: 0 };
    this.#reading = reading;
    const reader = new SegmentReader(file, segment.bytes);
    while (reading.position < position) {
      const found = await reader.record(reading.offset);
      if (found === undefined)
        throw new Error(`expected a record at ${reading.offset} of ${segment.path}, got nothing`);
      reading.position += 1;
      reading.offset = found.end;
    }
    return reading;
  }

  /** Again behind a failure, for as long as it takes: what is not removed keeps a disk full. */
  async #tidy(): Promise<void> {
    try {
      const cursor = Math.min(this.#cursor, this.#syncedPosition);
      // First, and whatever the cursor's file says: a full disk has room for it only behind that.
      await this.#removeBefore(cursor);
      await this.#writeCursor(cursor);
    } catch (error) {
      this.#tidyIn(tidyAgainMs);
      throw error;
    }
  }

  async #writeCursor(cursor: number): Promise<void> {
    if (cursor <= this.#writtenCursor) return;
    const path = join(this.#options.directory, cursorName);
    const file = await this.#openFile(`${path}.new`, constants.O_CREAT | constants.O_WRONLY | constants.O_TRUNC, 0o600);
    try {
      const text = Buffer.from(`${cursor}\n`);
      const { bytesWritten } = await file.write(text, 0, text.length, 0);
      if (bytesWritten < text.length)
        throw new Error(`expected ${text.length} bytes to be written, got ${bytesWritten}`);
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    this.#writtenCursor = cursor;
  }

  async #removeBefore(cursor: number): Promise<void> {
    for (;;) {
      const first = this.#segments[0];
      if (first === undefined || first.firstPosition + first.count > cursor) return;
      if (this.#writing?.segment === first) {
        await this.#writing.file.close();
        this.#writing = undefined;
      }
      if (this.#reading?.segment === first) {
        await this.#reading.file.close();
        this.#reading = undefined;
      }
      await unlink(first.path);
      this.#segments.shift();
    }
  }

  async #closeFiles(): Promise<void> {
    await this.#writing?.file.close();
    await this.#reading?.file.close();
    this.#writing = undefined;
    this.#reading = undefined;
  }
}
