import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRangeCovered } from '../../src/mqtt/topic-range.ts';
import { TopicObserver } from '../../src/mqtt/topic-observer.ts';
import { boundedPattern, topicPattern } from '../../src/mqtt/topic-pattern.ts';

function observe(names: readonly string[] = ['dev-1']) {
  const told: string[] = [];
  let texts = 0;
  const report = (use: string, pattern: string, isWidened: boolean) =>
    void told.push(`${use} ${pattern}${isWidened ? ' widened' : ''}`);
  const observer = new TopicObserver({ names, report }, 0);
  const publish = (topic: string, nowMs = 1) => {
    const bytes = Buffer.from(`xx${topic}yy`);
    const read = () => {
      texts += 1;
      return topic;
    };
    const head = { bytes, topicAt: 2, topicEnd: bytes.length - 2, topic: read };
    observer.notePublish({ ...head, beginsWithDollar: topic.startsWith('$') }, nowMs);
  };
  return { observer, told, publish, texts: () => texts };
}

const rows: readonly (readonly [topic: string, names: readonly string[], pattern: string])[] = [
  ['dt/dev-1/state', ['dev-1'], 'dt/+/state'],
  ['dt/dev-10/state', ['dev-1'], 'dt/dev-10/state'],
  ['dev-1/a/dev-1', ['dev-1'], '+/a/+'],
  ['dt/site/dev/state', ['site/dev'], 'dt/+/+/state'],
  ['dt/common/clientid', ['clientid', 'common'], 'dt/+/+'],
  ['dt/x', [''], 'dt/x'],
];

for (const [topic, names, pattern] of rows) {
  test(`${topic} of a device named ${names.join(' and ')} is ${pattern}`, () => {
    assert.equal(topicPattern(topic, names), pattern);
  });
}

const longRows: readonly (readonly [what: string, topic: string, pattern: string])[] = [
  ['many levels', Array.from({ length: 40 }, () => 'a').join('/'), `${'a/'.repeat(31)}#`],
  ['as many levels as are kept', Array.from({ length: 32 }, () => 'a').join('/'), `${'a/'.repeat(31)}a`],
  ['a long level', `a/${'b'.repeat(600)}/c`, 'a/#'],
  ['nothing but a long level', 'b'.repeat(600), '#'],
  ['a long filter', `a/${'b'.repeat(600)}/#`, 'a/#'],
];

for (const [what, topic, pattern] of longRows) {
  test(`a topic with ${what} is known by its beginning`, () => {
    assert.equal(boundedPattern(topic), pattern);
    assert.ok(isRangeCovered(topic, [pattern]));
    const { told, publish } = observe();
    if (!topic.includes('#')) publish(topic);
    if (!topic.includes('#')) assert.deepEqual(told, [`publish ${pattern}${pattern === topic ? '' : ' widened'}`]);
  });
}

test('a topic is told once, and its text is read once', () => {
  const { told, publish, texts } = observe();
  for (let times = 0; times < 5; times += 1) publish('dt/dev-1/state');
  assert.deepEqual(told, ['publish dt/+/state']);
  assert.equal(texts(), 1);
});

test('a topic that begins with a dollar sign is a broker’s own business', () => {
  const { observer, told, publish } = observe();
  publish('$aws/things/dev-1/shadow/update');
  observer.noteWill('$SYS/x');
  observer.noteHeld({ changes: 1, known: () => [{ filter: '$aws/#' }, { filter: '$share/g/$aws/#' }] }, 1);
  assert.deepEqual(told, []);
});

test('a session with too many topics is known by first levels, then by nothing', () => {
  const { told, publish, texts } = observe();
  for (let index = 0; index < 65; index += 1) publish(`log/${index}`);
  assert.equal(told.length, 65);
  assert.equal(told.at(-1), 'publish log/# widened');
  publish('log/66');
  assert.equal(texts(), 65, 'its first level is known');
  for (let index = 0; index < 64; index += 1) publish(`other-${index}/x`);
  assert.equal(told.at(-1), 'publish # widened');
  const before = told.length;
  publish('anything/else');
  assert.equal(told.length, before);
});

test('what a device holds is told when it changes, without its share group', () => {
  const { observer, told } = observe();
  const desk = { changes: 1, known: () => [{ filter: 'cmd/dev-1/#' }, { filter: '$share/g/jobs/+' }] };
  observer.noteHeld(desk, 1);
  observer.noteHeld(desk, 2);
  assert.deepEqual(told, ['subscribe cmd/+/#', 'subscribe jobs/+']);
  observer.noteHeld({ ...desk, changes: 2, known: () => [{ filter: 'more' }] }, 3);
  assert.equal(told.at(-1), 'subscribe more');
});

test('all is told again once a day', () => {
  const { told, publish } = observe();
  publish('a');
  publish('a', 86_400_000);
  publish('a', 86_400_001);
  assert.deepEqual(told, ['publish a', 'publish a']);
});
