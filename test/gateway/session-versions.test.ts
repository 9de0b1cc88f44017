import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import mqtt, { type IConnectPacket } from 'mqtt-packet';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { createGatewayWorld, type GatewayWorld, metricValue, type RecordingRegistry } from './gateway-world.ts';
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

beforeEach(() => {
  devices = [];
});

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  await world.stop();
});

/** A world whose brokers speak one version only; the scripted broker answers in MQTT 3.1.1. */
async function openWorld(...versions: ProtocolVersion[]): Promise<void> {
  const traits = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], versions };
  const settings = { clientIdPolicy: 'any', brokers: { legacy: traits, target: traits } } as const;
  world = await createGatewayWorld({ clock, settings });
}

async function attach(version: 4 | 5, options: Partial<IConnectPacket> = {}): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect('meter-1', options);
  await until(() => device.inbox.find('connack') !== undefined);
  return device;
}

/** As they are now, whatever was asserted of them before. */
function endsOf({ registry }: GatewayWorld): RecordingRegistry['ends'] {
  return [...registry.ends];
}

const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: false };
const publish = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false } as const;

describe('a device on a broker of another version', () => {
  it('of 3.1 is spoken for in 3.1.1', async () => {
    await openWorld('3.1.1');
    const device = await attach(4, { protocolId: 'MQIsdp', protocolVersion: 3 });
    const leg = await world.legacy.leg();
    const connect = await leg.inbox.packet('connect');
    assert.deepEqual([connect['protocolId'], connect['protocolVersion']], ['MQTT', 4]);
    // MQTT 3.1 §3.8: its SUBSCRIBE may say DUP, which 3.1.1 forbids.
    device.socket.write(Buffer.from([0x8a, 6, 0, 1, 0, 1, 0x74, 0]));
    await leg.inbox.packet('subscribe');
    assert.equal((leg.received.at(-1) as Buffer)[0], 0x82);
    device.send(publish);
    await device.inbox.packet('puback');
    world.gateway.stop();
    assert.equal(await metricValue(world.metrics.adaptations, { kind: 'protocol-version' }), 1);
  });

  it('of 5 is spoken for in 3.1.1, and answered in its own words', async () => {
    await openWorld('3.1.1');
    const device = await attach(5);
    const leg = await world.legacy.leg();
    assert.equal((await leg.inbox.packet('connect'))['protocolVersion'], 4);
    device.send({ ...publish, properties: { contentType: 'text/plain' } });
    const received = await leg.inbox.packet('publish');
    assert.deepEqual([received['topic'], String(received['payload']), received['qos']], ['t', 'x', 1]);
    assert.equal((await device.inbox.packet('puback'))['messageId'], 7);
    leg.socket.write(mqtt.generate({ ...publish, topic: 'down', messageId: 9 }));
    assert.equal((await device.inbox.packet('publish'))['topic'], 'down');
    device.send({ cmd: 'puback', messageId: 9, reasonCode: 0x10 });
    await leg.inbox.packet('puback');
    device.send({ cmd: 'disconnect' });
    await leg.inbox.closed();
    assert.deepEqual((leg.received.at(-1) as Buffer).subarray(-2), Buffer.from([0xe0, 0]));
    world.gateway.stop();
    assert.equal(await metricValue(world.metrics.adaptations, { kind: 'properties' }), 1);
  });
});

describe('a will delay that the broker does not know', () => {
  const delayed = {
    clean: true,
    keepalive: 0,
    will: { ...will, properties: { willDelayInterval: 400 } },
    properties: { sessionExpiryInterval: 500 },
  };

  /** The leg of the session itself: a connection to end an earlier session went before it. */
  async function lose(): Promise<Awaited<ReturnType<GatewayWorld['legacy']['leg']>>> {
    await openWorld('3.1.1');
    const device = await attach(5, delayed);
    const leg = await world.legacy.leg(1);
    device.socket.resetAndDestroy();
    await until(() => world.gateway.sessions({ limit: 1 }).length === 0);
    return leg;
  }

  it('keeps the broker from seeing the loss for as long, with pings', async () => {
    const leg = await lose();
    clock.travel(230_000);
    await until(() => leg.inbox.find('pingreq') !== undefined);
    clock.travel(160_000);
    assert.equal(leg.inbox.isClosed, false);
    assert.deepEqual(world.registry.ends, []);
    clock.travel(20_000);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'pingreq']);
    await until(() => world.registry.ends.length === 1);
    const [ended] = endsOf(world);
    assert.equal(ended?.sessionOver, false);
    const { expiresAtMs = 0 } = ended?.remains ?? {};
    // 500 s from the loss, of which 410 are over.
    assert.ok(Math.abs(expiresAtMs - clock.wallMs() - 90_000) < 5_000);
  });

  for (const newBroker of ['legacy', 'target']) {
    it(`is forgotten when the device is back in time, on ${newBroker}: DISCONNECT`, async () => {
      const leg = await lose();
      await world.gateway.endLeg(1, 9, newBroker);
      assert.equal(world.upstreams[1]?.closed, true);
      assert.equal(world.registry.ends.length, 1);
      await leg.inbox.closed();
      assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
    });
  }

  it('does not hold up a device that says DISCONNECT', async () => {
    await openWorld('3.1.1');
    const device = await attach(5, delayed);
    device.send({ cmd: 'disconnect' });
    const leg = await world.legacy.leg(1);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
    await until(() => world.registry.ends.length === 1);
  });

  it('waits for a device that asked for its will with DISCONNECT', async () => {
    await openWorld('3.1.1');
    const device = await attach(5, delayed);
    device.send({ cmd: 'disconnect', reasonCode: 4 });
    await until(() => world.gateway.sessions({ limit: 1 }).length === 0);
    const leg = await world.legacy.leg(1);
    assert.equal(leg.inbox.isClosed, false);
    clock.travel(401_000);
    await leg.inbox.closed();
    assert.ok(!leg.inbox.commands().includes('disconnect'));
  });
});

