import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesTopicFilter, parseTopicFilter, topicFilterFault, topicNameFault } from '../../src/mqtt/topic.ts';
import { anyFilter, anyTopicName } from './packet-arbitraries.ts';

describe('topicNameFault', () => {
  for (const topic of ['a', '/', '//', ' ', '$SYS/x', '$share/s/a', 'ä/ö', '\ufeff', 'a b']) {
    it(`takes ${JSON.stringify(topic)}`, () => assert.equal(topicNameFault(topic), undefined));
  }
  for (const topic of ['', '+', '#', 'a/+', 'a#', 'a\0b']) {
    it(`refuses ${JSON.stringify(topic)}`, () => assert.ok(topicNameFault(topic)));
  }
});

describe('topicFilterFault', () => {
  const good = ['#', '+', '/', '+/#', '/+', 'a/+/b', 'a/#', '+/+', '$SYS/#', '$share', '$share/s/#', '$share/s//'];
  for (const filter of good) {
    it(`takes ${JSON.stringify(filter)}`, () => assert.equal(topicFilterFault(filter), undefined));
  }
  const bad = ['', 'a+', '+a', 'a/+b', 'a#', '#a', '#/', 'a/#/b', '##', '++', 'a\0', '/#/', '+#'];
  const badShares = [
    '$share/',
    '$share/s',
    '$share/s/',
    '$share//a',
    '$share/+/a',
    '$share/#',
    '$share/s#/a',
    '$share/s/a#',
  ];
  for (const filter of [...bad, ...badShares]) {
    it(`refuses ${JSON.stringify(filter)}`, () => assert.ok(topicFilterFault(filter)));
  }

  it('judges as an expression over levels does', () => {
    const anyWild = fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '$'), maxLength: 8 });
    fc.assert(
      fc.property(anyWild, (filter) => {
        const isGood = /^(([^+#/]*|\+)\/)*([^+#/]*|\+|#)$/.test(filter) && filter !== '';
        assert.equal(topicFilterFault(filter) === undefined, isGood, filter);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('parseTopicFilter', () => {
  const rows: [string, ReturnType<typeof parseTopicFilter>][] = [
    ['a', { shareName: undefined, filter: 'a', hasWildcard: false, slashes: 0 }],
    ['/a//', { shareName: undefined, filter: '/a//', hasWildcard: false, slashes: 3 }],
    ['a/+/b', { shareName: undefined, filter: 'a/+/b', hasWildcard: true, slashes: 2 }],
    ['#', { shareName: undefined, filter: '#', hasWildcard: true, slashes: 0 }],
    ['$share/s/a/#', { shareName: 's', filter: 'a/#', hasWildcard: true, slashes: 1 }],
    ['$share/s//', { shareName: 's', filter: '/', hasWildcard: false, slashes: 1 }],
    ['$share', { shareName: undefined, filter: '$share', hasWildcard: false, slashes: 0 }],
    ['$shared/s/a', { shareName: undefined, filter: '$shared/s/a', hasWildcard: false, slashes: 2 }],
  ];
  for (const [text, parsed] of rows) it(`takes ${text} apart`, () => assert.deepEqual(parseTopicFilter(text), parsed));

  it('gives a filter without a fault back, whatever it was made of', () => {
    fc.assert(
      fc.property(anyFilter, (text) => {
        assert.equal(topicFilterFault(text), undefined);
        const { shareName, filter } = parseTopicFilter(text);
        assert.equal(shareName === undefined ? filter : `$share/${shareName}/${filter}`, text);
        assert.equal(topicFilterFault(filter), undefined);
      }),
    );
  });
});

describe('matchesTopicFilter', () => {
  const rows: [filter: string, topic: string, isMatch: boolean][] = [
    // MQTT 5 §4.7.1.2 and §4.7.1.3, the specification's own examples.
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'a/b', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    // [MQTT-4.7.2-1]
    ['#', '$SYS', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor/Clients', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['+', '$SYS', false],
    ['a/#', 'a/$SYS', true],
    // Levels are compared as they are [MQTT-4.7.3-4].
    ['a', 'A', false],
    ['/a', 'a', false],
    ['a/', 'a', false],
    ['a', 'a/', false],
    ['a/#', 'ab', false],
    ['a/#', 'a/', true],
    ['a/b/#', 'a', false],
    ['+/#', 'a', true],
    ['+/b/#', 'a/b', true],
    ['a/+/#', 'a', false],
    ['a/+/c', 'a//c', true],
    ['+', '', true],
    ['/#', '/', true],
    ['/#', '', true],
  ];
  for (const [filter, topic, isMatch] of rows) {
    it(`says ${isMatch} for ${filter} and ${topic}`, () => assert.equal(matchesTopicFilter(filter, topic), isMatch));
  }

  it('agrees with an obvious implementation', () => {
    const anyLevel = fc.constantFrom('a', 'b', '', '$x', 'ab');
    const anyTopic = fc.array(anyLevel, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
    const anyWild = fc
      .tuple(fc.array(fc.oneof(anyLevel, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
    fc.assert(
      fc.property(anyWild, anyTopic, (filter, topic) => {
        assert.equal(matchesTopicFilter(filter, topic), matchesByLevels(filter.split('/'), topic.split('/')));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes any filter and any topic name', () => {
    fc.assert(
      fc.property(anyFilter, anyTopicName, (text, topic) => {
        const { filter } = parseTopicFilter(text);
        assert.equal(matchesTopicFilter(filter, topic), matchesByLevels(filter.split('/'), topic.split('/')));
        assert.ok(matchesTopicFilter(topic, topic));
      }),
    );
  });
});

function matchesByLevels(filter: readonly string[], topic: readonly string[]): boolean {
  if ((filter[0] === '+' || filter[0] === '#') && topic[0]?.startsWith('$')) return false;
  for (const [at, level] of filter.entries()) {
    if (level === '#') return topic.length >= at;
    if (at >= topic.length || (level !== '+' && level !== topic[at])) return false;
  }
  return filter.length === topic.length;
}
