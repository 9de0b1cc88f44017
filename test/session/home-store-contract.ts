import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
