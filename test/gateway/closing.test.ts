import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import { createGatewayWorld, type GatewayWorld, testLimits } from './gateway-world.ts';
import { connackAccepted5 } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[];

beforeEach(async () => {
  world = await createGatewayWorld();
  devices = [];
});

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  await world.stop();
});

async function attach(clientId: string, version: 4 | 5 = 4, options = {}): Promise<TestDevice> {
  if (version === 5) {
    world.legacy.onConnect = connackAccepted5;
    world.legacy.protocolVersion = 5;
  }
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect(clientId, { will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false }, ...options });
  await device.inbox.packet('connack');
  return device;
}

describe('endLeg', () => {
  it('ends the device leg at once and leaves the upstream leg silent until the broker closes it', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    await world.gateway.endLeg(1, 2);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: false }]);
    assert.equal(world.gateway.sessions({ limit: 1 }).length, 0);
    device.send({ cmd: 'publish', topic: 't', payload: 'late', qos: 0, dup: false, retain: false });
    leg.socket.write(mqtt.generate({ cmd: 'publish', topic: 't', payload: 'late', qos: 0, dup: false, retain: false }));
    await device.inbox.closed();
    assert.deepEqual(device.inbox.commands(), ['connack']);
    assert.equal(leg.inbox.isClosed, false);
    assert.equal(leg.inbox.sawEnd, false);
    leg.socket.end();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect']);
  });

  it('tells an MQTT 5 device that its session was taken over', async () => {
    const device = await attach('meter-1', 5);
    await world.gateway.endLeg(1, 2);
    assert.equal((await device.inbox.packet('disconnect'))['reasonCode'], 0x8e);
    await device.inbox.closed();
  });

  it('says DISCONNECT to the old broker when the newer session goes to another: no will', async () => {
    await attach('meter-1');
    const leg = await world.legacy.leg();
    await world.gateway.endLeg(1, 2, 'target');
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
  });

  it('is over only when a broker that hangs has lost its connection, when the newer session goes to another', async () => {
    await attach('meter-1');
    const leg = await world.legacy.leg();
    leg.socket.pause();
    let isOver = false;
    const over = world.gateway.endLeg(1, 2, 'target').then(() => {
      isOver = true;
    });
    await until(() => world.gateway.sessions({ limit: 1 }).length === 0);
    await new Promise((resolve) => setTimeout(resolve, testLimits.takeoverMs / 4));
    assert.equal(isOver, false);
    assert.deepEqual(world.registry.ends, []);
    await over;
    assert.equal(world.upstreams[0]?.closed, true);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: false }]);
    leg.socket.resume();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
  });

  it('keeps the client ID of a device that left until its broker closed, or until it is back', async () => {
    for (const [index, newBroker] of ['legacy', 'target'].entries()) {
      const device = await attach(`meter-${index}`);
      const leg = await world.legacy.leg(index);
      leg.socket.pause();
      device.send({ cmd: 'disconnect' });
      await until(() => world.metrics.packets.fromDevice[14] === index + 1);
      device.socket.resetAndDestroy();
      await until(() => world.gateway.sessions({ limit: 1 }).length === 0);
      assert.equal(world.registry.ends.length, index);
      await world.gateway.endLeg(index + 1, 9, newBroker);
      assert.deepEqual(world.registry.ends[index], { clientId: `meter-${index}`, epoch: index + 1, sessionOver: true });
      assert.equal(world.upstreams[index]?.closed, newBroker === 'target');
      leg.socket.resume();
      await leg.inbox.closed();
      assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
    }
    assert.equal(world.registry.ends.length, 2);
  });

  it('waits for a broker that has not answered the CONNECT to lose its connection, when the newer session goes to another', async () => {
    world.legacy.onConnect = 'silent';
    const device = await TestDevice.dial(world.port);
    devices.push(device);
    device.connect('meter-1');
    const leg = await world.legacy.leg();
    await leg.inbox.packet('connect');
    leg.socket.pause();
    const over = world.gateway.endLeg(1, 2, 'target');
    await device.inbox.closed();
    assert.deepEqual(world.registry.ends, []);
    await over;
    assert.equal(world.upstreams[0]?.closed, true);
    assert.equal(world.registry.ends.length, 1);
  });

  it('does not say DISCONNECT to the old broker when the newer session goes there too', async () => {
    await attach('meter-1');
    const leg = await world.legacy.leg();
    await world.gateway.endLeg(1, 2, 'legacy');
    leg.socket.end();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect']);
  });

  it('leaves a leg alone that is newer than the request, and one that is not there', async () => {
    const device = await attach('meter-1');
    await world.gateway.endLeg(1, 0);
    await world.gateway.endLeg(77, 9);
    device.send({ cmd: 'pingreq' });
    await device.inbox.packet('pingresp');
  });

  it('aborts a leg whose broker has not answered yet, and never dials for it again', async () => {
    world.legacy.onConnect = 'silent';
    const device = await TestDevice.dial(world.port);
    devices.push(device);
    device.connect('meter-1');
    const leg = await world.legacy.leg();
    await leg.inbox.packet('connect');
    await world.gateway.endLeg(1, 2);
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.equal(device.inbox.bytes, 0);
    assert.equal(leg.inbox.isClosed, false);
    assert.equal(world.dials.length, 1);
    leg.socket.end();
    await leg.inbox.closed();
  });

  it('aborts a leg that still waits for its claim', async () => {
    world.registry.answer = (_request, _epoch, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ granted: false, reason: 'superseded' }));
      });
    const device = await TestDevice.dial(world.port);
    devices.push(device);
    device.connect('meter-1');
    await until(() => world.registry.claims.length === 1);
    await world.gateway.endLeg(1, 2);
    await device.inbox.closed();
    assert.equal(world.dials.length, 0);
  });
});

