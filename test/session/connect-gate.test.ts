import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConnectGate } from '../../src/session/connect-gate.ts';

describe('ConnectGate', () => {
  it('has no bound without a rate', () => {
    const gate = new ConnectGate<number>({ ratePerSecond: undefined, queueLimit: 1 });
    for (let waiter = 0; waiter < 1000; waiter += 1)
      assert.deepEqual(gate.ask(waiter, 10, 0), { waiter, granted: true });
  });

  it('refuses at once what could not be served before its deadline', () => {
    const gate = new ConnectGate<number>({ ratePerSecond: 10, queueLimit: 1000 });
    const outcomes = Array.from({ length: 40 }, (_, waiter) => gate.ask(waiter, 1_000, 0));
    const refused = outcomes.filter((outcome) => outcome?.granted === false).length;
    assert.ok(refused >= 29, `${refused} refused`);
    assert.ok(gate.waiting <= 11);
  });

  it('refuses what the queue has no room for', () => {
    const gate = new ConnectGate<number>({ ratePerSecond: 10, queueLimit: 3 });
    for (let waiter = 0; waiter < 3; waiter += 1) assert.equal(gate.ask(waiter, 60_000, 0), undefined);
    assert.deepEqual(gate.ask(3, 60_000, 0), { waiter: 3, granted: false });
  });

  it('answers every waiter exactly once, in order, within the rate, or withdraws it (property)', () => {
    const arrivals = fc.array(
      fc.record({ gapMs: fc.nat(200), patienceMs: fc.integer({ min: 1, max: 3000 }), leaves: fc.boolean() }),
      {
        maxLength: 80,
      },
    );
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 40 }), (list, ratePerSecond) => {
        const grants: number[] = [];
        const answered = new Set<number>();
        const gate = new ConnectGate<number>({ ratePerSecond, queueLimit: 50 });
        let nowMs = 0;
        const note = (outcome: { readonly waiter: number; readonly granted: boolean } | undefined) => {
          if (outcome === undefined) return;
          assert.ok(!answered.has(outcome.waiter));
          answered.add(outcome.waiter);
          if (outcome.granted) grants.push(nowMs);
        };
        for (const [waiter, { gapMs, patienceMs, leaves }] of list.entries()) {
          nowMs += gapMs;
          for (const outcome of gate.tick(nowMs)) note(outcome);
          const outcome = gate.ask(waiter, nowMs + patienceMs, nowMs);
          note(outcome);
          if (outcome === undefined && leaves) {
            gate.withdraw(waiter);
            answered.add(waiter);
          }
        }
        for (let next = gate.nextAtMs(nowMs); next !== undefined; next = gate.nextAtMs(nowMs)) {
          nowMs = Math.max(next, nowMs);
          for (const outcome of gate.tick(nowMs)) note(outcome);
        }
        assert.equal(answered.size, list.length);
        for (const [index, atMs] of grants.entries()) {
          const inWindow = grants.slice(index).filter((other) => other < atMs + 1000).length;
          assert.ok(inWindow <= ratePerSecond, `${inWindow} in one second at ${ratePerSecond}/s`);
        }
      }),
    );
  });
});
