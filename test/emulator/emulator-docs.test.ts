import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brokerTerms, defaultVariants } from '../../src/emulator/data/broker-terms.ts';
import { refusalRules } from '../../src/emulator/data/refusal.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const words = (text: string) => [...text.matchAll(/`([\w-]+)`/g)].flatMap(([, word]) => word ?? []);

test('docs/aws-emulator.md names every variant', () => {
  const named = new Set(words(read('aws-emulator.md')));
  assert.deepEqual(
    Object.keys(defaultVariants).filter((variant) => !named.has(variant)),
    [],
  );
});

test('docs/aws-emulator.md lists every refusal, and no other', () => {
  const text = read('aws-emulator.md');
  const start = text.indexOf('`handshake-refused`');
  assert.deepEqual(words(text.slice(start, text.indexOf('\n', start))), Object.keys(refusalRules));
});

test('docs/limits.md has the emulator’s bounds with their values', () => {
  const text = read('limits.md');
  const section = text.slice(text.indexOf('## The AWS IoT emulator'));
  const rows = [...section.matchAll(/^\| `(\w+)` \| (\d+)/gm)].map(([, name, value]) => [name, Number(value)]);
  const { bounds, firstPacketMs } = brokerTerms();
  const ofBroker = rows.filter(([name]) => Object.hasOwn(bounds, name as string));
  assert.deepEqual(Object.fromEntries(ofBroker), bounds);
  assert.equal(firstPacketMs, 30_000);
});
