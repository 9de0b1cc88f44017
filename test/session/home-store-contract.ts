import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unknownSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import type { HomeStore } from '../../src/session/home-store.ts';

/** What every home store has to do; `reopen` opens the same homes again, as after a restart. */
export function runHomeStoreContract(
  name: string,
  open: () => { readonly store: HomeStore; readonly reopen: () => HomeStore },
): void {
  describe(`home store contract: ${name}`, () => {
    it('reads what was recorded before and after it is flushed', () => {
      const { store } = open();
      store.record('meter-7', 'legacy');
      assert.equal(store.homeOf('meter-7'), 'legacy');
      store.flush();
      assert.equal(store.homeOf('meter-7'), 'legacy');
      store.close();
    });

    it('keeps homes over a restart, the last one of each', () => {
      const { store, reopen } = open();
      store.record('meter-7', 'legacy');
      store.record('meter-8', 'legacy');
      store.flush();
      store.record('meter-7', 'aws');
      store.forget('meter-8');
      store.close();
      const again = reopen();
      assert.equal(again.homeOf('meter-7'), 'aws');
      assert.equal(again.homeOf('meter-8'), undefined);
      assert.deepEqual(again.countByBroker(), new Map([['aws', 1]]));
      again.close();
    });

    it('keeps what is left of a session over a restart, and forgets it with the home', () => {
      const { store, reopen } = open();
      for (const clientId of ['meter-7', 'meter-8', 'meter-9']) store.record(clientId, 'legacy');
      store.keep('meter-7', { received: [1, 65_535], expiresAtMs: 1_700_000_000_000 });
      store.keep('meter-8', { received: [3] });
      store.keep('meter-9', { received: [4] });
      assert.deepEqual(store.remainsOf('meter-8'), { received: [3] });
      store.flush();
      store.keep('meter-8', undefined);
      store.forget('meter-9');
      store.close();
      const again = reopen();
      assert.deepEqual(again.remainsOf('meter-7'), { received: [1, 65_535], expiresAtMs: 1_700_000_000_000 });
      assert.equal(again.homeOf('meter-8'), 'legacy');
      assert.equal(again.remainsOf('meter-8'), undefined);
      assert.equal(again.remainsOf('meter-9'), undefined);
      again.close();
    });

    it('keeps the last 1000 identifiers, and none without a home', () => {
      const { store } = open();
      store.record('meter-7', 'legacy');
      const received = Array.from({ length: 1_200 }, (_, index) => index + 1);
      store.keep('meter-7', { received });
      store.keep('stranger', { received });
      assert.deepEqual(store.remainsOf('meter-7'), { received: received.slice(200) });
      assert.equal(store.remainsOf('stranger'), undefined);
      store.close();
    });

    it('keeps subscriptions until others are given, beside what else is left', () => {
      const { store, reopen } = open();
      store.record('meter-7', 'legacy');
      store.record('meter-8', 'legacy');
      store.keep('meter-7', { received: [1], subscriptions: 'one' });
      store.keep('meter-8', { received: [], subscriptions: 'two' });
      store.flush();
      store.keep('meter-7', { received: [] });
      assert.deepEqual(store.remainsOf('meter-7'), { received: [], subscriptions: 'one' });
      store.keep('meter-7', { received: [2] });
      store.keep('meter-8', undefined);
      store.close();
      const again = reopen();
      assert.deepEqual(again.remainsOf('meter-7'), { received: [2], subscriptions: 'one' });
      assert.equal(again.remainsOf('meter-8'), undefined);
      again.keep('meter-7', { received: [], subscriptions: unknownSubscriptions });
      assert.equal(again.remainsOf('meter-7'), undefined);
      again.close();
    });

    it('takes any client ID as it is', () => {
      const { store } = open();
      for (const clientId of ['söner/µ+#', "'; DROP TABLE homes; --", 'a'.repeat(10_000), ' '])
        store.record(clientId, 'legacy');
      store.flush();
      assert.equal(store.homeOf("'; DROP TABLE homes; --"), 'legacy');
      assert.equal(store.homeOf(''), undefined);
      store.close();
    });
  });
}
