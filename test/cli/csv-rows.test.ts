import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CsvRow, readCsvRows } from '../../src/cli/csv-rows.ts';

async function read(...chunks: readonly (string | Buffer)[]): Promise<readonly CsvRow[]> {
  const rows: CsvRow[] = [];
  async function* input() {
    yield* chunks;
  }
  for await (const batch of readCsvRows(input())) rows.push(...batch);
  return rows;
}

describe('readCsvRows', () => {
  const rows: readonly (readonly [name: string, text: string, expected: readonly CsvRow[]])[] = [
    ['plain fields', 'a,b,c\n', [{ line: 1, fields: ['a', 'b', 'c'] }]],
    [
      'CRLF, an empty line and no last end',
      'a,b\r\n\r\nc,d',
      [
        { line: 1, fields: ['a', 'b'] },
        { line: 3, fields: ['c', 'd'] },
      ],
    ],
    ['quotes', '"a,""b""",,"c"\n', [{ line: 1, fields: ['a,"b"', '', 'c'] }]],
    ['an empty last field', 'a,\n', [{ line: 1, fields: ['a', ''] }]],
    ['a byte order mark', '\ufeffa,b\n', [{ line: 1, fields: ['a', 'b'] }]],
    ['a quote inside a plain field', 'a"b,c\n', [{ line: 1, fields: ['a"b', 'c'] }]],
    [
      'a quote without end, which costs its own row only',
      'a,"b\nc,d\n',
      [
        { line: 1, fields: ['a'], fault: 'a quoted field has no end, or something after it' },
        { line: 2, fields: ['c', 'd'] },
      ],
    ],
    [
      'text behind a quote',
      '"a"b,c\n',
      [{ line: 1, fields: [], fault: 'a quoted field has no end, or something after it' }],
    ],
  ];
  for (const [name, text, expected] of rows) {
    it(`reads ${name}, in one piece and byte by byte`, async () => {
      assert.deepEqual(await read(text), expected);
      assert.deepEqual(await read(...Array.from(Buffer.from(text), (byte) => Buffer.from([byte]))), expected);
    });
  }

  it('passes over a line that is too long without keeping it, and one that is not UTF-8', async () => {
    const long = Buffer.alloc(100_000, 0x61);
    const read4 = await read(
      'a,b\n',
      long,
      long,
      long,
      long,
      '\nc,d\n',
      Buffer.from([0xff, 0x2c, 0x61, 0x0a]),
      'e,f\n',
    );
    assert.deepEqual(
      read4.map((row) => ('fault' in row ? [row.line, row.fault] : [row.line, ...row.fields])),
      [
        [1, 'a', 'b'],
        [2, 'the line is longer than 270000 bytes'],
        [3, 'c', 'd'],
        [4, 'the line is not UTF-8'],
        [5, 'e', 'f'],
      ],
    );
  });
});
