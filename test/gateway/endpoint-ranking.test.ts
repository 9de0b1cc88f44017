import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  applyEndpointReport,
  createEndpointState,
  type EndpointReport,
  type EndpointState,
  isHeldDown,
  rankEndpoints,
} from '../../src/gateway/endpoint-ranking.ts';

const holdDownMs = 5_000;
const unreachable: EndpointReport = { kind: 'unreachable', holdDownMs };
const brokenOff: EndpointReport = { kind: 'brokenOff', holdDownMs };

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}:\d{1,4}$/), { minLength: 1, maxLength: 8 });
const states = (list: readonly string[]) => list.map(createEndpointState);
const order = (key: string, endpoints: readonly EndpointState[], nowMs = 0) =>
  rankEndpoints(key, endpoints, nowMs).map((position) => endpoints[position]?.name);

test('rankEndpoints is a permutation that does not depend on the order of the endpoints', () => {
  fc.assert(
    fc.property(names, fc.string(), (list, key) => {
      const ranked = order(key, states(list));
      assert.deepEqual([...ranked].sort(), [...list].sort());
      assert.deepEqual(order(key, states([...list].reverse())), ranked);
    }),
  );
});

test('rankEndpoints moves only the keys of an endpoint that is removed', () => {
  fc.assert(
    fc.property(names, fc.string(), fc.nat(), (list, key, pick) => {
      const removed = list[pick % list.length];
      const rest = list.filter((name) => name !== removed);
      assert.deepEqual(
        order(key, states(rest)),
        order(key, states(list)).filter((name) => name !== removed),
      );
    }),
  );
});

test('rankEndpoints puts held-down endpoints last and keeps the order within each half', () => {
  fc.assert(
    fc.property(names, fc.string(), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (list, key, failed) => {
      const isFailed = (name: string | undefined) => failed[list.indexOf(name ?? '')] === true;
      const endpoints = states(list).map((state) =>
        isFailed(state.name) ? applyEndpointReport(state, unreachable, 0) : state,
      );
      const healthy = order(key, states(list));
      const expected = [...healthy.filter((name) => !isFailed(name)), ...healthy.filter(isFailed)];
      assert.deepEqual(order(key, endpoints, holdDownMs - 1), expected);
      assert.deepEqual(order(key, endpoints, holdDownMs), healthy);
    }),
  );
});

test('rankEndpoints agrees with the formula computed outside', () => {
  // printf '%s' 'a:1|k' | sha256sum, and so on; the first 48 bits
  const scores = { 'a:1': 0xc317546e615d, 'b:1': 0x0011fe834b69, 'c:1': 0x27a64611bd7a };
  const expected = Object.entries(scores).sort(([, a], [, b]) => b - a);
  assert.deepEqual(
    order('k', states(['a:1', 'b:1', 'c:1'])),
    expected.map(([name]) => name),
  );
});

test('rankEndpoints spreads keys evenly', () => {
  const endpoints = states(['a:1', 'b:1', 'c:1', 'd:1']);
  const counts = new Map<string | undefined, number>();
  for (let key = 0; key < 4_000; key++) {
    const [first] = order(`device-${key}`, endpoints);
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  for (const count of counts.values()) assert.ok(count > 880 && count < 1_120, `expected about 1000, got ${count}`);
  assert.equal(counts.size, 4);
});

test('applyEndpointReport lets one dial try a doubtful endpoint, and an answer clears it', () => {
  const failed = applyEndpointReport(createEndpointState('a:1'), unreachable, 0);
  const tried = applyEndpointReport(failed, { kind: 'tried', dialMs: 3_000 }, holdDownMs);
  assert.equal(isHeldDown(failed, holdDownMs), false);
  assert.equal(isHeldDown(tried, holdDownMs + 2_999), true);
  assert.equal(isHeldDown(tried, holdDownMs + 3_000), false);
  assert.deepEqual(applyEndpointReport(tried, { kind: 'answered' }, holdDownMs + 1), createEndpointState('a:1'));
});

test('applyEndpointReport leaves a healthy endpoint as it is when it is tried or answers', () => {
  const healthy = createEndpointState('a:1');
  assert.equal(applyEndpointReport(healthy, { kind: 'tried', dialMs: 3_000 }, 0), healthy);
  assert.equal(applyEndpointReport(healthy, { kind: 'answered' }, 0), healthy);
});

test('applyEndpointReport holds down an endpoint that breaks off three times in a row, not before', () => {
  const after = (reports: readonly EndpointReport[]) =>
    reports.reduce((state, report) => applyEndpointReport(state, report, 0), createEndpointState('a:1'));
  assert.equal(isHeldDown(after([brokenOff, brokenOff]), 1), false);
  assert.equal(isHeldDown(after([brokenOff, brokenOff, brokenOff]), 1), true);
  assert.equal(isHeldDown(after([brokenOff, brokenOff, { kind: 'answered' }, brokenOff]), 1), false);
});
