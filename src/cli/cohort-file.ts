import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import type { Result } from '../base/result.ts';
import type { DeviceKeyKind } from '../plan/device-key.ts';
import { type CohortColumns, type CohortRow, parseCohortColumns, readCohortRow } from './cohort-rows.ts';
import { usageFailure } from './command-failure.ts';
import { readCsvRows } from './csv-rows.ts';

/** A row of a cohort's file, or what is wrong with it. */
export interface CohortEntry {
  readonly line: number;
  readonly row: Result<CohortRow>;
}

/** The devices of a CSV file, one after the other: it may be larger than memory. */
export async function* readCohortFile(path: string, deviceKind: DeviceKeyKind): AsyncGenerator<CohortEntry> {
  let columns: CohortColumns | undefined;
  for await (const rows of readCsvRows(createReadStream(path))) {
    for (const row of rows) {
      if (columns === undefined) {
        const parsed = parseCohortColumns(row);
        if (!parsed.ok) throw usageFailure(`${path}: ${parsed.error}`);
        columns = parsed.value;
        continue;
      }
      yield { line: row.line, row: await readCohortRow(row, { columns, deviceKind, directory: dirname(path) }) };
    }
  }
}

/** Rows below the first line, for an estimate; empty lines at the end aside. */
export async function countCohortRows(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    throw usageFailure(`cannot read ${path}: ${errorMessage(error)}`);
  });
  if (!found.isFile()) throw usageFailure(`${path} is no file: expected a CSV file`);
  let lines = 0;
  let last = newline;
  for await (const chunk of createReadStream(path)) {
    const bytes = chunk as Buffer;
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines += 1;
    last = bytes.at(-1) ?? last;
  }
  return Math.max(0, lines - (last === newline ? 1 : 0));
}

const newline = 0x0a;
