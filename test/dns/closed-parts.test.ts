import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closedParts, renderClosedPart } from '../../src/dns/closed-parts.ts';
import type { SiteConditions } from '../../src/dns/site-choice.ts';
import { frontDoor, sampleFacts, sampleSite } from './steering-world.ts';

const [a, b] = [sampleSite('a'), sampleSite('b')];
const up = { health: 'up', drained: false } as const;
const down = { health: 'down', drained: false } as const;
const drained = { health: 'up', drained: true } as const;
const answerAll = {
  ...frontDoor,
  parts: { gateway: { sites: 'all', allDown: 'answer-all' }, bypass: { addresses: ['192.0.2.1'] } },
} as const;

function closed(rule: typeof frontDoor, conditions: SiteConditions): readonly string[] {
  const splits = [{ name: 'front-door', weights: { gateway: 500, bypass: 9_500 } }];
  return closedParts([rule], sampleFacts({ sites: [a, b], conditions, plan: { splits } })).map(renderClosedPart);
}

describe('a part without a site that can be answered with', () => {
  const text = 'no site is left for part gateway of split front-door: its networks (5%) are answered with';

  test('is closed once all are drained or down, and says what is answered instead', () => {
    assert.deepEqual(closed(frontDoor, { a: drained, b: up }), []);
    assert.deepEqual(closed(frontDoor, { a: drained, b: down }), [`${text} part bypass`]);
    assert.deepEqual(closed(answerAll, { a: drained, b: down }), [
      `${text} those that are not drained, whatever their health`,
    ]);
    assert.deepEqual(closed(answerAll, { a: drained, b: drained }), [
      `${text} all of them, drained or not (allDown: answer-all)`,
    ]);
  });

  test('has all networks where it is the first of a split without weights', () => {
    const [only] = closedParts([frontDoor], sampleFacts({ conditions: { a: drained } }));
    assert.equal(only?.weightBps, 10_000);
  });
});
