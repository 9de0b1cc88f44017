import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

test('an always-on device whose session is older than the gateway moves after an import, and never reconnects', async () => {
  await using world = await FaultWorld.start({ sections: { handover: { overlapMs: 300, settleMs: 20 } } });
  const { admin } = world.gateway;
  for (const clientId of ['old-1', 'old-2', 'old-3']) {
    await using before = await world.device(clientId, { to: world.legacy.url, clean: false });
    await before.client.subscribeAsync(`orders/${clientId}`, { qos: 1 });
    await before.end();
  }
  await using first = await world.device('old-1', { clean: false });
  await using second = await world.device('old-2', { clean: false });
  await using third = await world.device('old-3', { clean: false });
  const unknown = await world.ended(answerOf(await admin.cutover('everyone', { weight: '100%' })).move.id);
  assert.deepEqual([unknown.moved, unknown.pending.unknownSubscriptions], [0, 3]);

  const subscribed = (clientId: string, filter: string) => ({ clientId, subscriptions: [{ filter, qos: 1 }] });
  const importId = randomUUID();
  // The second call of the same import adds to the first.
  const calls = [
    [subscribed('old-1', 'orders/old-1'), subscribed('old-2', 'orders/old-2')],
    [subscribed('old-2', 'alarms/old-2')],
  ];
  for (const devices of calls) answerOf(await admin.importSubscriptions({ importId, devices }));

  const known = await world.ended(answerOf(await admin.cutover('everyone', { weight: '100%' })).move.id);
  assert.deepEqual([known.state, known.pending.unknownSubscriptions], ['done', 1]);
  const homes = await Promise.all(['old-1', 'old-2', 'old-3'].map((clientId) => world.brokerOf(clientId)));
  assert.deepEqual(homes, ['target', 'target', 'legacy']);
  await using backend = await world.device('backend', { to: world.target.url });
  for (const topic of ['orders/old-1', 'orders/old-2', 'alarms/old-2'])
    await backend.client.publishAsync(topic, topic, { qos: 1 });
  await first.received('orders/old-1');
  await second.received('orders/old-2');
  await second.received('alarms/old-2');
  assert.deepEqual([first.closes, second.closes, third.closes], [0, 0, 0]);
});
