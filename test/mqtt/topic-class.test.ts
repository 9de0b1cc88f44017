import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesTopicFilter, topicFilterFault } from '../../src/mqtt/topic.ts';
import { type CarryingRule, isCarried, topicClass } from '../../src/mqtt/topic-class.ts';
import { isRangeCovered } from '../../src/mqtt/topic-range.ts';
import { unchangedTopic } from '../../src/mqtt/topic-rule.ts';

const pair = { source: 'legacy', target: 'aws' };

function rule(from: string, to: string, filter: string, topicChange = unchangedTopic): CarryingRule {
  return { from, to, filter, topicChange };
}

const up = (filter: string) => rule('aws', 'legacy', filter);
const down = (filter: string) => rule('legacy', 'aws', filter);

test('a filter has the class of what carries its whole range', () => {
  const rules = [up('dt/#'), down('cmd/#'), up('chat/#'), down('chat/#')];
  assert.equal(topicClass('dt/7/state', pair, rules), 'to-source');
  assert.equal(topicClass('cmd/+/reboot', pair, rules), 'to-target');
  assert.equal(topicClass('chat/room', pair, rules), 'mirrored');
  assert.equal(topicClass('other', pair, rules), 'unbridged');
  assert.equal(topicClass('+/7/state', pair, rules), 'unbridged', 'only a part of the range is carried');
});

test('rules between other brokers carry nothing here', () => {
  assert.equal(topicClass('dt/7', pair, [rule('aws', 'archive', '#'), rule('archive', 'legacy', '#')]), 'unbridged');
});

test('a rule that changes the topic carries another one', () => {
  const changing = rule('aws', 'legacy', 'dt/#', { stripPrefix: '', addPrefix: 'from-aws/' });
  assert.equal(topicClass('dt/7', pair, [changing]), 'unbridged');
  const same = rule('aws', 'legacy', 'dt/#', { stripPrefix: 'dt/', addPrefix: 'dt/' });
  assert.equal(topicClass('dt/7', pair, [same]), 'to-source');
});

const rows: readonly (readonly [inner: string, covers: readonly string[], isCovered: boolean])[] = [
  ['a/b', ['a/b'], true],
  ['a/b', ['a/+'], true],
  ['a/+', ['a/b', 'a/c'], false],
  ['a', ['a/#'], true],
  ['a/#', ['a/+/#'], false],
  ['a/#', ['a', 'a/+/#'], true],
  ['a/#', ['a', 'a/+', 'a/+/+/#'], true],
  ['a/#', ['a', 'a/+/+/#'], false],
  ['#', ['+', '+/+/#'], true],
  ['#', ['+/#'], true],
  ['+/#', ['#'], true],
  ['/#', ['/+/#', '+/+'], true],
  ['$SYS/x', ['#'], false],
  ['$SYS/x', ['$SYS/#'], true],
  ['$share/x', ['+/x'], false],
];

for (const [inner, covers, isCovered] of rows) {
  test(`${inner} is ${isCovered ? '' : 'not '}inside ${covers.join(', ')}`, () => {
    assert.equal(isRangeCovered(inner, covers), isCovered);
  });
}

const level = fc.constantFrom('', 'a', 'b', '$c');
const topic = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))
  .filter((name) => name !== '');
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
  .filter((text) => text !== '' && topicFilterFault(text) === undefined);

test('what is carried is carried for every topic of the range', () => {
  fc.assert(
    fc.property(filter, fc.array(filter, { maxLength: 4 }), topic, (inner, filters, name) => {
      const rules = filters.map(up);
      if (!isCarried(inner, { from: 'aws', to: 'legacy' }, rules) || !matchesTopicFilter(inner, name)) return;
      assert.ok(
        filters.some((each) => matchesTopicFilter(each, name)),
        name,
      );
    }),
    { numRuns: 20_000 },
  );
});

test('what is not carried has a topic that no rule takes', () => {
  // Names that no filter spells out: a level `z`, deeper than any filter.
  const names = (inner: string) => {
    const levels = inner.split('/').map((each) => (each === '+' ? 'z' : each));
    if (levels.at(-1) !== '#') return [levels.join('/')];
    const prefix = levels.slice(0, -1);
    return [0, 1, 2, 3, 4, 5, 6].map((more) => [...prefix, ...Array.from({ length: more }, () => 'z')].join('/'));
  };
  fc.assert(
    fc.property(filter, fc.array(filter, { maxLength: 4 }), (inner, filters) => {
      if (isRangeCovered(inner, filters)) return;
      const lost = names(inner).filter(
        (name) =>
          name !== '' && matchesTopicFilter(inner, name) && !filters.some((each) => matchesTopicFilter(each, name)),
      );
      assert.ok(lost.length > 0, `${inner} in ${filters.join(' ')}`);
    }),
    { numRuns: 20_000 },
  );
});

test('more rules never carry less', () => {
  fc.assert(
    fc.property(filter, fc.array(filter, { maxLength: 3 }), filter, (inner, filters, more) => {
      if (isRangeCovered(inner, filters)) assert.ok(isRangeCovered(inner, [...filters, more]));
    }),
  );
});
