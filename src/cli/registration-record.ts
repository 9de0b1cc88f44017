import { once } from 'node:events';
import { createReadStream, type WriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { errorMessage } from '../base/errors.ts';
import { usageFailure } from './command-failure.ts';
import { readCsvRows } from './csv-rows.ts';
import { write } from './terminal.ts';

const title = 'line,row,outcome,certificateId';

/**
 * The rows of a cohort's file that are done. A row is known by its line and a digest of what it says and asks for, a
 * 32-bit number other than 0: a row that changed is not done. 4 bytes a line.
 */
export class DoneRows {
  #digests = new Uint32Array(1_024);

  /** From a record; none where there is no file. A usage failure where it is something else. */
  static async read(path: string): Promise<DoneRows> {
    const rows = new DoneRows();
    if ((await sizeOf(path)) === 0) return rows;
    let isFirst = true;
    for await (const batch of readCsvRows(createReadStream(path))) {
      for (const { fields } of batch) {
        if (isFirst && fields.join(',') !== title) {
          throw usageFailure(`${path} is no record of a registration`, 'name another file with --progress');
        }
        isFirst = false;
        const [line = '', digest = '', outcome] = fields;
        const isRow = /^\d{1,9}$/.test(line) && /^[0-9a-f]{1,8}$/.test(digest) && outcome !== undefined;
        if (isRow) rows.add(Number(line), Number.parseInt(digest, 16));
      }
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
  readonly #stream: WriteStream;
  readonly #rows: DoneRows;

  private constructor(stream: WriteStream, rows: DoneRows) {
    this.#stream = stream;
    this.#rows = rows;
  }

  static async open(path: string): Promise<RegistrationRecord> {
    const rows = await DoneRows.read(path);
    const isNew = (await sizeOf(path)) === 0;
    try {
      const stream = (await open(path, 'a')).createWriteStream();
      // A line that a killed run left unfinished ends here.
      await write(stream, isNew ? `${title}\n` : '\n');
      return new RegistrationRecord(stream, rows);
    } catch (error) {
      throw usageFailure(`cannot write ${path}: ${errorMessage(error)}`, 'name another file with --progress');
    }
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

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
