import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { runSubscribeScript } from './subscribe-script.ts';

const folder = new URL('../scenario/subscribe/', import.meta.url);
const updates = process.env['UPDATE_SCENARIOS'] === '1';
const reviewRule = `Traces under test/scenario/subscribe are what a broker and a device see. UPDATE_SCENARIOS=1 writes them anew from
the commands above each ---- line; before they are committed, every changed line is read and its reason named in the commit.`;

const separator = '----';

/** Blocks are parted by an empty line: `#` lines, command lines, `----`, the trace. */
function runFile(text: string): string {
  const blocks = text.trimEnd().split(/\n{2,}/);
  return `${blocks.map(runBlock).join('\n')}`;
}

function runBlock(block: string): string {
  const lines = block.split('\n');
  const end = lines.indexOf(separator);
  const input = end < 0 ? lines : lines.slice(0, end);
  const commands = input.filter((line) => !line.startsWith('#'));
  return `${input.join('\n')}\n${separator}\n${runSubscribeScript(commands)}`;
}

describe('SUBSCRIBE and UNSUBSCRIBE, as in test/scenario/subscribe', () => {
  before(() => console.log(reviewRule));
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    test(name, () => {
      const file = new URL(name, folder);
      const expected = readFileSync(file, 'utf8');
      const actual = runFile(expected);
      if (updates) writeFileSync(file, actual);
      else assert.equal(actual, expected, reviewRule);
    });
  }
});
