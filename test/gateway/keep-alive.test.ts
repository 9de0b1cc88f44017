import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { connackAccepted5 } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { TravellingClock } from './travelling-clock.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let clock: TravellingClock;
let devices: TestDevice[];

before(() => {
  clock = new TravellingClock();
});

after(() => clock.stop());

beforeEach(async () => {
  world = await createGatewayWorld({ clock });
  devices = [];
});

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  await world.stop();
});

async function attach(keepalive: number, version: 4 | 5 = 4): Promise<TestDevice> {
  if (version === 5) {
    world.legacy.onConnect = connackAccepted5;
    world.legacy.protocolVersion = 5;
  }
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect('meter-1', { keepalive });
  await device.inbox.packet('connack');
  return device;
}

const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: false };
const publish = { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false } as const;

describe('the keep alive of a device', () => {
  it('is answered here: PINGREQ does not go to the broker', async () => {
    world.legacy.acknowledges = false;
    const device = await attach(60);
    device.send({ cmd: 'pingreq' });
    await device.inbox.packet('pingresp');
    device.send(publish);
    const leg = await world.legacy.leg();
    await leg.inbox.packet('publish');
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish']);
  });

  it('ends a device that is silent for more than one and a half times of it, and its will is published', async () => {
    world.legacy.onConnect = connackAccepted5;
    world.legacy.protocolVersion = 5;
    const device = await TestDevice.dial(world.port, 5);
    devices.push(device);
    device.connect('meter-1', { keepalive: 60, will });
    await device.inbox.packet('connack');
    clock.travel(80_000);
    const leg = await world.legacy.leg();
    await leg.inbox.packet('pingreq');
    assert.equal(device.inbox.isClosed, false);
    clock.travel(11_000);
    await until(() => device.inbox.find('disconnect') !== undefined);
    assert.equal(device.inbox.find('disconnect')?.['reasonCode'], 0x8d);
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'pingreq']);
    await until(() => world.registry.ends.length === 1);
  });

  it('starts anew with every packet', async () => {
    const device = await attach(60);
    const leg = await world.legacy.leg();
    for (let minute = 0; minute < 3; minute += 1) {
      clock.travel(60_000);
      await until(() => world.metrics.packets.fromBroker[13] === minute + 1);
      device.send(publish);
      await until(() => leg.inbox.commands().filter((command) => command === 'publish').length === minute + 1);
    }
    assert.equal(device.inbox.isClosed, false);
  });

  it('is not the device’s fault while nobody reads it', async () => {
    world.legacy.readsNothing = true;
    const device = await attach(60);
    const packet = mqtt.generate({ ...publish, payload: Buffer.alloc(60_000) });
    let isDrained = true;
    while (isDrained) {
      const drained =
        device.socket.write(packet) || new Promise<void>((resolve) => device.socket.once('drain', resolve));
      isDrained = await Promise.race([
        Promise.resolve(drained).then(() => true),
        new Promise<false>((resolve) => setImmediateTimes(200, () => resolve(false))),
      ]);
    }
    clock.travel(95_000);
    await new Promise((resolve) => setImmediateTimes(20, () => resolve(undefined)));
    assert.equal(device.inbox.isClosed, false);
    assert.equal(world.gateway.sessions({ limit: 1 }).length, 1);
  });
});

describe('the keep alive of an upstream leg', () => {
  it('is the gateway’s own: a device without any is kept, and its broker pinged', async () => {
    const device = await attach(0);
    const leg = await world.legacy.leg();
    assert.equal((await leg.inbox.packet('connect'))['keepalive'], 300);
    for (let ping = 1; ping <= 3; ping += 1) {
      clock.travel(299_000);
      await until(() => leg.inbox.commands().filter((command) => command === 'pingreq').length === ping);
      await until(() => world.metrics.packets.fromBroker[13] === ping);
    }
    assert.equal(device.inbox.isClosed, false);
    assert.deepEqual(device.inbox.commands(), ['connack']);
  });

  it('gives a session whose broker does not answer a ping another connection, and the device notices nothing', async () => {
    world.legacy.acknowledges = false;
    const device = await attach(0, 5);
    const leg = await world.legacy.leg();
    clock.travel(299_000);
    await leg.inbox.packet('pingreq');
    clock.travel(11_000);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'pingreq', 'disconnect']);
    await (await world.legacy.leg(1)).inbox.packet('connect');
    assert.equal(device.inbox.isClosed, false);
    assert.deepEqual(world.registry.ends, []);
  });
});

/** Calls back after so many turns of the event loop. */
function setImmediateTimes(turns: number, callback: () => void): void {
  setImmediate(() => (turns <= 1 ? callback() : setImmediateTimes(turns - 1, callback)));
}
