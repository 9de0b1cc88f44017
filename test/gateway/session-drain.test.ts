import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closesDue } from '../../src/gateway/session-drain.ts';

const pace = { deadlineMs: 11_050, quiesceMs: 1_000, perSecond: 10 };

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
