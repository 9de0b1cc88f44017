import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ClientPace } from '../../src/session/client-pace.ts';
import type { GateOutcome } from '../../src/session/connect-gate.ts';

const intervalMs = 1_000;
const startMs = -10_000;

function openPace(queueLimit = 100): ClientPace<number> {
  return new ClientPace({ intervalMs, queueLimit, nowMs: startMs });
}

describe('ClientPace', () => {
  it('lets the first CONNECT of a client ID through, and the next one a second later', () => {
    const pace = openPace();
    assert.deepEqual(pace.ask(1, { clientId: 'a', deadlineMs: 5_000 }, 0), { waiter: 1, granted: true });
    assert.equal(pace.ask(2, { clientId: 'a', deadlineMs: 5_000 }, 1), undefined);
    assert.deepEqual(pace.ask(3, { clientId: 'b', deadlineMs: 5_000 }, 1), { waiter: 3, granted: true });
    assert.deepEqual([pace.nextAtMs(), pace.tick(999)], [1_000, []]);
    assert.deepEqual(pace.tick(1_000), [{ waiter: 2, granted: true }]);
  });

  it('knows nothing of the time before it began, and takes every client ID to have connected just then', () => {
    const pace = new ClientPace<number>({ intervalMs, queueLimit: 1, nowMs: 0 });
    assert.equal(pace.ask(1, { clientId: 'a', deadlineMs: 5_000 }, 400), undefined);
    assert.deepEqual(pace.tick(1_000), [{ waiter: 1, granted: true }]);
  });

  it('counts from when a CONNECT is known to have been answered', () => {
    const pace = openPace();
    pace.ask(1, { clientId: 'a', deadlineMs: 5_000 }, 0);
    pace.note('a', 700, 800);
    pace.note('a', 300, 800);
    assert.equal(pace.dueMs('a'), 1_700);
  });

  it('refuses at once what could not be sent before its deadline, and what the queue has no room for', () => {
    const pace = openPace(1);
    pace.ask(1, { clientId: 'a', deadlineMs: 5_000 }, 0);
    assert.deepEqual(pace.ask(2, { clientId: 'a', deadlineMs: 999 }, 1), { waiter: 2, granted: false });
    assert.equal(pace.ask(3, { clientId: 'a', deadlineMs: 1_000 }, 1), undefined);
    assert.deepEqual(pace.ask(4, { clientId: 'a', deadlineMs: 5_000 }, 1), { waiter: 4, granted: false });
    pace.withdraw(3);
    assert.deepEqual([pace.waiting, pace.nextAtMs(), pace.tick(1_000)], [0, undefined, []]);
  });

  it('keeps two CONNECTs of one client ID a second apart, answers each once, and forgets (property, S9)', () => {
    const event = fc.record({
      gapMs: fc.nat(700),
      clientId: fc.constantFrom('a', 'b', 'c'),
      patienceMs: fc.integer({ min: 1, max: 4_000 }),
      kind: fc.constantFrom('ask', 'ask', 'ask', 'withdraw', 'answered'),
      agoMs: fc.nat(1_500),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const world = new PaceWorld();
        for (const { gapMs, clientId, patienceMs, kind, agoMs } of events) {
          world.advance(world.nowMs + gapMs);
          if (kind === 'ask') world.ask(clientId, patienceMs);
          else if (kind === 'withdraw') world.withdrawOldest();
          else world.answered(clientId, agoMs);
        }
        world.advance(world.nowMs + 10_000);
        assert.equal(world.waiting.size, 0, 'everybody was answered');
        world.answered('z', 0);
        assert.equal(world.pace.remembered, 1, 'only the last second is remembered');
      }),
    );
  });
});

class PaceWorld {
  readonly pace = openPace();
  readonly waiting = new Map<number, { readonly clientId: string; readonly deadlineMs: number }>();
  readonly #last = new Map<string, number>();
  nowMs = 0;
  #nextWaiter = 1;

  ask(clientId: string, patienceMs: number): void {
    const waiter = this.#nextWaiter++;
    const deadlineMs = this.nowMs + patienceMs;
    this.waiting.set(waiter, { clientId, deadlineMs });
    this.#note(this.pace.ask(waiter, { clientId, deadlineMs }, this.nowMs));
  }

  withdrawOldest(): void {
    const [oldest] = this.waiting.keys();
    if (oldest === undefined) return;
    this.waiting.delete(oldest);
    this.pace.withdraw(oldest);
  }

  answered(clientId: string, agoMs: number): void {
    const atMs = this.nowMs - agoMs;
    this.pace.note(clientId, atMs, this.nowMs);
    this.#last.set(clientId, Math.max(atMs, this.#last.get(clientId) ?? startMs));
  }

  /** Ticks when the machine wants it. */
  advance(untilMs: number): void {
    for (let nextMs = this.pace.nextAtMs(); nextMs !== undefined && nextMs <= untilMs; ) {
      assert.ok(nextMs >= this.nowMs || nextMs <= untilMs);
      this.nowMs = Math.max(this.nowMs, nextMs);
      const outcomes = this.pace.tick(this.nowMs);
      assert.ok(outcomes.length > 0, 'it asked for a tick');
      for (const outcome of outcomes) this.#note(outcome);
      nextMs = this.pace.nextAtMs();
    }
    this.nowMs = untilMs;
  }

  #note(outcome: GateOutcome<number> | undefined): void {
    if (outcome === undefined) return;
    const connect = this.waiting.get(outcome.waiter);
    assert.ok(connect !== undefined, 'answered once, and not after it was withdrawn');
    this.waiting.delete(outcome.waiter);
    const { clientId, deadlineMs } = connect;
    const lastMs = this.#last.get(clientId) ?? startMs;
    if (outcome.granted) {
      assert.ok(this.nowMs - lastMs >= intervalMs, `${clientId}: ${lastMs} and ${this.nowMs}`);
      assert.ok(this.nowMs <= deadlineMs);
      this.#last.set(clientId, this.nowMs);
    } else assert.ok(lastMs + intervalMs > this.nowMs, 'refused only while its second runs');
  }
}
