import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceSet } from './sequence-set.ts';

test('a sequence set tells what is missing, and what came again', () => {
  const set = new SequenceSet();
  for (const number of [1, 2, 300, 2, 4]) set.add(number);
  assert.deepEqual([set.count, set.largest, set.duplicates], [4, 300, 1]);
  assert.deepEqual(set.missing(5), [3, 5]);
  assert.equal(set.missing(300).length, 296);
  assert.ok(!set.has(10_000));
});
