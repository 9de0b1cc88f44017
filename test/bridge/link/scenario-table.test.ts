import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const folder = join(import.meta.dirname, '../../scenario/bridge');
const rows = readFileSync(join(folder, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| reported'))
  .map((line) => {
    const [, reported = '', transcripts = ''] = line.split('|');
    return { reported: reported.trim(), files: [...transcripts.matchAll(/\(([^)]+)\)/g)].map(([, file = '']) => file) };
  });

/** The comment that a transcript begins with: whose bugs it shows. */
function headOf(file: string): string {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  return lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('#')),
    )
    .join('\n');
}

describe('the table of what broke in other bridges', () => {
  for (const { reported, files } of rows) {
    test(`${reported}: has a transcript that names it`, () => {
      assert.ok(files.length > 0, 'no transcript');
      for (const file of files) {
        const head = headOf(file);
        for (const [issue] of reported.matchAll(/#\d+/g))
          assert.ok(head.includes(issue), `${file} does not name ${issue}`);
      }
    });
  }

  test('has every transcript', () => {
    const named = new Set(rows.flatMap(({ files }) => files));
    const present = readdirSync(folder).filter((name) => name.endsWith('.txt'));
    assert.deepEqual(
      present.filter((name) => !named.has(name)),
      [],
    );
  });
});
