import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type HashedKind, pointOf, positionOf } from '../../src/plan/position.ts';

/** Contract section 1, with the position to four decimals as it is printed there. */
const vectors: readonly (readonly [string, HashedKind, string, number, string])[] = [
  ['demo', 'clientid', 'device-000001', 2831989789, '6593.7401'],
  ['demo', 'clientid', 'device-000002', 2152834305, '5012.4580'],
  ['demo', 'cn', 'device-000001', 1504251053, '3502.3574'],
  ['2026-fleet', 'clientid', 'device-000001', 3880890121, '9035.9014'],
  ['2026-fleet', 'clientid', 'söner/µ+#', 3693524335, '8599.6565'],
  ['', 'clientid', 'a', 1263703410, '2942.2888'],
  ['demo', 'fingerprint', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 2017998272, '4698.5184'],
  ['demo', 'serial', '1f', 3254100529, '7576.5432'],
  ['demo', 'username', 'meter|7', 2460765866, '5729.4170'],
  ['demo/everyone', 'clientid', 'device-000001', 2851113627, '6638.2662'],
  ['demo/everyone', 'clientid', 'device-000002', 543452460, '1265.3239'],
  ['demo/everyone', 'cn', 'device-000001', 2265851539, '5275.5967'],
  ['2026-fleet/wave 1', 'clientid', 'device-000001', 1309677401, '3049.3303'],
  ['demo', 'subnet', '198.51.100.0/24', 2434068114, '5667.2565'],
  ['demo', 'subnet', '2001:db8::/56', 1551696961, '3612.8260'],
];

const kinds = fc.constantFrom<HashedKind>('cn', 'fingerprint', 'serial', 'clientid', 'username', 'subnet');

describe('positionOf', () => {
  for (const [salt, kind, key, point, position] of vectors) {
    test(`vector ${JSON.stringify(salt)} ${kind} ${key}`, () => {
      assert.equal(pointOf(salt, kind, key), point);
      assert.equal(positionOf(salt, kind, key).toFixed(4), position);
    });
  }

  test('518, 488 and 30 of the ten thousand devices of the contract stand below 500', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `device-${String(index + 1).padStart(6, '0')}`);
    const byFleet = new Set(keys.filter((key) => positionOf('demo', 'clientid', key) < 500));
    const byCohort = new Set(keys.filter((key) => positionOf('demo/everyone', 'clientid', key) < 500));
    assert.deepEqual(
      [byFleet.size, byCohort.size, [...byFleet].filter((key) => byCohort.has(key)).length],
      [518, 488, 30],
    );
  });

  test('is 0 ≤ position < 10 000 and agrees with the formula written with createHash', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), kinds, fc.string({ unit: 'grapheme' }), (salt, kind, key) => {
        const digest = createHash('sha256').update('crossfade:v1|').update(`${salt}|${kind}|${key}`, 'utf8').digest();
        const position = positionOf(salt, kind, key);
        assert.equal(position, (digest.readUInt32BE(0) * 10000) / 4294967296);
        assert.ok(position >= 0 && position < 10_000);
      }),
    );
  });
});
