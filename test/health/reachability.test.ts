import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reachability } from '../../src/health/reachability.ts';

function createWays(...ways: readonly (readonly [site: string, address: string])[]) {
  const reachability = new Reachability();
  for (const [site, address] of ways) reachability.add(site, address);
  let nowMs = 0;
  return (site: string, address: string, outcome: 'good' | 'failed' | 'unreachable' | 'inconclusive') => {
    nowMs += 1;
    return reachability.judge(site, address, outcome, nowMs);
  };
}

test('a site without a way to it is failed once a way to another was found since', () => {
  const judge = createWays(['a', '192.0.2.1'], ['b', '192.0.2.2']);
  judge('b', '192.0.2.2', 'good');
  // This one may be the first to notice that nothing can be reached any more.
  assert.equal(judge('a', '192.0.2.1', 'unreachable'), 'inconclusive');
  assert.equal(judge('b', '192.0.2.2', 'failed'), 'failed');
  assert.equal(judge('a', '192.0.2.1', 'unreachable'), 'failed');
  assert.equal(judge('a', '192.0.2.1', 'unreachable'), 'failed');
});

test('of a prober without a way to anywhere nothing is known, however long', () => {
  const judge = createWays(['a', '192.0.2.1'], ['b', '192.0.2.2']);
  judge('a', '192.0.2.1', 'good');
  judge('b', '192.0.2.2', 'good');
  for (let count = 0; count < 50; count += 1) {
    assert.equal(judge('a', '192.0.2.1', 'unreachable'), 'inconclusive');
    assert.equal(judge('b', '192.0.2.2', 'unreachable'), 'inconclusive');
  }
  assert.equal(judge('a', '192.0.2.1', 'good'), 'good');
  assert.equal(judge('b', '192.0.2.2', 'unreachable'), 'failed', 'its own trouble by now');
});

test('the other family, and other addresses of the site, are no comparison', () => {
  const judge = createWays(
    ['a', '2001:db8::1'],
    ['a', '2001:db8::3'],
    ['a', '192.0.2.1'],
    ['b', '2001:db8::2'],
    ['b', '192.0.2.2'],
  );
  judge('b', '192.0.2.2', 'good');
  assert.equal(judge('a', '2001:db8::1', 'unreachable'), 'inconclusive');
  judge('b', '192.0.2.2', 'good');
  judge('a', '2001:db8::3', 'good');
  assert.equal(judge('a', '2001:db8::1', 'unreachable'), 'inconclusive');
});

test('the only site of a family is failed: nothing else can tell', () => {
  const judge = createWays(['a', '192.0.2.1'], ['b', '2001:db8::1']);
  assert.equal(judge('a', '192.0.2.1', 'unreachable'), 'failed');
  assert.equal(judge('a', '192.0.2.1', 'inconclusive'), 'inconclusive');
});
