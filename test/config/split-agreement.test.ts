import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ZoneConfiguration } from '../../src/config/configuration.ts';
import { storedSplitMistakes, unknownPartMistakes } from '../../src/config/split-agreement.ts';

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
