import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ZoneConfiguration } from '../../src/config/configuration.ts';
import { inOrderOfParts, storedSplitMistakes, unknownPartMistakes } from '../../src/config/split-agreement.ts';
import { snapshotOf } from '../plan/sample-plan.ts';

const steering: ZoneConfiguration['steering'] = [
  {
    ...{ owner: '@', by: 'split', ttl: 30, split: 'front-door' },
    parts: { gateway: { sites: 'all', allDown: 'answer-all' }, old: { addresses: ['192.0.2.1'] } },
  },
];
const nameserver = { zones: [{ origin: 'mqtt.example.com', file: 'zone', steering }] };
const weightsOf = (name: string, weights: Readonly<Record<string, number>>) => [{ name, weights }];

describe('the splits of a stored plan', () => {
  test('fit where every part with a share is configured', () => {
    assert.deepEqual(storedSplitMistakes([], nameserver), []);
    assert.deepEqual(storedSplitMistakes(weightsOf('front-door', { gateway: 5_000, old: 5_000 }), nameserver), []);
    assert.deepEqual(storedSplitMistakes(weightsOf('front-door', { gateway: 10_000, gone: 0 }), nameserver), []);
    assert.deepEqual(storedSplitMistakes(weightsOf('front-door', { gone: 10_000 }), undefined), []);
  });

  test('do not fit where a part with a share is gone, for example because it was renamed', () => {
    const [mistake, ...others] = storedSplitMistakes(
      weightsOf('front-door', { gateway: 6_000, bypass: 4_000 }),
      nameserver,
    );
    assert.deepEqual(others, []);
    assert.match(
      mistake ?? '',
      /^split "front-door" gives 40% to part "bypass", which the steering of @ of mqtt\.example\.com does not have \(gateway, old\)/,
    );
  });

  test('do not fit where parts with shares stand in another order', () => {
    const turned = weightsOf('front-door', { old: 9_900, gateway: 100 });
    const [mistake, ...others] = storedSplitMistakes(turned, nameserver);
    assert.deepEqual(others, []);
    assert.match(mistake ?? '', /^split "front-door" has its parts in the order old, gateway, .* order gateway, old/);
    assert.deepEqual(storedSplitMistakes(weightsOf('front-door', { old: 10_000, gateway: 0 }), nameserver), []);
  });

  test('fit where one of several names has the parts in the stored order', () => {
    const [first] = steering;
    const second = { owner: 'b', by: 'split', ttl: 30, split: 'front-door' } as const;
    const parts = { old: { addresses: ['192.0.2.1'] }, gateway: { sites: 'all', allDown: 'answer-all' } } as const;
    const both = {
      zones: [{ origin: 'x.example', file: 'zone', steering: first ? [first, { ...second, parts }] : [] }],
    };
    for (const weights of [
      { old: 1, gateway: 9_999 },
      { gateway: 9_999, old: 1 },
    ]) {
      assert.deepEqual(storedSplitMistakes(weightsOf('front-door', weights), both), []);
    }
  });

  test('are written in the order of the parts, whatever order a plan came in', () => {
    const splits = weightsOf('front-door', { gone: 0, old: 9_900, gateway: 100 });
    const arranged = inOrderOfParts({ ...snapshotOf({}).plan, splits }, nameserver);
    assert.deepEqual(
      JSON.stringify(arranged.splits),
      JSON.stringify(weightsOf('front-door', { gateway: 100, old: 9_900, gone: 0 })),
    );
    assert.deepEqual(inOrderOfParts({ ...snapshotOf({}).plan, splits }, undefined).splits, splits);
  });

  test('do not fit where the split itself was renamed', () => {
    const [mistake] = storedSplitMistakes(weightsOf('door', { gateway: 100, old: 9_900 }), nameserver);
    assert.match(mistake ?? '', /no weights of split "front-door".*all would go to "gateway".*those of "door"/);
  });
});

test('every part of a split in a new plan must be configured', () => {
  const mistakes = unknownPartMistakes(weightsOf('front-door', { gateway: 10_000, bypass: 0 }), nameserver);
  assert.deepEqual(mistakes, [
    {
      path: ['splits', 0, 'weights', 'bypass'],
      message: 'expected a part of the steering (gateway, old), got "bypass"',
    },
  ]);
  assert.deepEqual(unknownPartMistakes(weightsOf('another', { bypass: 1 }), nameserver), []);
});
