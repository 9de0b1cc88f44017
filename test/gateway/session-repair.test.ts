import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { GatewaySettings } from '../../src/gateway/gateway-ports.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connackAccepted, connackAccepted5 } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

const connackSessionPresent = Buffer.from([0x20, 0x02, 0x01, 0x00]);
const publish = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false } as const;

/** Pauses between tries are a tenth of what they may be at most. */
async function start(
  options: { readonly repairMs?: number; readonly onDown?: 'hold' | 'source' | 'close' } = {},
): Promise<void> {
  const { onDown = 'hold', repairMs = 30_000 } = options;
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], onDown };
  const settings: GatewaySettings = { clientIdPolicy: 'any', brokers: { legacy: broker, target: broker } };
  world = await createGatewayWorld({ settings, limits: { repairMs }, random: () => 0.1 });
  world.legacy.grants = 1;
  world.target.grants = 1;
}

async function attach(clientId: string, options = {}, version: 4 | 5 = 4): Promise<TestDevice> {
  for (const broker of [world.legacy, world.target]) {
    broker.onConnect = version === 5 ? connackAccepted5 : connackAccepted;
    broker.protocolVersion = version;
  }
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect(clientId, { will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false }, ...options });
  await device.inbox.packet('connack');
  return device;
}

async function subscribe(device: TestDevice, topic: string): Promise<void> {
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await device.inbox.packet('suback');
}

describe('a session whose broker is lost', () => {
  it('keeps its device, subscribes again and repeats what was not acknowledged', async () => {
    await start();
    const device = await attach('meter-1');
    await subscribe(device, 'commands');
    world.legacy.acknowledges = false;
    device.send(publish);
    const first = await world.legacy.leg();
    await first.inbox.packet('publish');
    world.legacy.acknowledges = true;
    first.socket.destroy();
    const second = await world.legacy.leg(1);
    const repeated = await second.inbox.packet('publish');
    assert.equal(repeated['dup'], true);
    assert.equal((await device.inbox.packet('puback'))['messageId'], 7);
    assert.deepEqual(second.inbox.commands().slice(0, 2), ['connect', 'subscribe']);
    second.socket.write(
      mqtt.generate({ cmd: 'publish', topic: 'commands', payload: 'on', qos: 0, dup: false, retain: false }),
    );
    await device.inbox.packet('publish');
    assert.deepEqual(world.registry.ends, []);
    assert.deepEqual(world.registry.attachments[1], world.registry.attachments[0]);
    await until(() => world.gateway.sessions({ limit: 1 })[0]?.home === 'legacy');
    assert.equal(await metricValue(world.metrics.repairs, { result: 'repaired' }), 1);
  });

  it('is taken up where it was when it is persistent, and subscribed again', async () => {
    await start();
    const device = await attach('meter-1', { clean: false });
    await subscribe(device, 'commands');
    world.legacy.onConnect = connackSessionPresent;
    (await world.legacy.leg()).socket.destroy();
    const second = await world.legacy.leg(1);
    assert.equal((await second.inbox.packet('connect'))['clean'], false);
    device.send(publish);
    await device.inbox.packet('puback');
    assert.deepEqual(second.inbox.commands(), ['connect', 'subscribe', 'publish']);
  });

  it('answers pings, holds what the device sends, and asks again until the broker is back', async () => {
    await start();
    const device = await attach('meter-1');
    world.down.add('legacy');
    (await world.legacy.leg()).socket.destroy();
    device.send({ cmd: 'pingreq' });
    await device.inbox.packet('pingresp');
    device.send(publish);
    await until(() => world.dials.length >= 3, 'further tries');
    world.down.delete('legacy');
    await device.inbox.packet('puback');
    assert.equal(world.registry.ends.length, 0);
  });

  it('ends behind repairMs where its broker says close: an MQTT 5 device is told why', async () => {
    await start({ repairMs: 200, onDown: 'close' });
    const device = await attach('meter-1', {}, 5);
    world.down.add('legacy');
    (await world.legacy.leg()).socket.destroy();
    assert.equal((await device.inbox.packet('disconnect'))['reasonCode'], 0x8b);
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.equal(await metricValue(world.metrics.repairs, { result: 'closed' }), 1);
  });

  it('goes to the source behind repairMs where its broker says so', async () => {
    await start({ repairMs: 200, onDown: 'source' });
    world.desired = 'target';
    const device = await attach('meter-1');
    await subscribe(device, 'commands');
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    const leg = await world.legacy.leg();
    await leg.inbox.packet('subscribe');
    await until(() => world.registry.attachments.length === 2);
    const place = { cohort: 'everyone', position: 0 };
    const moved = { clientId: 'meter-1', connection: 1, epoch: 1, broker: 'legacy', persistent: false, place };
    assert.deepEqual(world.registry.attachments[1], moved);
    assert.equal(await metricValue(world.metrics.sessions, { broker: 'legacy', cohort: 'everyone' }), 1);
    assert.equal(await metricValue(world.metrics.sessions, { broker: 'target', cohort: 'everyone' }), 0);
    device.send(publish);
    await device.inbox.packet('puback');
  });

  it('ends when its broker refuses it for good', async () => {
    await start();
    const device = await attach('meter-1');
    world.legacy.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x05]);
    (await world.legacy.leg()).socket.destroy();
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.equal(await metricValue(world.metrics.repairs, { result: 'refused' }), 1);
  });

  it('has its will kept back where a subscription is not granted any more', async () => {
    await start();
    const device = await attach('meter-1');
    await subscribe(device, 'commands');
    world.legacy.grants = 0x80;
    (await world.legacy.leg()).socket.destroy();
    const leg = await world.legacy.leg(1);
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.equal(leg.inbox.commands().at(-1), 'disconnect');
  });

  it('has its will kept back where what it sent cannot be sent again', async () => {
    await start();
    const device = await attach('meter-1');
    world.legacy.acknowledges = false;
    device.send({ ...publish, payload: Buffer.alloc(400_000) });
    const first = await world.legacy.leg();
    await first.inbox.packet('publish');
    first.socket.destroy();
    const leg = await world.legacy.leg(1);
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
  });

  it('asks no more when its device leaves', async () => {
    await start();
    const device = await attach('meter-1');
    world.down.add('legacy');
    (await world.legacy.leg()).socket.destroy();
    await until(() => world.dials.length >= 2);
    device.send({ cmd: 'disconnect' });
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    const { length } = world.dials;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(world.dials.length, length);
  });

  for (const newBroker of ['legacy', 'target']) {
    it(`gives way to a newer connection that goes to ${newBroker} while its broker is asked`, async () => {
      await start();
      const device = await attach('meter-1');
      world.legacy.onConnect = 'silent';
      (await world.legacy.leg()).socket.destroy();
      const asked = await world.legacy.leg(1);
      await asked.inbox.packet('connect');
      await world.gateway.endLeg(1, 2, newBroker);
      assert.ok(world.upstreams.every(({ closed }) => closed));
      assert.equal(world.registry.ends.length, 1);
      await asked.inbox.closed();
      assert.deepEqual(asked.inbox.commands(), ['connect', 'disconnect']);
      await device.inbox.closed();
    });
  }
});
