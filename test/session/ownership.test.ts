import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Claim, Ownership, type OwnershipEffect } from '../../src/session/ownership.ts';

const takeoverMs = 1000;

function createOwnership(): Ownership {
  return new Ownership({ takeoverMs, firstEpoch: 100 });
}

function claimOf(claim: number, options: Partial<Claim> = {}): Claim {
  return { claim, worker: 0, connection: claim, clientId: 'meter-7', intent: 'clean', desired: 'legacy', ...options };
}

function kinds(effects: readonly OwnershipEffect[]): readonly string[] {
  return effects.map((effect) => effect.kind);
}

describe('Ownership', () => {
  it('grants a client ID that nobody owns at once', () => {
    const effects = createOwnership().claim(claimOf(1), 0);
    assert.deepEqual(effects, [{ kind: 'grant', claim: claimOf(1), epoch: 100, tookOver: false }]);
  });

  it('ends the older leg before it grants the newer claim', () => {
    const ownership = createOwnership();
    ownership.claim(claimOf(1, { worker: 3 }), 0);
    const [ending, ...none] = ownership.claim(claimOf(2), 10);
    assert.deepEqual(none, []);
    assert.deepEqual(ending, {
      kind: 'end-leg',
      leg: { worker: 3, connection: 1 },
      clientId: 'meter-7',
      epoch: 100,
      heir: claimOf(2),
    });
    assert.deepEqual(ownership.legEnded('meter-7', 100), [
      { kind: 'grant', claim: claimOf(2), epoch: 101, tookOver: true },
    ]);
  });

  it('lets the newest of several waiting claims win', () => {
    const ownership = createOwnership();
    ownership.claim(claimOf(1), 0);
    ownership.claim(claimOf(2), 1);
    assert.deepEqual(ownership.claim(claimOf(3), 2), [{ kind: 'supersede', claim: claimOf(2) }]);
    const [granted] = ownership.legEnded('meter-7', 100);
    assert.equal(granted?.kind === 'grant' && granted.claim.claim, 3);
  });

  it('grants after takeoverMs when the older worker hangs, not before', () => {
    const ownership = createOwnership();
    ownership.claim(claimOf(1), 0);
    ownership.claim(claimOf(2), 500);
    assert.equal(ownership.nextDeadlineMs(), 1500);
    assert.deepEqual(ownership.tick(1499), []);
    assert.deepEqual(kinds(ownership.tick(1500)), ['grant']);
    assert.equal(ownership.nextDeadlineMs(), undefined);
  });

  it('ignores the end of a leg that no longer owns the client ID', () => {
    const ownership = createOwnership();
    ownership.claim(claimOf(1), 0);
    ownership.legEnded('meter-7', 100);
    ownership.claim(claimOf(2), 0);
    assert.deepEqual(ownership.legEnded('meter-7', 100), []);
    assert.ok(ownership.owns('meter-7', 101));
  });

  it('frees what a dead worker owned and forgets what it waited for', () => {
    const ownership = createOwnership();
    ownership.claim(claimOf(1, { worker: 1 }), 0);
    ownership.claim(claimOf(2, { worker: 2 }), 0);
    assert.deepEqual(ownership.workerGone(2), []);
    assert.deepEqual(ownership.workerGone(1), []);
    assert.equal(ownership.size, 0);
  });

  it('keeps the newer of two legs that workers announce, and never grants an epoch twice', () => {
    const ownership = createOwnership();
    ownership.announce({ worker: 1, connection: 5, clientId: 'meter-7', epoch: 900 });
    const effects = ownership.announce({ worker: 2, connection: 6, clientId: 'meter-7', epoch: 800 });
    assert.deepEqual(effects, [
      { kind: 'end-leg', leg: { worker: 2, connection: 6 }, clientId: 'meter-7', epoch: 800, heir: undefined },
    ]);
    const [granted] = ownership.claim(claimOf(1, { clientId: 'other' }), 0);
    assert.equal(granted?.kind === 'grant' && granted.epoch, 901);
  });

  it('never lets two legs of one client ID dial at the same time while workers answer (property)', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('claim' as const), client: fc.nat(2), worker: fc.nat(2) }),
      fc.record({ kind: fc.constant('end' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('confirm' as const), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new LegWorld();
        for (const [index, item] of steps.entries()) {
          if (item.kind === 'claim') world.claim(index, item.worker, `client-${item.client}`);
          else if (item.kind === 'end') world.endOne(item.pick);
          else world.confirmOne(item.pick);
        }
        world.settle();
        assert.equal(world.unanswered.size, 0, 'every claim is answered once the legs have ended');
      }),
    );
  });
});

/** Workers as the machine sees them: legs that were granted and have not ended. */
class LegWorld {
  readonly #ownership = createOwnership();
  readonly #live = new Map<string, { readonly clientId: string; readonly epoch: number }>();
  readonly #ending: { readonly clientId: string; readonly epoch: number }[] = [];
  readonly unanswered = new Set<number>();
  #lastEpoch = 0;

  claim(claim: number, worker: number, clientId: string): void {
    this.unanswered.add(claim);
    this.#perform(this.#ownership.claim(claimOf(claim, { worker, clientId }), 0));
  }

  endOne(pick: number): void {
    const legs = [...this.#live.values()];
    const leg = legs[pick % legs.length];
    if (leg !== undefined) this.#end(leg);
  }

  confirmOne(pick: number): void {
    const leg = this.#ending[pick % this.#ending.length];
    if (leg !== undefined) this.#end(leg);
  }

  settle(): void {
    for (let leg = this.#ending[0]; leg !== undefined; leg = this.#ending[0]) this.#end(leg);
  }

  #end(leg: { readonly clientId: string; readonly epoch: number }): void {
    this.#live.delete(leg.clientId);
    const index = this.#ending.findIndex((ending) => ending.epoch === leg.epoch);
    if (index >= 0) this.#ending.splice(index, 1);
    this.#perform(this.#ownership.legEnded(leg.clientId, leg.epoch));
  }

  #perform(effects: readonly OwnershipEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'end-leg') this.#ending.push({ clientId: effect.clientId, epoch: effect.epoch });
      else this.unanswered.delete(effect.claim.claim);
      if (effect.kind !== 'grant') continue;
      const { clientId } = effect.claim;
      assert.ok(!this.#live.has(clientId), `two legs of ${clientId} live`);
      assert.ok(effect.epoch > this.#lastEpoch, 'epochs grow');
      this.#lastEpoch = effect.epoch;
      this.#live.set(clientId, { clientId, epoch: effect.epoch });
    }
  }
}
