import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FaultWorld } from './fault-world.ts';

const world = await FaultWorld.start();
after(() => world[Symbol.asyncDispose]());

/** Connects, subscribes to its orders, and leaves a session behind at the broker of the day. */
async function leaveSession(clientId: string, options: object = {}): Promise<void> {
  await using device = await world.device(clientId, { clean: false, ...options });
  await device.client.subscribeAsync(`orders/${clientId}`, { qos: 1 });
  await device.end();
}

async function order(clientId: string, text: string): Promise<void> {
  await using backend = await world.device('backend', { to: world.legacy.url });
  await backend.client.publishAsync(`orders/${clientId}`, text, { qos: 1 });
}

const protocols = [
  { name: 'MQTT 3.1.1', options: { protocolVersion: 4 } },
  { name: 'MQTT 5', options: { protocolVersion: 5, properties: { sessionExpiryInterval: 3_600 } } },
] as const;

for (const { name, options } of protocols) {
  test(`${name}: a persistent session goes home after a cutover and gets its queue; a clean one follows the plan`, async () => {
    const clientId = `keeper-${options.protocolVersion}`;
    await world.cutover(0);
    await leaveSession(clientId, options);
    await world.cutover(10_000);
    await order(clientId, 'queued at home');
    const back = await world.device(clientId, { clean: false, ...options });
    await back.received('queued at home');
    assert.equal(back.sessionPresent, true);
    assert.equal(await world.brokerOf(clientId), 'legacy');
    await back.end();
    // A clean start leaves the old session: from now on the plan decides.
    await using clean = await world.device(clientId, { clean: true, protocolVersion: options.protocolVersion });
    assert.equal(await world.brokerOf(clientId), 'target');
    assert.equal(clean.sessionPresent, false);
  });
}

test('a persistent session that is live at the cutover stays, and the move says so', async () => {
  await world.cutover(0);
  await using device = await world.device('live-keeper', { clean: false });
  const move = await world.cutover(10_000);
  assert.equal(move.state, 'done');
  assert.deepEqual(
    move.refused.map(({ clientId }) => clientId),
    ['live-keeper'],
  );
  assert.match(move.refused[0]?.reason ?? '', /persistent session/);
  await device.echo();
  assert.equal(device.closes, 0);
});

test('homes outlive the gateway: after a restart the queue is still found', async () => {
  await world.cutover(0);
  await leaveSession('long-keeper');
  await world.cutover(10_000);
  await order('long-keeper', 'before the restart');
  await world.restart();
  await order('long-keeper', 'after the restart');
  await using back = await world.device('long-keeper', { clean: false });
  await back.received('before the restart');
  await back.received('after the restart');
  assert.equal(await world.brokerOf('long-keeper'), 'legacy');
  await using newcomer = await world.device('newcomer', { clean: false });
  assert.equal(await world.brokerOf(newcomer.clientId), 'target');
});
