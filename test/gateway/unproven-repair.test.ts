import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { GatewaySettings } from '../../src/gateway/gateway-ports.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

/** Pauses between tries are a tenth of what they may be at most. */
async function start({
  onDown = 'hold',
  repairMs = 30_000,
  random = 0.1,
}: {
  onDown?: 'hold' | 'source' | 'close';
  repairMs?: number;
  random?: number;
} = {}): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], onDown };
  const settings: GatewaySettings = { clientIdPolicy: 'any', brokers: { legacy: broker, target: broker } };
  world = await createGatewayWorld({ settings, limits: { repairMs }, random: () => random });
  world.legacy.grants = 1;
  world.target.grants = 1;
}

async function attach(clientId = 'meter-1'): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port);
  devices.push(device);
  device.connect(clientId);
  await device.inbox.packet('connack');
  return device;
}

const publish = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false } as const;

const publishes = () =>
  world.legacy.legs.filter(({ inbox }) => inbox.commands().includes('publish') && inbox.isClosed).length;

describe('a broker that accepts a session and closes it again', () => {
  it('is asked at growing intervals, and the device stays until it keeps the session', async () => {
    await start();
    const device = await attach();
    world.legacy.acknowledges = false;
    device.send(publish);
    const first = await world.legacy.leg();
    await first.inbox.packet('publish');
    world.legacy.onConnect = 'close-behind-connack';
    first.socket.destroy();
    await until(() => world.legacy.legs.length >= 7, 'further tries');
    assert.equal(device.inbox.isClosed, false);
    // The second connection was given what was not acknowledged; later ones have to be kept for a while before.
    const said = world.legacy.legs.slice(2, 6).map(({ inbox }) => inbox.commands().join());
    for (const commands of said) assert.match(commands, /^connect(,pingreq)?(,disconnect)?$/);
    world.legacy.acknowledges = true;
    world.legacy.onConnect = connackAccepted;
    assert.equal((await device.inbox.packet('puback'))['messageId'], 7);
    assert.deepEqual(world.registry.ends, []);
    assert.equal(await metricValue(world.metrics.repairs, { result: 'repaired' }), 2);
  });

  it('has its `onDown` followed behind repairMs, though it accepted the session each time', async () => {
    await start({ onDown: 'close', repairMs: 400 });
    const device = await attach();
    world.legacy.onConnect = 'close-behind-connack';
    (await world.legacy.leg()).socket.destroy();
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.ok(world.legacy.legs.length > 2);
    assert.equal(await metricValue(world.metrics.repairs, { result: 'closed' }), 1);
  });

  it('closes its devices at its own pace', async () => {
    await start({ onDown: 'close', repairMs: 200, random: 0.02 });
    const device = await attach();
    const { registry } = world;
    registry.connectToken = async () => {
      registry.tokens += 1;
      return false;
    };
    const lostAtMs = performance.now();
    (await world.legacy.leg()).socket.destroy();
    let asked = Number.POSITIVE_INFINITY;
    await until(() => {
      if (asked === Number.POSITIVE_INFINITY && performance.now() > lostAtMs + 300) asked = registry.tokens;
      return registry.tokens > asked;
    });
    assert.equal(device.inbox.isClosed, false);
    registry.connectToken = async () => true;
    await device.inbox.closed();
  });

  it('loses the device to the source where its broker says so', async () => {
    await start({ onDown: 'source', repairMs: 400 });
    world.desired = 'target';
    const device = await attach();
    world.target.onConnect = 'close-behind-connack';
    (await world.target.leg()).socket.destroy();
    await world.legacy.leg();
    device.send(publish);
    await device.inbox.packet('puback');
  });
});

describe('a device whose packet is what its broker closes for', () => {
  it('is ended when that has happened twice with the packet sent again', async () => {
    await start();
    const device = await attach();
    world.legacy.closesAtPublish = true;
    device.send(publish);
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.equal(publishes(), 3);
    assert.equal(world.legacy.legs.length, 3);
    const [, , third] = world.legacy.legs;
    assert.deepEqual(third?.inbox.commands(), ['connect', 'pingreq', 'publish']);
    assert.ok(world.log.some((line) => line.includes('each time behind what the device had sent before')));
  });

  it('takes in what came while the broker was watched', async () => {
    await start();
    const device = await attach();
    device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
    await device.inbox.packet('suback');
    const queued = mqtt.generate({ ...publish, topic: 'commands', payload: 'queued', messageId: 3 });
    (await world.legacy.leg()).socket.destroy();
    const second = await world.legacy.leg(1);
    await second.inbox.packet('subscribe');
    world.legacy.onConnect = Buffer.concat([connackAccepted, queued]);
    second.socket.destroy();
    assert.equal(String((await device.inbox.packet('publish'))['payload']), 'queued');
  });
});

describe('a broker that many sessions lose together', () => {
  it('is not asked by all of them at once', async () => {
    await start({ random: 0.999 });
    const count = 40;
    for (let index = 0; index < count; index += 1) await attach(`meter-${index}`);
    const { length } = world.dials;
    for (const { socket } of world.legacy.legs) socket.destroy();
    // Ten come at once, the others within the second that follows.
    await until(() => world.dials.length >= length + 10, 'the first tries');
    assert.ok(world.dials.length < length + count, `${world.dials.length - length} tries at once`);
    await until(() => world.dials.length === length + count, 'all tries');
    for (const device of devices) device.send(publish);
    for (const device of devices) await device.inbox.packet('puback');
  });
});
