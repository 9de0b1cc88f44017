import { constants, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { syncDirectory } from './directory-sync.ts';
import type { BridgedMessage } from './link/bridged-message.ts';

export interface DeadLetterFileOptions {
  readonly path: string;
  /** Beyond it nothing is written until somebody takes the file away. */
  readonly maxBytes: number;
  /** Milliseconds that letters wait for others to share their fsync. */
  readonly batchMs: number;
  /** Milliseconds between attempts to write what could not be written. */
  readonly retryMs: number;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly openFile?: typeof open;
}

export interface DeadLetter {
  readonly rule: string;
  readonly reason: string;
  readonly message: BridgedMessage;
  /** Times that it was sent to the target. */
  readonly attempts: number;
  /** Milliseconds since the Unix epoch. */
  readonly arrivedWallMs: number;
}

interface Waiting {
  readonly line: Buffer;
  readonly whenWritten: () => void;
}

/**
 * What no target takes, as NDJSON: one line a message, on disk before its source may forget it. The file is opened for
 * every batch, so that it can be moved away at any time. What cannot be written waits, and its source with it.
 */
export class DeadLetterFile {
  readonly #options: DeadLetterFileOptions;
  readonly #openFile: typeof open;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isHalfFull = false;
  #isClosed = false;

  constructor(options: DeadLetterFileOptions) {
    this.#options = options;
    this.#openFile = options.openFile ?? open;
  }

  /** Letters that are not on disk. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** `whenWritten` is called once the letter survives whatever happens. */
  write(letter: DeadLetter, whenWritten: () => void): void {
    this.#waiting.push({ line: Buffer.from(`${JSON.stringify(render(letter))}\n`), whenWritten });
    this.#schedule(this.#hasFailed ? this.#options.retryMs : this.#options.batchMs);
  }

  /** Writes what waits, once more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isClosed = true;
    await this.#work;
    await this.#flush();
  }

  #schedule(afterMs: number): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#work = this.#work.then(() => this.#flush());
    }, afterMs);
  }

  async #flush(): Promise<void> {
    const letters = this.#waiting;
    if (letters.length === 0) return;
    this.#waiting = [];
    const { path, log, retryMs } = this.#options;
    let written = 0;
    try {
      written = await this.#append(letters);
    } catch (error) {
      if (!this.#hasFailed) log.error({ path, error: errorMessage(error) }, 'Dead letters cannot be written, and wait');
    }
    this.#hasFailed = written < letters.length;
    this.#waiting = [...letters.slice(written), ...this.#waiting];
    for (const { whenWritten } of letters.slice(0, written)) whenWritten();
    if (this.#waiting.length > 0) this.#schedule(retryMs);
  }

  /** Gives how many there was room for. */
  async #append(letters: readonly Waiting[]): Promise<number> {
    const { path, maxBytes } = this.#options;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Payloads of a fleet: nobody else's to read.
    const file = await this.#openFile(path, constants.O_CREAT | constants.O_RDWR, 0o600);
    try {
      const { size } = await file.stat();
      const start = await wholeLinesEnd(file, size);
      let bytes = start;
      const fitting = letters.filter(({ line }) => {
        bytes += line.length;
        return bytes <= maxBytes;
      });
      this.#warn(bytes, fitting.length < letters.length);
      if (fitting.length === 0) return 0;
      const lines = Buffer.concat(fitting.map(({ line }) => line));
      if (size > start) await file.truncate(start);
      const { bytesWritten } = await file.write(lines, 0, lines.length, start);
      if (bytesWritten < lines.length)
        throw new Error(`expected ${lines.length} bytes to be written, got ${bytesWritten}`);
      await file.datasync();
      if (size === 0) await syncDirectory(dirname(path));
      return fitting.length;
    } finally {
      await file.close();
    }
  }

  #warn(bytes: number, isFull: boolean): void {
    const { path, maxBytes, log } = this.#options;
    if (isFull && !this.#hasFailed) log.error({ path, maxBytes }, 'The dead-letter file is full: move it away');
    const isHalfFull = bytes > maxBytes / 2;
    if (isHalfFull && !this.#isHalfFull) log.warn({ path, bytes, maxBytes }, 'The dead-letter file is half full');
    this.#isHalfFull = isHalfFull;
  }
}

type File = Awaited<ReturnType<typeof open>>;

/** Behind the last whole line: a crash may have left the beginning of another. */
async function wholeLinesEnd(file: File, size: number): Promise<number> {
  const chunkBytes = 65_536;
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (newline >= 0) return start + newline + 1;
  }
  return 0;
}

function render({ rule, reason, message, attempts, arrivedWallMs }: DeadLetter) {
  const { topic, qos, retain, properties, payload } = message;
  return {
    at: new Date().toISOString(),
    ...{ rule, reason, attempts },
    arrivedAt: new Date(arrivedWallMs).toISOString(),
    ...{ topic, qos, retain },
    payloadBytes: payload.length,
    payload: payload.toString('base64'),
    ...(properties.length > 0 && { properties: properties.toString('base64') }),
  };
}
