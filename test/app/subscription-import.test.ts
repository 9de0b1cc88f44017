import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { importSubscriptions } from '../../src/app/subscription-import.ts';
import { decodeSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';

function openImports(t: TestContext) {
  const store = openSqliteHomeStore(':memory:');
  t.after(() => store.close());
  return {
    learn: store.learn.bind(store),
    knownOf: (clientId: string) => {
      const { subscriptionsKnown, held } = decodeSubscriptions(store.remainsOf(clientId)?.subscriptions);
      return { subscriptionsKnown, held: held.map(({ filter, qos }) => `${filter} ${qos}`) };
    },
  };
}

describe('importSubscriptions', () => {
  it('takes devices and their filters, and the same again without a change', (t) => {
    const { learn, knownOf } = openImports(t);
    const subscriptions = [
      { filter: 'a/#', qos: 1 },
      { filter: 'b', qos: 0 },
    ];
    const body = { importId: 'one', devices: [{ clientId: 'meter-7', subscriptions }] };
    assert.deepEqual(importSubscriptions(body, learn), { devices: 1, filters: 2, alreadyKnown: 0, rejected: [] });
    assert.deepEqual(importSubscriptions({ ...body, importId: 'two' }, learn).devices, 1);
    assert.deepEqual(knownOf('meter-7'), { subscriptionsKnown: true, held: ['a/# 1', 'b 0'] });
  });

  it('says what is wrong with a row, leaves its device unknown and goes on with the others', (t) => {
    const { learn, knownOf } = openImports(t);
    const wrong = [
      { filter: 'a/#/b', qos: 1, reason: /# is not the last level/ },
      { filter: '', qos: 1, reason: /empty/ },
      { filter: 'x'.repeat(65_536), qos: 1, reason: /longer than 65535 bytes/ },
      { filter: 'b', qos: 3, reason: /expected QoS 0, 1 or 2, got 3/ },
    ];
    const devices = [
      {
        clientId: 'bad',
        subscriptions: [{ filter: 'good', qos: 1 }, ...wrong.map(({ filter, qos }) => ({ filter, qos }))],
      },
      { clientId: '', subscriptions: [{ filter: 'a', qos: 1 }] },
      { clientId: 'part', subscriptions: [{ filter: 'a', qos: 1 }], isComplete: false },
      { clientId: 'good', subscriptions: [{ filter: 'a', qos: 1 }] },
    ];
    const { rejected, ...counts } = importSubscriptions({ importId: 'one', devices }, learn);
    assert.deepEqual(counts, { devices: 3, filters: 3, alreadyKnown: 0 });
    assert.equal(rejected.length, 5);
    for (const [index, { reason }] of wrong.entries())
      assert.match(
        rejected.find(({ filter, clientId }) => clientId === 'bad' && filter === wrong[index]?.filter)?.reason ?? '',
        reason,
      );
    assert.deepEqual(knownOf('bad'), { subscriptionsKnown: false, held: ['good 1'] });
    assert.equal(knownOf('part').subscriptionsKnown, false);
    assert.deepEqual(knownOf('good'), { subscriptionsKnown: true, held: ['a 1'] });
  });
});
