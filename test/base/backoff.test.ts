import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { backoffDelayMs } from '../../src/base/backoff.ts';

const options = { baseMs: 100, maxMs: 30_000 };

describe('backoffDelayMs', () => {
  test('the bound doubles from the base to the maximum', () => {
    const bounds = [0, 1, 2, 8, 9, 5000].map((attempt) => backoffDelayMs(attempt, 0.5, options));
    assert.deepEqual(bounds, [50, 100, 200, 12_800, 15_000, 15_000]);
  });

  test('is never negative and never at or above the bound', () => {
    const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(2000), randoms, (attempt, random) => {
        const delayMs = backoffDelayMs(attempt, random, options);
        assert.ok(delayMs >= 0 && delayMs < Math.min(30_000, 100 * 2 ** attempt));
      }),
    );
  });
});
