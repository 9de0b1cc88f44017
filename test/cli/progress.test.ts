import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createProgress, renderBar } from '../../src/cli/progress.ts';
import { processTerminal } from '../../src/cli/terminal.ts';

function recorder() {
  const written: string[] = [];
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { stderr, written };
}

test('renderBar fills with the share that is done and fits the line', () => {
  assert.equal(
    renderBar({ done: 15, total: 30, text: 'moved' }, 80),
    `[${'#'.repeat(15)}${'.'.repeat(15)}] 15/30 moved`,
  );
  assert.equal(renderBar({ done: 0, total: 0, text: 'moved' }, 80), `[${'.'.repeat(30)}] 0/0 moved`);
  assert.equal(renderBar({ done: 9, total: 3, text: 'moved' }, 80), `[${'#'.repeat(30)}] 9/3 moved`);
  assert.equal(renderBar({ done: 1, total: 3, text: 'x'.repeat(100) }, 40).length, 39);
});

test('progress redraws one line on a terminal and ends it', () => {
  const { stderr, written } = recorder();
  const progress = createProgress({ stderr, canRedraw: true, columns: 80 });
  progress.update({ done: 1, total: 2, text: 'moved' });
  progress.update({ done: 2, total: 2, text: 'moved' });
  progress.end();
  assert.equal(written.length, 3);
  assert.ok(written.slice(0, 2).every((text) => text.startsWith('\r\u001b[2K[') && !text.includes('\n')));
  assert.equal(written[2], '\n');
});

test('progress is plain lines elsewhere, and only when there is news', () => {
  const { stderr, written } = recorder();
  const progress = createProgress({ stderr, canRedraw: false, columns: 80 });
  for (const done of [1, 1, 2]) progress.update({ done, total: 2, text: 'moved' });
  progress.update({ done: 3, total: undefined, text: 'sent' });
  progress.end();
  assert.deepEqual(written, ['1/2 moved\n', '2/2 moved\n', '3 sent\n']);
});

test('a terminal that says it has no columns is taken for one of 80', (context) => {
  const before = Object.getOwnPropertyDescriptor(process.stderr, 'columns');
  Object.defineProperty(process.stderr, 'columns', { configurable: true, value: 0 });
  context.after(() => {
    if (before === undefined) Reflect.deleteProperty(process.stderr, 'columns');
    else Object.defineProperty(process.stderr, 'columns', before);
  });
  assert.equal(processTerminal().columns, 80);
});
