import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerState, toWallLife } from '../../src/app/broker-state.ts';
import type { BrokerLife } from '../../src/gateway/endpoint-watch.ts';

const life = (heardMs?: number, failedMs?: number): BrokerLife => ({ heardMs, failedMs });
const now = 1_000_000;

const rows: readonly (readonly [name: string, lives: readonly BrokerLife[], connected: boolean, state: string])[] = [
  ['nobody asked', [life(), life()], true, 'up'],
  ['no worker', [], true, 'up'],
  ['all hear it', [life(now - 5), life(now - 900_000)], true, 'up'],
  ['a worker found it silent, another one never asked', [life(), life(undefined, now - 1_000)], false, 'down'],
  ['a worker found it silent, another one heard it before', [life(now - 2_000), life(1, now - 1_000)], false, 'down'],
  ['a worker found it silent, another one heard it since', [life(now - 500), life(1, now - 1_000)], true, 'unsure'],
  ['one heard it since, and the failure is long ago', [life(now - 500), life(1, now - 10_000)], true, 'up'],
  ['both found it silent', [life(1, now - 5_000), life(2, now - 89_999)], false, 'down'],
  ['it was silent, and nobody has asked since', [life(1, now - 90_000)], false, 'unsure'],
];
for (const [name, lives, connected, state] of rows) {
  test(`a broker is ${state} where ${name}`, () => {
    assert.deepEqual(brokerState(lives, now), { connected, state });
  });
}

test('times of a process become times of the day', () => {
  const clock = { wallMs: () => 1_700_000, monotonicMs: () => 700_000 };
  assert.deepEqual(toWallLife(life(600_000, 650_000), clock), life(1_600_000, 1_650_000));
  assert.deepEqual(toWallLife(life(), clock), life());
});
