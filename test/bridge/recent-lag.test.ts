import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RecentLag } from '../../src/bridge/link/recent-lag.ts';

describe('the lag of the last minute', () => {
  test('a quantile is at least the exact one and less than a quarter above it', () => {
    const lags = fc.array(fc.double({ min: 0.5, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(lags, fc.constantFrom(0.5, 0.9, 0.999), (values, share) => {
        const recent = new RecentLag(60_000);
        for (const value of values) recent.note(value, 0);
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] as number;
        const told = recent.quantile(share, 0) as number;
        assert.ok(told >= exact * 0.999_999 && told <= exact * 1.250_001, `${told} for ${exact}`);
      }),
    );
  });

  test('forgets what is older than the window, and tells nothing where nothing was', () => {
    const recent = new RecentLag(60_000);
    assert.equal(recent.quantile(0.5, 0), undefined);
    recent.note(1_000, 0);
    assert.ok((recent.quantile(0.5, 29_000) as number) >= 1_000);
    assert.ok((recent.quantile(0.5, 31_000) as number) >= 1_000);
    recent.note(10, 31_000);
    assert.ok((recent.quantile(0.999, 59_000) as number) >= 1_000);
    assert.ok((recent.quantile(0.999, 61_000) as number) < 20);
    assert.equal(recent.quantile(0.5, 200_000), undefined);
  });
});
