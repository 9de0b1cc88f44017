import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LoopBreaker } from '../../../src/bridge/link/loop-breaker.ts';

test('a message spins when it came more often than that within the window, whatever else came', () => {
  const step = fc.record({
    payload: fc.integer({ min: 0, max: 5 }),
    afterMs: fc.constantFrom(0, 0, 1, 20, 49, 60, 120),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const breaker = new LoopBreaker({ repeats: 3, windowMs: 100 });
      let nowMs = 0;
      const came: { readonly payload: number; readonly atMs: number }[] = [];
      for (const { payload, afterMs } of steps) {
        nowMs += afterMs;
        came.push({ payload, atMs: nowMs });
        const timesWithin = (ms: number) =>
          came.filter((other) => other.payload === payload && other.atMs > nowMs - ms).length;
        const spins = breaker.spins('dt/a', Buffer.from(`payload ${payload}`), nowMs);
        // To half a window: what came in the last half counts for sure, what is older than one and a half never.
        if (spins) assert.ok(timesWithin(151) > 3, 'it did not come that often');
        else assert.ok(timesWithin(50) <= 3, 'it came more often');
      }
    }),
  );
});

test('thousands of different messages are not taken for one, and one among them is noticed', () => {
  const breaker = new LoopBreaker({ repeats: 50, windowMs: 1_000 });
  const payload = Buffer.alloc(20);
  for (let number = 0; number < 50_000; number += 1) {
    payload.writeUInt32LE(number, 13);
    assert.equal(breaker.spins('dt/a', payload, 1), false, `message ${number}`);
  }
  const again = Buffer.from('again');
  assert.equal(Array.from({ length: 51 }, () => breaker.spins('dt/a', again, 1)).indexOf(true), 50);
});
