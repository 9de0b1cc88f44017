import { once } from 'node:events';
import { createReadStream, type WriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { errorMessage } from '../base/errors.ts';
import { usageFailure } from './command-failure.ts';
import { readCsvRows } from './csv-rows.ts';
import { write } from './terminal.ts';

const title = 'line,row,outcome,certificateId';
/** Begins the line that says whose account the lines behind it are about. */
const accountMark = 'account';

/**
 * The rows of a cohort's file that are done. A row is known by its line and a digest of what it says and asks for, a
 * 32-bit number other than 0: a row that changed is not done. 4 bytes a line.
 */
export class DoneRows {
  #digests = new Uint32Array(1_024);

  /**
   * From a record, those of one account; without `account` those of the last one. None where there is no file. A usage
   * failure where it is something else.
   */
  static async read(path: string, account?: string): Promise<DoneRows> {
    await requireRecord(path);
    let rows = new DoneRows();
    let current: string | undefined;
    for await (const { fields } of rowsOf(path)) {
      const [line = '', digest = '', outcome] = fields;
      if (line === accountMark) {
        if (account === undefined && digest !== current) rows = new DoneRows();
        current = digest;
      }
      const isRow = /^\d{1,9}$/.test(line) && /^[0-9a-f]{1,8}$/.test(digest) && outcome !== undefined;
      if (isRow && (account ?? current) === current) rows.add(Number(line), Number.parseInt(digest, 16));
    }
    return rows;
  }

  has(line: number, digest: number): boolean {
    return this.#digests[line] === digest;
  }

  add(line: number, digest: number): void {
    if (line >= this.#digests.length) {
      const larger = new Uint32Array(Math.max(line + 1, this.#digests.length * 2));
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests[line] = digest;
  }
}

/** The same in a file beside the cohort's, written row by row, so that a run that was ended goes on where it was. */
export class RegistrationRecord {
  readonly #path: string;
  readonly #stream: WriteStream;
  #rows = new DoneRows();

  private constructor(path: string, stream: WriteStream) {
    this.#path = path;
    this.#stream = stream;
  }

  /** Nothing is done in it before an account is entered. */
  static async open(path: string): Promise<RegistrationRecord> {
    await requireRecord(path);
    const isNew = (await sizeOf(path)) === 0;
    try {
      const stream = (await open(path, 'a')).createWriteStream();
      // A line that a killed run left unfinished ends here.
      await write(stream, isNew ? `${title}\n` : '\n');
      return new RegistrationRecord(path, stream);
    } catch (error) {
      throw usageFailure(`cannot write ${path}: ${errorMessage(error)}`, 'name another file with --progress');
    }
  }

  /** What was done in another account is not done. */
  async enter(account: string): Promise<void> {
    this.#rows = await DoneRows.read(this.#path, account);
    await write(this.#stream, `${accountMark},${account}\n`);
  }

  has(line: number, digest: number): boolean {
    return this.#rows.has(line, digest);
  }

  async add(line: number, digest: number, done: { readonly outcome: string; readonly certificateId: string }) {
    this.#rows.add(line, digest);
    await write(this.#stream, `${line},${digest.toString(16)},${done.outcome},${done.certificateId}\n`);
  }

  async close(): Promise<void> {
    this.#stream.end();
    await once(this.#stream, 'close');
  }
}

async function requireRecord(path: string): Promise<void> {
  for await (const { fields } of rowsOf(path)) {
    if (fields.join(',') === title) return;
    throw usageFailure(`${path} is no record of a registration`, 'name another file with --progress');
  }
}

/** None where there is no file. */
async function* rowsOf(path: string): AsyncGenerator<{ readonly fields: readonly string[] }> {
  if ((await sizeOf(path)) === 0) return;
  for await (const batch of readCsvRows(createReadStream(path))) yield* batch;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