describe('an earlier session at a broker whose CONNECT cannot end it alone', () => {
  it('is ended by a connection of its own, which is closed before the device’s comes', async () => {
    await openWorld('3.1.1');
    await attach(5, { clean: true, properties: { sessionExpiryInterval: 100 } });
    const [purge, leg] = [await world.legacy.leg(0), await world.legacy.leg(1)];
    assert.deepEqual(purge.inbox.commands(), ['connect', 'disconnect']);
    assert.ok(purge.inbox.isClosed);
    const cleans = [purge, leg].map(({ inbox }) => inbox.find('connect')?.['clean']);
    assert.deepEqual(cleans, [true, false]);
    assert.equal(world.registry.tokens, 1);
    assert.equal(await metricValue(world.metrics.connects, { result: 'purged' }), 1);
  });

  it('is not the device’s to wait for longer than brokerAnswerMs', async () => {
    await openWorld('3.1.1');
    world.legacy.onConnect = 'silent';
    const device = await TestDevice.dial(world.port, 5);
    devices.push(device);
    device.connect('meter-1', { clean: true, properties: { sessionExpiryInterval: 100 } });
    await (await world.legacy.leg()).inbox.packet('connect');
    clock.travel(2_000);
    assert.equal((await device.inbox.packet('connack'))['reasonCode'], 0x88);
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.legacy.legs.length, 1);
  });
});

describe('a session that its broker would keep for ever', () => {
  const ending = { clean: false, properties: { sessionExpiryInterval: 0 } };

  it('is ended there when it ends with its connection, and its client ID is free after that', async () => {
    await openWorld('3.1.1');
    const device = await attach(5, ending);
    assert.equal(world.registry.attachments[0]?.persistent, true);
    device.send({ cmd: 'disconnect' });
    const end = await world.legacy.leg(1);
    await end.inbox.closed();
    assert.deepEqual(end.inbox.commands(), ['connect', 'disconnect']);
    assert.equal(end.inbox.find('connect')?.['clean'], true);
    await until(() => world.registry.ends.length === 1);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: true }]);
  });

  it('is known to be over when its broker did not answer before the device was back', async () => {
    await openWorld('3.1.1');
    const device = await attach(5, ending);
    world.legacy.onConnect = 'silent';
    device.send({ cmd: 'disconnect' });
    const end = await world.legacy.leg(1);
    await end.inbox.packet('connect');
    const over = world.gateway.endLeg(1, 9, 'legacy');
    assert.deepEqual(world.registry.ends, []);
    clock.travel(200);
    await over;
    await end.inbox.closed();
    const [ended] = endsOf(world);
    assert.equal(ended?.sessionOver, false);
    assert.ok((ended?.remains?.expiresAtMs ?? Number.POSITIVE_INFINITY) <= clock.wallMs());
  });

  it('is begun anew by the CONNECT that the registry says has run out', async () => {
    await openWorld('3.1.1');
    world.registry.answer = ({ desired: broker }, epoch) => ({
      granted: true,
      epoch,
      broker,
      hasHome: true,
      tookOver: false,
      remains: { received: [], expired: true },
    });
    const device = await attach(5, { clean: false, properties: { sessionExpiryInterval: 100 } });
    assert.equal(device.inbox.find('connack')?.['sessionPresent'], false);
    assert.equal((await world.legacy.leg(0)).inbox.find('connect')?.['clean'], true);
    assert.equal((await world.legacy.leg(1)).inbox.find('connect')?.['clean'], false);
  });
});
