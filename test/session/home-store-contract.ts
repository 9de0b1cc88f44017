import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeSubscriptions,
  encodeSubscriptions,
  type SessionSubscriptions,
  unknownSubscriptions,
} from '../../src/mqtt/remembered-subscriptions.ts';
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
      again.close();
    });

    it('counts homes of a cohort that are elsewhere than its weight wants them, as far as their places are known', () => {
      const { store, reopen } = open();
      store.record('first', 'legacy', 1, { cohort: 'everyone', position: 100 });
      store.record('middle', 'legacy', 1, { cohort: 'everyone', position: 5_000 });
      store.record('last', 'legacy', 1, { cohort: 'everyone', position: 9_000.5 });
      store.record('other', 'legacy', 1, { cohort: 'gen1', position: 100 });
      store.record('older', 'legacy', 1);
      const at = (weightBps: number) => ({ name: 'everyone', source: 'legacy', target: 'aws', weightBps });
      assert.deepEqual(
        [0, 5_000, 9_000.5, 10_000].map((weight) => store.countMisplaced(at(weight))),
        [0, 1, 2, 3],
      );
      store.record('first', 'aws', 2);
      store.record('middle', 'legacy', 2, { cohort: '', position: 3 });
      store.close();
      const again = reopen();
      assert.deepEqual(
        [0, 5_000, 10_000].map((weight) => again.countMisplaced(at(weight))),
        [1, 0, 1],
      );
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

    it('keeps the epoch of a home, which never falls while there is one', () => {
      const { store, reopen } = open();
      const epoch = 1_790_000_000_000_001;
      store.record('meter-7', 'legacy', epoch);
      store.record('meter-7', 'legacy', epoch - 1);
      assert.equal(store.epochOf('meter-7'), epoch);
      store.close();
      const again = reopen();
      assert.equal(again.epochOf('meter-7'), epoch);
      again.record('meter-7', 'legacy', epoch + 1);
      assert.equal(again.epochOf('meter-7'), epoch + 1);
      again.forget('meter-7');
      assert.equal(again.epochOf('meter-7'), 0);
      again.close();
    });

    it('knows the brokers that a home has left, four of them, and not those that it is back at', () => {
      const { store, reopen } = open();
      for (const broker of ['a', 'b', 'c', 'b']) store.record('meter-7', broker);
      assert.deepEqual(store.formerOf('meter-7'), ['a', 'c']);
      store.flush();
      for (const broker of ['d', 'e', 'f']) store.record('meter-7', broker);
      store.close();
      const again = reopen();
      assert.deepEqual(again.formerOf('meter-7'), ['c', 'b', 'd', 'e']);
      again.forget('meter-7');
      assert.deepEqual(again.formerOf('meter-7'), ['c', 'b', 'd', 'e'], 'what is left there is still left there');
      again.keepFormer('meter-7', []);
      assert.deepEqual(again.formerOf('meter-7'), []);
      again.close();
    });

    it('keeps what it holds of a session when its home moves', () => {
      const { store } = open();
      store.record('meter-7', 'legacy');
      store.keep('meter-7', { received: [3], subscriptions: 'one' });
      store.record('meter-7', 'aws', 5);
      assert.deepEqual(store.remainsOf('meter-7'), { received: [3], subscriptions: 'one' });
      store.close();
    });

    const filters = (names: readonly string[], subscriptionsKnown = true): SessionSubscriptions => ({
      subscriptionsKnown,
      held: names.map((filter) => ({
        filter,
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        granted: 1,
      })),
    });
    const known = (store: HomeStore, clientId: string) => {
      const { subscriptionsKnown, held } = decodeSubscriptions(store.remainsOf(clientId)?.subscriptions);
      return { subscriptionsKnown, filters: held.map(({ filter }) => filter) };
    };

    it('learns subscriptions of sessions with and without a home, over a restart', () => {
      const { store, reopen } = open();
      store.record('meter-7', 'legacy');
      const devices = ['meter-7', 'meter-8'].map((clientId) => ({ clientId, ...filters(['a', 'b']) }));
      assert.deepEqual(store.learn('first', devices), ['taken', 'taken']);
      store.close();
      const again = reopen();
      for (const clientId of ['meter-7', 'meter-8']) {
        assert.deepEqual(known(again, clientId), { subscriptionsKnown: true, filters: ['a', 'b'] });
      }
      assert.equal(again.homeOf('meter-8'), undefined);
      again.close();
    });

    it('adds up what one import brings of a device, and takes another import in its place', () => {
      const { store } = open();
      store.learn('first', [{ clientId: 'meter-7', ...filters(['a']) }]);
      assert.deepEqual(store.learn('first', [{ clientId: 'meter-7', ...filters(['b', 'a']) }]), ['added']);
      assert.deepEqual(known(store, 'meter-7'), { subscriptionsKnown: true, filters: ['a', 'b'] });
      store.learn('first', [{ clientId: 'meter-7', ...filters([], false) }]);
      assert.equal(known(store, 'meter-7').subscriptionsKnown, false);
      assert.deepEqual(store.learn('second', [{ clientId: 'meter-7', ...filters(['c']) }]), ['taken']);
      assert.deepEqual(known(store, 'meter-7'), { subscriptionsKnown: true, filters: ['c'] });
      store.close();
    });

    it('takes what the gateway saw for newer than an import, and needs none where it saw all', () => {
      const { store } = open();
      for (const clientId of ['part', 'all', 'later']) store.record(clientId, 'legacy');
      store.keep('part', { received: [], subscriptions: encodeSubscriptions(filters(['seen'], false)) });
      store.keep('all', { received: [], subscriptions: encodeSubscriptions(filters(['seen'])) });
      const devices = ['part', 'all', 'later'].map((clientId) => ({ clientId, ...filters(['told']) }));
      assert.deepEqual(store.learn('first', devices), ['taken', 'known', 'taken']);
      assert.deepEqual(known(store, 'part'), { subscriptionsKnown: true, filters: ['told', 'seen'] });
      assert.deepEqual(known(store, 'all'), { subscriptionsKnown: true, filters: ['seen'] });
      store.keep('later', { received: [], subscriptions: encodeSubscriptions(filters(['seen'])) });
      store.keep('later', { received: [], subscriptions: unknownSubscriptions });
      assert.equal(store.remainsOf('later'), undefined, 'what was told is older than what was seen and lost');
      store.close();
    });

    it('forgets an import when the session begins anew', () => {
      const { store, reopen } = open();
      store.learn('first', [{ clientId: 'meter-7', ...filters(['a']) }]);
      store.record('meter-7', 'legacy');
      store.keep('meter-7', undefined);
      assert.equal(store.remainsOf('meter-7'), undefined);
      store.close();
      const again = reopen();
      assert.equal(again.remainsOf('meter-7'), undefined);
      assert.deepEqual(again.learn('first', [{ clientId: 'meter-7', ...filters(['a']) }]), ['taken']);
      again.close();
    });

    it('takes a device with more filters than it remembers for one that is not known', () => {
      const { store } = open();
      const many = Array.from({ length: 6_000 }, (_, index) => `filter/${'x'.repeat(40)}/${index}`);
      store.learn('first', [{ clientId: 'meter-7', ...filters(['a']) }]);
      assert.deepEqual(store.learn('first', [{ clientId: 'meter-7', ...filters(many) }]), ['too-many']);
      assert.equal(known(store, 'meter-7').subscriptionsKnown, false);
      store.close();
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