describe('reconnect', () => {
  it('closes an idle session at once: DISCONNECT to the broker, a clean close to an MQTT 3 device', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    assert.deepEqual(await world.gateway.reconnect([1, 99]), { closed: 1 });
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.ok(device.inbox.sawEnd);
    assert.deepEqual(device.inbox.commands(), ['connack']);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
    await until(() => world.registry.ends.length === 1);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: true }]);
  });

  it('tells an MQTT 5 device why, and keeps its persistent session', async () => {
    const device = await attach('meter-1', 5, { properties: { sessionExpiryInterval: 60 } });
    await world.gateway.reconnect([1]);
    assert.equal((await device.inbox.packet('disconnect'))['reasonCode'], 0x98);
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.registry.ends[0]?.sessionOver, false);
  });

  it('waits for the acknowledgement of what is in flight', async () => {
    world.legacy.acknowledges = false;
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await leg.inbox.packet('publish');
    const closing = world.gateway.reconnect([1]);
    assert.equal(device.inbox.isClosed, false);
    leg.socket.write(mqtt.generate({ cmd: 'puback', messageId: 7 }));
    assert.deepEqual(await closing, { closed: 1 });
    await device.inbox.closed();
    assert.deepEqual(device.inbox.commands(), ['connack', 'puback']);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish', 'disconnect']);
  });

  it('gives up waiting after quiesceMs', async () => {
    world.legacy.acknowledges = false;
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await leg.inbox.packet('publish');
    assert.deepEqual(await world.gateway.reconnect([1]), { closed: 1 });
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish', 'disconnect']);
  });

  /** Above 64 KiB a PUBLISH is relayed while it comes in. */
  const largePublish = (messageId: number) =>
    mqtt.generate({
      cmd: 'publish',
      topic: 't',
      payload: Buffer.alloc(100_000, messageId),
      qos: 1,
      messageId,
      dup: false,
      retain: false,
    });

  it('lets a packet that is half relayed become whole, and leaves the next one unread', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    world.legacy.acknowledges = false;
    const start = largePublish(1).subarray(0, 80_000);
    const before = leg.inbox.bytes;
    device.socket.write(start);
    await leg.inbox.until(() => leg.inbox.bytes === before + start.length);
    const closing = world.gateway.reconnect([1]);
    // Into the second half of quiesceMs, where the device begins nothing new.
    await new Promise((resolve) => setTimeout(resolve, 260));
    device.socket.write(Buffer.concat([largePublish(1).subarray(80_000), largePublish(2)]));
    await leg.inbox.packet('publish');
    leg.socket.write(mqtt.generate({ cmd: 'puback', messageId: 1 }));
    await closing;
    await Promise.all([device.inbox.closed(), leg.inbox.closed()]);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish', 'disconnect']);
    assert.deepEqual(device.inbox.commands(), ['connack', 'puback']);
  });

  it('cuts the broker without DISCONNECT when a packet stays half relayed', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    const before = leg.inbox.bytes;
    device.socket.write(largePublish(1).subarray(0, 80_000));
    await leg.inbox.until(() => leg.inbox.bytes === before + 80_000);
    await world.gateway.reconnect([1]);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect']);
  });

  it('says DISCONNECT where a small packet has come in part: none of it was relayed', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    device.socket.write(Buffer.from([0xc0, 0x00, 0x30, 0x7f, 0x00]));
    await device.inbox.packet('pingresp');
    await world.gateway.reconnect([1]);
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
  });
});

describe('drain', () => {
  it('closes every session in order over the deadline and accepts nobody', async () => {
    const all = [await attach('a', 5), await attach('b', 5), await attach('c', 5)];
    const draining = world.gateway.drain(1_500);
    await assert.rejects(TestDevice.dial(world.port));
    await draining;
    for (const { inbox } of all) assert.equal((await inbox.packet('disconnect'))['reasonCode'], 0x8b);
    await Promise.all(all.map(({ inbox }) => inbox.closed()));
    for (const { inbox } of world.legacy.legs) {
      await inbox.closed();
      assert.deepEqual(inbox.commands(), ['connect', 'disconnect']);
    }
    assert.equal(world.gateway.counts().connections, 0);
  });

  it('ends as soon as nobody is left, and says how many it handed back', async () => {
    const all = [await attach('a', 5), await attach('b', 5), await attach('c', 5)];
    const startMs = performance.now();
    await world.gateway.drain(60_000);
    assert.ok(performance.now() - startMs < 20_000, 'far from its deadline');
    for (const { inbox } of all) await inbox.closed();
    const told = world.log.map((line) => JSON.parse(line)).filter(({ msg }) => /hands its sessions|drained/.test(msg));
    const figures = told.map(({ sessions, handedBack, endedThemselves, left }) => [
      sessions,
      handedBack,
      endedThemselves,
      left,
    ]);
    assert.deepEqual(
      [figures.at(0), figures.at(-1)],
      [
        [3, 0, 0, 3],
        [3, 3, 0, 0],
      ],
    );
  });

  it('ends at its deadline with a connection that says nothing', async () => {
    const device = await TestDevice.dial(world.port);
    devices.push(device);
    await until(() => world.gateway.counts().connections === 1);
    await world.gateway.drain(100);
    assert.equal(world.gateway.counts().connections, 1);
    world.gateway.stop();
    await device.inbox.closed();
  });
});
