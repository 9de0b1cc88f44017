import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundGate } from '../../src/session/bound-gate.ts';

describe('the filter gate of a broker', () => {
  it('lets waiters through in order, each with all of its filters', () => {
    const gate = new BoundGate<string>(100);
    assert.deepEqual(gate.tick(0), []);
    for (const [waiter, filters] of [
      ['a', 10],
      ['b', 5],
      ['c', 5],
      ['d', 1],
    ] as const)
      gate.ask(waiter, filters);
    const turns: string[] = [];
    for (let nowMs = 0; gate.nextAtMs(nowMs) !== undefined; ) {
      nowMs = Math.max(nowMs + 1, gate.nextAtMs(nowMs) ?? 0);
      for (const waiter of gate.tick(nowMs)) turns.push(`${waiter} ${nowMs}`);
    }
    // Nine tenths of the rate flow in, and a tenth is held.
    assert.deepEqual(turns, ['a 112', 'b 168', 'c 224', 'd 235']);
  });

  it('passes over who has withdrawn, and waits longer for what was spent unasked', () => {
    const gate = new BoundGate<string>(100);
    gate.tick(0);
    gate.ask('a', 9);
    gate.ask('b', 9);
    gate.withdraw('a');
    gate.spend(9, 0);
    assert.equal(gate.nextAtMs(0), 200);
    assert.deepEqual(gate.tick(199), []);
    assert.deepEqual(gate.tick(200), ['b']);
    assert.equal(gate.nextAtMs(200), undefined);
  });

  it('has what was given back beside what flows in, a second’s worth at most', () => {
    const gate = new BoundGate<string>(10);
    gate.tick(0);
    gate.spend(-1, 0);
    for (const waiter of ['a', 'b', 'c']) gate.ask(waiter, 1);
    assert.equal(gate.nextAtMs(0), 0);
    assert.deepEqual(gate.tick(0), ['a']);
    assert.equal(gate.nextAtMs(0), 100, 'what flowed in is whole');
    assert.deepEqual(gate.tick(100), ['b']);
    gate.spend(-1_000, 100);
    for (let waiter = 0; waiter < 100; waiter += 1) gate.ask(`${waiter}`, 1);
    assert.equal(gate.tick(100).length, 10);
  });
});
