import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { splitPartAt } from '../../src/plan/split.ts';

const parts = ['gateway', 'bypass', 'direct'];

describe('splitPartAt', () => {
  test('the parts take consecutive ranges in their order, not in that of the weights', () => {
    const weights = { direct: 0, bypass: 9900, gateway: 100 };
    const at = (position: number) => splitPartAt(position, parts, weights);
    assert.deepEqual([0, 99.999, 100, 9999.999].map(at), ['gateway', 'gateway', 'bypass', 'bypass']);
  });

  test('without weights everything goes to the first part', () => {
    assert.equal(splitPartAt(9999, parts, undefined), 'gateway');
  });

  test('raising the first part only adds to it', () => {
    const positions = fc.double({ min: 0, max: 10_000, maxExcluded: true, noNaN: true });
    const weight = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(positions, weight, weight, (position, one, other) => {
        const partAt = (gateway: number) => splitPartAt(position, parts, { gateway, bypass: 10_000 - gateway });
        if (partAt(Math.min(one, other)) === 'gateway') assert.equal(partAt(Math.max(one, other)), 'gateway');
        assert.equal(partAt(one), position < one ? 'gateway' : 'bypass');
      }),
    );
  });
});
