import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAsExpected, shareFigures } from '../../../src/bridge/services/expected-share.ts';
import { decodeProbe, ProbeTally } from '../../../src/bridge/services/probe-tally.ts';
import { probeTopicOf } from '../../../src/bridge/services/service-terms.ts';
import { ShareCount } from '../../../src/bridge/services/share-count.ts';

test('a share is what members received of what was heard between their own figures', () => {
  const count = new ShareCount(1_000);
  for (let atMs = 1; atMs <= 3_000; atMs += 10) count.hear(atMs);
  const read = (identity: string, writtenAtMs: number, received: number) =>
    count.read([{ identity, writtenAtMs, received }], 100);
  read('a', 50, 0);
  assert.equal(count.result(['a']), undefined);
  read('a', 500, 1_000);
  read('a', 1_400, 1_030);
  assert.equal(count.result(['a']), undefined, 'less than the window');
  read('a', 1_500, 1_025);
  read('b', 1_500, 7);
  read('b', 2_500, 57);
  assert.deepEqual(count.result(['a', 'b']), { share: 0.75, messages: 100 });
  assert.equal(count.result(['a', 'c']), undefined);
  assert.equal(count.result([]), undefined);
});

test('a share is as expected within what a broker that draws lots would give', () => {
  assert.ok(isAsExpected(shareFigures(0.3, { members: 1, others: 2, messages: 10_000 })));
  assert.ok(!isAsExpected(shareFigures(0.25, { members: 1, others: 2, messages: 10_000 })));
  assert.ok(isAsExpected(shareFigures(0.25, { members: 1, others: 2, messages: 50 })));
});

test('a probe counts once, in its own run and direction', () => {
  const there = new ProbeTally({ service: 's', run: 'r', way: 'there' });
  const back = new ProbeTally({ service: 's', run: 'r', way: 'back' });
  const other = new ProbeTally({ service: 's', run: 'q', way: 'there' });
  const [first, second] = [there.next(), there.next()];
  for (const payload of [
    first,
    first,
    back.next(),
    other.next(),
    Buffer.from('{'),
    Buffer.from('{"crossfadeProbe":1}'),
  ]) {
    there.hear(payload);
  }
  assert.deepEqual([there.sent, there.heard, there.repeated], [2, 1, 1]);
  assert.deepEqual(decodeProbe(second), { service: 's', run: 'r', number: 2, way: 'there' });
});

test('a probe topic is in the range of its filter', () => {
  assert.equal(probeTopicOf('dt/+/x/#'), 'dt/crossfade-probe/x/crossfade-probe');
  assert.equal(probeTopicOf('#'), 'crossfade-probe');
  assert.equal(probeTopicOf('orders/new'), 'orders/new');
});
