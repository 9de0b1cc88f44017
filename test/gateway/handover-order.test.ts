import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOrder } from '../../src/gateway/handover-order.ts';

const at = (position?: number) => ({
  relay: { record: { assignment: position === undefined ? {} : { position } } },
});
const positions = (sessions: readonly ReturnType<typeof at>[]) =>
  sessions.map(({ relay }) => relay.record.assignment.position ?? 0);

describe('inOrder', () => {
  const scattered = Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 10_000);
  const sorted = scattered.toSorted((a, b) => a - b);

  it('gives the first of the plan’s order, sorted, and not many more', () => {
    const first = positions(inOrder(scattered.map(at), { begin: 30, order: 'first-first' }));
    assert.deepEqual(first, sorted.slice(0, first.length));
    assert.ok(first.length >= 30 && first.length < 50, `${first.length}`);
  });

  it('gives the last ones first for a way back', () => {
    const last = positions(inOrder(scattered.map(at), { begin: 30, order: 'last-first' }));
    assert.deepEqual(last, sorted.toReversed().slice(0, last.length));
    assert.ok(last.length >= 30);
  });

  it('gives all where there are no more than asked for, and none lost at the ends of the ring', () => {
    for (const order of ['first-first', 'last-first'] as const) {
      assert.equal(inOrder([at(0), at(9_999.99), at()], { begin: 3, order }).length, 3);
      assert.ok(inOrder([at(0), at(9_999.99), at()], { begin: 2, order }).length >= 2);
      assert.ok(inOrder([at(1), at(1), at(1)], { begin: 1, order }).length >= 1);
    }
  });
});
