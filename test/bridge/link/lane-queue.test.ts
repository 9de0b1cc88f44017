import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LaneQueue } from '../../../src/bridge/link/lane-queue.ts';

test('a queue behaves as an array does, however it grows, shrinks and goes round', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 4, arbitrary: fc.record({ shift: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ unshift: fc.integer({ min: 0, max: 40 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new LaneQueue<number>();
      const model: number[] = [];
      let next = 0;
      for (const { push = 0, shift = 0, unshift = 0 } of steps as readonly Record<string, number>[]) {
        for (let count = 0; count < push; count += 1) {
          queue.push(next);
          model.push(next++);
        }
        for (let count = 0; count < shift; count += 1) assert.equal(queue.shift(), model.shift());
        const items = Array.from({ length: unshift }, () => next++);
        queue.unshift(items);
        model.unshift(...items);
        assert.equal(queue.first, model[0]);
        assert.equal(queue.length, model.length);
      }
      assert.deepEqual([...queue], model);
    }),
  );
});

test('a queue that was long gives all of it back in its order', () => {
  const queue = new LaneQueue<number>();
  for (let item = 0; item < 20_000; item += 1) queue.push(item);
  for (let item = 0; item < 20_000; item += 1) assert.equal(queue.shift(), item);
  assert.equal(queue.shift(), undefined);
});
