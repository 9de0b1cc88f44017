import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matchesTopicFilter, topicFilterFault } from '../../src/mqtt/topic.ts';
import { filtersIntersect, literalPrefix } from '../../src/mqtt/topic-range.ts';

/** All texts of up to `levels` levels out of these words. */
function enumerate(words: readonly string[], levels: number): string[] {
  let texts = [...words];
  const all = [...texts];
  for (let level = 1; level < levels; level += 1) {
    texts = texts.flatMap((text) => words.map((word) => `${text}/${word}`));
    all.push(...texts);
  }
  return all;
}

describe('filtersIntersect', () => {
  test('says the same as trying every topic of a small world, for every pair of its filters', () => {
    const topics = enumerate(['a', 'b', '', '$x'], 4).filter((topic) => topic !== '');
    const filters = enumerate(['a', '', '+', '#', '$x'], 3).filter((filter) => topicFilterFault(filter) === undefined);
    assert.ok(filters.length > 60);
    const matchesOf = new Map(
      filters.map((filter) => [filter, new Set(topics.filter((topic) => matchesTopicFilter(filter, topic)))]),
    );
    for (const [left, lefts] of matchesOf) {
      for (const [right, rights] of matchesOf) {
        const expected = [...lefts].some((topic) => rights.has(topic));
        assert.equal(filtersIntersect(left, right), expected, `${left} and ${right}`);
      }
    }
  });

  test('is the same both ways', () => {
    assert.equal(filtersIntersect('a/#', 'a'), true);
    assert.equal(filtersIntersect('a', 'a/#'), true);
    assert.equal(filtersIntersect('$SYS/#', '#'), false);
  });
});

test('literalPrefix is what every match begins with', () => {
  assert.equal(literalPrefix('dt/a/+/b'), 'dt/a/');
  assert.equal(literalPrefix('dt/a'), 'dt/a');
  assert.equal(literalPrefix('#'), '');
});
