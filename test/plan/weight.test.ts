import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseWeight, renderWeight } from '../../src/plan/weight.ts';

describe('parseWeight', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['5%', 500],
    ['0.01%', 1],
    ['500bps', 500],
    ['0%', 0],
    ['0bps', 0],
    ['100%', 10_000],
    ['100.00%', 10_000],
    ['10000bps', 10_000],
    ['12.5%', 1250],
    ['0.29%', 29],
    ['1.10000%', 110],
    ['5 %', 500],
    [' 5% ', 500],
  ];
  for (const [text, bps] of rows) {
    test(`${JSON.stringify(text)} is ${bps}`, () => assert.deepEqual(parseWeight(text), { ok: true, value: bps }));
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['0.001%', /finer than 0\.01%/],
    ['5.005%', /finer than 0\.01%/],
    ['0.5bps', /finer than 0\.01%/],
    ['101%', /up to 100%/],
    ['100.01%', /up to 100%/],
    ['10001bps', /up to 100%/],
    ['5', /got "5"/],
    ['', /got ""/],
    ['-5%', /got "-5%"/],
    ['5e1%', /expected a weight/],
    ['.5%', /expected a weight/],
    ['5.%', /expected a weight/],
    ['5‰', /expected a weight/],
    ['five%', /expected a weight such as 5%, 0\.01% or 500bps/],
    ['NaNbps', /expected a weight/],
  ];
  for (const [text, message] of refused) {
    test(`${JSON.stringify(text)} is refused`, () => {
      const parsed = parseWeight(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, message);
    });
  }

  test('reads back every weight as it is shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (bps) => {
        for (const text of [renderWeight(bps), `${bps}bps`, `${(bps / 100).toFixed(2)}%`]) {
          assert.deepEqual(parseWeight(text), { ok: true, value: bps });
        }
      }),
    );
  });
});

describe('renderWeight', () => {
  test('is per cent, as short as it is exact', () => {
    assert.deepEqual([0, 1, 29, 500, 1250, 10_000].map(renderWeight), ['0%', '0.01%', '0.29%', '5%', '12.5%', '100%']);
  });
});
