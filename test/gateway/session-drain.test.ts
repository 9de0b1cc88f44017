import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closesDue, shuffled } from '../../src/gateway/session-drain.ts';

const pace = { deadlineMs: 11_100, quiesceMs: 1_000, perSecond: 10 };

const rows: readonly (readonly [name: string, total: number, elapsedMs: number, due: number])[] = [
  ['few sessions go at the pace', 50, 1_000, 10],
  ['few sessions are gone long before the deadline', 50, 5_000, 50],
  ['many sessions go evenly over the deadline', 1_000, 1_000, 100],
  ['the last of many has its quiet moment before the deadline', 1_000, 10_000, 1_000],
  ['nobody goes twice', 50, 11_000, 50],
  ['without a session there is nothing to do', 0, 5_000, 0],
];
for (const [name, total, elapsedMs, due] of rows) {
  test(`a drain: ${name}`, () => assert.equal(closesDue(total, elapsedMs, pace), due));
}

test('a drain that has no time closes all at once', () => {
  assert.equal(closesDue(50, 0, { ...pace, deadlineMs: 500 }), 50);
});

test('a drain goes in no order: a cohort that came together does not go together', () => {
  const sessions = Array.from({ length: 1_000 }, (_, at) => at);
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const mixed = shuffled(sessions, random);
  assert.deepEqual(
    mixed.toSorted((a, b) => a - b),
    sessions,
    'each once',
  );
  const firstHalf = mixed.slice(0, 500).filter((at) => at < 500).length;
  assert.ok(firstHalf > 200 && firstHalf < 300, `${firstHalf} of the first half came first`);
});
