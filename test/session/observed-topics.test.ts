import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesTopicFilter } from '../../src/mqtt/topic.ts';
import { isRangeCovered } from '../../src/mqtt/topic-range.ts';
import { DeviceSketch } from '../../src/session/device-sketch.ts';
import { ObservedTopics, patternsKept } from '../../src/session/observed-topics.ts';
import { widenPatterns } from '../../src/session/pattern-widening.ts';

const publish = { cohort: 'all', use: 'publish', isWidened: false, lastSeenMs: 1 } as const;

test('a sketch counts devices once, and few of them nearly exactly', () => {
  const sketch = new DeviceSketch();
  assert.equal(sketch.add('one'), true);
  assert.equal(sketch.add('one'), false);
  assert.equal(sketch.count(), 1);
  for (let device = 0; device < 100_000; device += 1) sketch.add(`device-${device}`);
  assert.ok(Math.abs(sketch.count() - 100_001) < 10_000, String(sketch.count()));
});

test('sketches add up to that of all their devices', () => {
  const [one, other, both] = [new DeviceSketch(), new DeviceSketch(), new DeviceSketch()];
  for (let device = 0; device < 500; device += 1) {
    (device % 3 === 0 ? one : other).add(String(device));
    both.add(String(device));
  }
  assert.equal(one.merge(other.bytes), true);
  assert.equal(one.merge(other.bytes), false);
  assert.deepEqual(one.bytes, both.bytes);
});

test('widened patterns match whatever the patterns matched, and are few enough', () => {
  const level = fc.constantFrom('', 'a', 'b', 'c', 'd', '+');
  const pattern = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
    .filter((text) => text !== '');
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 40 }), fc.integer({ min: 2, max: 10 }), (patterns, limit) => {
      const wider = widenPatterns(patterns, limit);
      assert.ok(new Set(wider.values()).size <= limit);
      for (const [narrow, wide] of wider) assert.ok(isRangeCovered(narrow, [wide]), `${narrow} in ${wide}`);
    }),
  );
});

test('levels that differ by device become one pattern, and others stay', () => {
  const topics = new ObservedTopics();
  topics.note({ ...publish, pattern: 'fw/report', clientId: 'x' });
  for (let device = 0; device < 1_000; device += 1) {
    const clientId = String(device);
    topics.note({ ...publish, pattern: `dt/sn-${device}/state`, clientId });
  }
  const known = topics.of('all').map(({ pattern, isWidened }) => [pattern, isWidened]);
  assert.deepEqual(known, [
    ['fw/report', false],
    ['dt/+/state', true],
  ]);
  const devices = topics.of('all').at(-1)?.devices.count() ?? 0;
  assert.ok(Math.abs(devices - 1_000) < 100, String(devices));
});

test('beginnings of one another are widened as well', () => {
  const topics = new ObservedTopics();
  for (let depth = 1; depth <= patternsKept.most + 50; depth += 1) {
    topics.note({ ...publish, pattern: Array.from({ length: depth }, () => 'a').join('/') });
  }
  const patterns = topics.of('all').map(({ pattern }) => pattern);
  assert.ok(patterns.length <= patternsKept.most);
  assert.ok(patterns.some((pattern) => matchesTopicFilter(pattern, 'a/a/a/a')));
});

test('changes are taken once; what is widened or forgotten is told as gone', () => {
  const topics = new ObservedTopics();
  topics.note({ ...publish, pattern: 'a', clientId: 'x' });
  assert.deepEqual(
    [...topics.takeChanges().values()].map((topic) => topic?.pattern),
    ['a'],
  );
  topics.note({ ...publish, pattern: 'a', clientId: 'x' });
  assert.equal(topics.hasChanged, false, 'the same device again is no news');
  topics.note({ ...publish, pattern: 'a', clientId: 'x', lastSeenMs: 4_000_000 });
  assert.equal(topics.hasChanged, true, 'it was seen more than an hour later');
  topics.takeChanges();
  topics.forget(5_000_000);
  assert.deepEqual([...topics.takeChanges().values()], [undefined]);
  assert.deepEqual(topics.of('all'), []);
});

test('one memory tells another all that it has', () => {
  const worker = new ObservedTopics();
  const control = new ObservedTopics();
  worker.note({ ...publish, pattern: 'a', clientId: 'x' });
  worker.note({ ...publish, use: 'subscribe', pattern: 'b', clientId: 'y' });
  worker.takeChanges();
  worker.renewChanges();
  for (const topic of worker.takeChanges().values()) {
    if (topic !== undefined) control.note({ ...topic, sketch: topic.devices.bytes });
  }
  const told = control.of('all').map(({ use, pattern, devices }) => [use, pattern, devices.count()]);
  assert.deepEqual(told, [
    ['publish', 'a', 1],
    ['subscribe', 'b', 1],
  ]);
});
