import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createTokenBucket } from '../../src/base/rates.ts';

/** The most tokens that a window of just under one second saw: the obvious way, one window from every grant. */
function busiestSecond(grantsMs: readonly number[]): number {
  let busiest = 0;
  let end = 0;
  grantsMs.forEach((startMs, start) => {
    while (end < grantsMs.length && (grantsMs[end] ?? 0) < startMs + 1000 - 1e-3) end += 1;
    busiest = Math.max(busiest, end - start);
  });
  return busiest;
}

const gapsMs = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.double({ min: 0, max: 40, noNaN: true }),
    fc.integer({ max: 1500, min: 0 }),
  ),
  { maxLength: 300 },
);

describe('createTokenBucket', () => {
  test('no window of one second sees more tokens than the rate, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 31, max: 3000 })),
        fc.boolean(),
        gapsMs,
        fc.integer({ min: 1, max: 400 }),
        (ratePerSecond, startsFull, gaps, takesAtOnce) => {
          const bucket = createTokenBucket({ ratePerSecond, startsFull });
          const grants: number[] = [];
          let nowMs = 12.5;
          for (const gapMs of gaps) {
            nowMs += gapMs;
            for (let take = 0; take < takesAtOnce && bucket.take(nowMs); take += 1) grants.push(nowMs);
          }
          assert.ok(busiestSecond(grants) <= ratePerSecond, `${busiestSecond(grants)} in a second`);
        },
      ),
    );
  });

  test('a taker that always wants gets at least nine tenths of the rate', () => {
    for (const ratePerSecond of [1, 2, 3, 7, 9, 10, 19, 20, 99, 500, 2000]) {
      const bucket = createTokenBucket({ ratePerSecond });
      let granted = 0;
      for (let nowMs = 0; nowMs <= 20_000; nowMs += 1) while (bucket.take(nowMs)) granted += 1;
      assert.ok(granted >= Math.floor(20 * ratePerSecond * 0.9) - 1, `${ratePerSecond}/s: ${granted} in 20 s`);
      assert.ok(granted <= 20 * ratePerSecond, `${ratePerSecond}/s: ${granted} in 20 s`);
    }
  });

  test('take succeeds at nextAtMs, and a whole millisecond earlier it does not', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 3000, noNaN: true }), gapsMs, (ratePerSecond, gaps) => {
        let nowMs = 0;
        const bucket = createTokenBucket({ ratePerSecond });
        for (const gapMs of gaps) {
          nowMs += gapMs;
          const nextMs = bucket.nextAtMs(nowMs);
          assert.ok(nextMs >= nowMs);
          if (nextMs - 1 > nowMs) assert.equal(bucket.take(nextMs - 1.001), false);
          assert.equal(bucket.take(nextMs), true);
          nowMs = nextMs;
        }
      }),
    );
  });

  test('starts empty unless told to start full', () => {
    assert.equal(createTokenBucket({ ratePerSecond: 100 }).take(5), false);
    const full = createTokenBucket({ ratePerSecond: 100, startsFull: true });
    assert.deepEqual(
      Array.from({ length: 11 }, () => full.take(5)),
      [...Array.from({ length: 10 }, () => true), false],
    );
  });

  test('a rate below one grants one token every 1/rate seconds', () => {
    const bucket = createTokenBucket({ ratePerSecond: 0.5, startsFull: true });
    assert.equal(bucket.take(0), true);
    assert.equal(bucket.take(1999), false);
    assert.equal(bucket.nextAtMs(1999), 2000);
    assert.equal(bucket.take(2000), true);
  });

  test('a clock that steps back grants nothing and loses nothing', () => {
    const bucket = createTokenBucket({ ratePerSecond: 1, startsFull: true });
    assert.equal(bucket.take(10_000), true);
    assert.equal(bucket.take(0), false);
    assert.equal(bucket.nextAtMs(0), 11_000);
    assert.equal(bucket.take(10_999), false);
    assert.equal(bucket.take(11_000), true);
  });

  test('refuses a rate that is not above 0', () => {
    for (const ratePerSecond of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => createTokenBucket({ ratePerSecond }), /expected a rate above 0/);
    }
  });
});

describe('a token bucket whose takers want several at once', () => {
  test('no second sees more than the rate and what one taker wants, whatever was spent unasked', () => {
    const ratePerSecond = 500;
    const bucket = createTokenBucket({ ratePerSecond });
    const wanted = [8, 50, 3, 20, 1, 50];
    let given = 0;
    for (let nowMs = 0, turn = 0; nowMs < 10_000; ) {
      const tokens = wanted[turn % wanted.length] as number;
      if (!bucket.take(nowMs, tokens)) {
        const nextMs = bucket.nextAtMs(nowMs, tokens);
        assert.ok(nextMs > nowMs, `at ${nowMs}`);
        nowMs = nextMs;
        continue;
      }
      given += tokens;
      turn += 1;
      assert.ok(given <= 50 + (ratePerSecond * nowMs) / 1_000, `${given} within ${nowMs} ms`);
    }
    assert.ok(given > 0.89 * ratePerSecond * 10, `${given}`);
  });

  test('more than it holds are given when it is full, and are made up for before the next', () => {
    const bucket = createTokenBucket({ ratePerSecond: 100, startsFull: true });
    assert.equal(bucket.take(0, 100), true);
    assert.equal(bucket.nextAtMs(0, 1), 1_012, 'ninety tokens of debt and one');
    assert.equal(bucket.take(1_011, 1), false);
    assert.equal(bucket.take(1_012, 1), true);
  });

  test('what is spent unasked delays the next taker, by a second at most', () => {
    const bucket = createTokenBucket({ ratePerSecond: 100, startsFull: true });
    bucket.spend(0, 55);
    assert.equal(bucket.nextAtMs(0, 1), 512);
    bucket.spend(0, 1_000_000);
    assert.equal(bucket.nextAtMs(0, 1), 1_012);
  });
});
