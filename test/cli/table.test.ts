import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStyle } from '../../src/cli/style.ts';
import { type Column, createTableStream, renderTable } from '../../src/cli/table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
}

const plain = createStyle(false);
const columns: readonly Column<Row>[] = [
  { title: 'NAME', value: ({ name }) => name, minWidth: 6 },
  { title: 'COUNT', value: ({ count }) => String(count), align: 'right' },
];

test('renderTable aligns columns by their longest cell and leaves no spaces at the end of a line', () => {
  const rows = [
    { name: 'a', count: 1 },
    { name: 'söner', count: 1_000_000 },
  ];
  assert.equal(
    renderTable(columns, rows, plain),
    ['NAME     COUNT', 'a            1', 'söner  1000000', ''].join('\n'),
  );
});

test('renderTable of no rows is its titles', () => {
  assert.equal(renderTable(columns, [], plain), 'NAME  COUNT\n');
});

test('renderTable spells out control characters, so that a client ID cannot drive the terminal', () => {
  const text = renderTable(columns, [{ name: 'x\u001b[2Jy\n\u202e', count: 1 }], createStyle(true));
  assert.ok(text.includes('x\\u001b[2Jy\\u000a\\u202e'), text);
});

test('renderTable paints a padded cell without breaking the alignment', () => {
  const painted: readonly Column<Row>[] = [
    { title: 'NAME', value: ({ name }) => name, paint: (_row, style) => style.bad },
    { title: 'COUNT', value: ({ count }) => String(count) },
  ];
  const [, line] = renderTable(painted, [{ name: 'a', count: 7 }], createStyle(true)).split('\n');
  assert.equal(line, '\u001b[31ma   \u001b[39m  7');
});

test('createTableStream keeps its widths and lets a long value overstep its own', () => {
  const stream = createTableStream(columns, plain);
  const lines = [stream.titles(), stream.row({ name: 'ab', count: 3 }), stream.row({ name: 'abcdefgh', count: 3 })];
  assert.deepEqual(lines, ['NAME    COUNT\n', 'ab          3\n', 'abcdefgh      3\n']);
});
