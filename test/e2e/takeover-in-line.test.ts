import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { Timeline } from './broker-tap.ts';
import { Device, Devices } from './device.ts';
import { silentDevice } from './silent-device.ts';
import { startTappedWorld } from './tapped-world.ts';

const timeline = new Timeline();
const legacyPerSecond = 1;
const held = await startTappedWorld(timeline, { brokers: { legacy: { connectsPerSecond: legacyPerSecond } } });
const { world } = held;
const { gateway } = world;
after(() => held[Symbol.asyncDispose]());

test('a takeover that waits for its turn at the broker is overtaken by one that goes to the other broker', async () => {
  await using observer = await world.device('slow-observer', { to: world.legacy.url });
  await observer.client.subscribeAsync('wills/#', { qos: 1 });
  await world.cutover(0, { live: 'keep' });
  const old = await silentDevice(gateway.port, 'slow-0', 'wills/slow-0');
  // The broker's rate is used up, so that the next connection of the client ID waits.
  await using others = await Devices.connect(legacyPerSecond, (index) => ({
    clientId: `other-${index}`,
    to: gateway.port,
  }));
  const closed = once(old, 'close');
  const waiting = new Device({ clientId: 'slow-0', to: gateway.port });
  await closed;
  await world.cutover(10_000, { live: 'keep' });
  await using last = await world.device('slow-0');
  await waiting.closed();
  await last.echo();
  assert.deepEqual(timeline.doubles('slow-0'), []);
  await timeline.changes.until(
    () => `the old leg is over: ${JSON.stringify(timeline.of('slow-0'))}`,
    () => timeline.liveLegs('slow-0').length === 1,
  );
  await observer.client.publishAsync('wills/none', 'last', { qos: 1 });
  await observer.received('last');
  assert.deepEqual(observer.payloads(), ['last']);
  assert.equal(others.all.length, legacyPerSecond);
});
