import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLines } from '../../src/cli/line-reader.ts';

async function read(...chunks: readonly (Buffer | string)[]) {
  const texts: string[] = [];
  async function* input() {
    yield* chunks;
  }
  for await (const lines of readLines(input())) {
    if (!lines.ok) return { texts, error: lines.error };
    texts.push(...lines.value.map(({ text }) => text));
  }
  return { texts };
}

test('readLines takes LF, CRLF and a last line without an end', async () => {
  assert.deepEqual(await read('a\nb\r\n', 'c'), { texts: ['a', 'b', 'c'] });
  assert.deepEqual(await read('a\n'), { texts: ['a'] });
  assert.deepEqual(await read(), { texts: [] });
});

test('readLines gives the same lines however the bytes are cut', async () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\r\n]/.test(text));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(40)), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const ends = [...cuts, bytes.length].sort((first, second) => first - second);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(await read(...chunks), { texts: lines });
    }),
  );
});

const mistakes: readonly (readonly [
  name: string,
  chunks: readonly (Buffer | string)[],
  before: string[],
  error: RegExp,
])[] = [
  ['an empty line', ['a\n', '\nb\n'], ['a'], /^line 2 is empty/],
  ['an empty line with CR', ['a\nb\n\r\n'], ['a', 'b'], /^line 3 is empty/],
  ['bytes that are no UTF-8', [Buffer.from('a\nb\xff\n', 'latin1')], ['a'], /^line 2 is not UTF-8$/],
  ['a last line that is no UTF-8', [Buffer.from('a\n\xc3', 'latin1')], ['a'], /^line 2 is not UTF-8$/],
  ['a line beyond the bound', ['a\n', 'x'.repeat(65_536), '\n'], ['a'], /^line 2 is longer than 65535 bytes/],
  ['an endless line', ['x'.repeat(40_000), 'x'.repeat(40_000)], [], /^line 1 is longer than 65535 bytes/],
];

for (const [name, chunks, before, error] of mistakes) {
  test(`readLines refuses ${name}, names the line and keeps the lines before it`, async () => {
    const answer = await read(...chunks);
    assert.deepEqual(answer.texts, before);
    assert.match(answer.error ?? '', error);
  });
}

test('readLines keeps the replacement character when it was really sent', async () => {
  assert.deepEqual(await read('a\ufffdb\n'), { texts: ['a\ufffdb'] });
});
