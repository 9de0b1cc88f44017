import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connackAccepted5 } from './scripted-broker.ts';
import { connectBytes, TestDevice } from './test-device.ts';
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

async function dial(version: 4 | 5 = 4): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  return device;
}

async function attach(clientId: string, options = {}, version: 4 | 5 = 4): Promise<TestDevice> {
  if (version === 5) {
    world.legacy.onConnect = connackAccepted5;
    world.legacy.protocolVersion = 5;
  }
  const device = await dial(version);
  device.connect(clientId, options);
  await device.inbox.packet('connack');
  return device;
}

const will = { will: { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: false } };

describe('a relayed session', () => {
  it('sends the CONNECT that came where nothing of it has to change, and gives the CONNACK', async () => {
    const bytes = connectBytes('meter-1', { username: 'u', password: Buffer.from('secret'), ...will });
    const device = await dial();
    device.socket.write(bytes);
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 0);
    const leg = await world.legacy.leg();
    assert.deepEqual(Buffer.concat(leg.received), bytes);
    assert.equal(await metricValue(world.metrics.connects, { broker: 'legacy', result: 'accepted' }), 1);
    assert.deepEqual(world.registry.attachments, [
      {
        clientId: 'meter-1',
        connection: 1,
        epoch: 1,
        broker: 'legacy',
        persistent: false,
        place: { cohort: 'everyone', position: 0 },
      },
    ]);
    assert.ok(!world.log.join('').includes('secret'));
    const [session] = world.gateway.sessions({ limit: 10 });
    assert.equal(session?.key, 'clientid:meter-1');
    assert.equal(session?.home, 'legacy');
  });

  it('carries messages both ways, counts packets, and knows what is in flight', async () => {
    world.legacy.acknowledges = false;
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await leg.inbox.packet('publish');
    assert.equal(world.gateway.sessions({ limit: 1 })[0]?.inFlight, 1);
    leg.socket.write(mqtt.generate({ cmd: 'puback', messageId: 7 }));
    assert.equal((await device.inbox.packet('puback'))['messageId'], 7);
    assert.equal(world.gateway.sessions({ limit: 1 })[0]?.inFlight, 0);
    assert.equal(world.metrics.packets.fromDevice[3], 1);
    assert.equal(world.metrics.packets.fromBroker[4], 1);
  });

  it('takes a CONNECT one byte at a time, with packets pipelined behind it', async () => {
    const device = await dial();
    const publish = mqtt.generate({
      cmd: 'publish',
      topic: 't',
      payload: 'early',
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    });
    for (const byte of connectBytes('slow-1')) {
      device.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    device.socket.write(publish);
    await device.inbox.packet('puback');
    assert.deepEqual((await world.legacy.leg()).inbox.commands(), ['connect', 'publish']);
  });

  it('delivers what a device sent and closed behind, in one go', async () => {
    const device = await dial();
    const publish = mqtt.generate({ cmd: 'publish', topic: 't', payload: 'p', qos: 0, dup: false, retain: false });
    device.socket.end(Buffer.concat([connectBytes('once-1'), publish, Buffer.from([0xe0, 0x00])]));
    const leg = await world.legacy.leg();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish', 'disconnect']);
    await device.inbox.closed();
  });

  it('still gives a device the answers to what it sent before its DISCONNECT', async () => {
    world.legacy.acknowledges = false;
    const device = await attach('meter-1');
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    device.send({ cmd: 'disconnect' });
    const leg = await world.legacy.leg();
    await leg.inbox.packet('disconnect');
    leg.socket.end(mqtt.generate({ cmd: 'puback', messageId: 7 }));
    await device.inbox.closed();
    assert.deepEqual(device.inbox.commands(), ['connack', 'puback']);
  });

  it('shows the broker a DISCONNECT and a close when the device says so: no will', async () => {
    const device = await attach('meter-1', will);
    device.send({ cmd: 'disconnect' });
    const leg = await world.legacy.leg();
    await leg.inbox.closed();
    assert.ok(leg.inbox.sawEnd);
    assert.deepEqual(leg.inbox.commands(), ['connect', 'disconnect']);
    await device.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: true }]);
    assert.deepEqual(world.gateway.sessions({ limit: 1 }), []);
  });

  it('shows the broker a close without DISCONNECT when the device is lost: its will fires', async () => {
    const device = await attach('meter-1', { ...will, clean: false });
    const leg = await world.legacy.leg();
    device.socket.resetAndDestroy();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect']);
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.registry.ends[0]?.sessionOver, false);
  });

  it('half-closes upstream when the device half-closes, and still delivers what the broker says', async () => {
    const device = await attach('meter-1', will);
    device.socket.end(
      mqtt.generate({ cmd: 'publish', topic: 't', payload: 'p', qos: 1, messageId: 3, dup: false, retain: false }),
    );
    assert.equal((await device.inbox.packet('puback'))['messageId'], 3);
    const leg = await world.legacy.leg();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect', 'publish']);
    await device.inbox.closed();
  });

  it('delivers the last bytes of a broker that closes, and keeps the device', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    leg.socket.end(
      mqtt.generate({ cmd: 'publish', topic: 't', payload: Buffer.alloc(100_000), qos: 0, dup: false, retain: false }),
    );
    await leg.inbox.closed();
    await (await world.legacy.leg(1)).inbox.packet('connect');
    assert.equal((await device.inbox.packet('publish'))['cmd'], 'publish');
    assert.equal(device.inbox.isClosed, false);
    assert.deepEqual(world.registry.ends, []);
  });

  it('reads a changed session expiry from an MQTT 5 DISCONNECT, in pieces', async () => {
    const device = await attach('meter-1', { properties: { sessionExpiryInterval: 60 } }, 5);
    assert.equal(world.gateway.sessions({ limit: 1 })[0]?.persistent, true);
    const bytes = mqtt.generate(
      { cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } },
      { protocolVersion: 5 },
    );
    for (const byte of bytes) {
      device.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const leg = await world.legacy.leg();
    await leg.inbox.closed();
    assert.deepEqual(Buffer.concat(leg.received).subarray(-bytes.length), bytes);
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.registry.ends[0]?.sessionOver, true);
  });

  const violations: [name: string, bytes: Buffer][] = [
    ['a second CONNECT', connectBytes('again')],
    ['packet type 0', Buffer.from([0x00, 0x00])],
    ['a length of five bytes', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])],
    ['AUTH before MQTT 5', Buffer.from([0xf0, 0x00])],
    ['a packet over the limit, at its header', Buffer.from([0x30, 0xc1, 0x84, 0x3d])],
  ];
  for (const [name, bytes] of violations) {
    it(`closes on ${name}, and the broker sees no DISCONNECT`, async () => {
      const device = await attach('meter-1', will);
      device.socket.write(bytes);
      await device.inbox.closed();
      const leg = await world.legacy.leg();
      await leg.inbox.closed();
      assert.deepEqual(leg.inbox.commands(), ['connect']);
      await until(() => world.registry.ends.length === 1);
    });
  }

  it('tells an MQTT 5 device that its packet is too large', async () => {
    const device = await attach('meter-1', {}, 5);
    device.socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    assert.equal((await device.inbox.packet('disconnect'))['reasonCode'], 0x95);
    await device.inbox.closed();
  });

  it('holds a device to the packet limit of its broker’s profile where that is smaller', async () => {
    await world.stop();
    const endpoints = [{ host: '127.0.0.1', tls: false }];
    const brokers = { legacy: { profile: 'aws-iot-core', endpoints } };
    world = await createGatewayWorld({ settings: { clientIdPolicy: 'any', brokers } });
    const device = await attach('meter-1', {}, 5);
    const payload = Buffer.alloc(131_072);
    device.send({ cmd: 'publish', topic: 't', payload, qos: 1, messageId: 1, dup: false, retain: false });
    await device.inbox.packet('puback');
    // A remaining length of 149 505, as much of the packet as says where it goes, and not one byte of its payload.
    device.socket.write(Buffer.from([0x30, 0x81, 0x90, 0x09, 0, 1, 0x74, 0]));
    assert.equal((await device.inbox.packet('disconnect'))['reasonCode'], 0x95);
    await device.inbox.closed();
  });

  it('stops reading a broker whose device does not read, and a device whose broker does not', async () => {
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    device.socket.pause();
    const total = await fill(leg.socket);
    assert.ok(total < 40_000_000, `took ${total} bytes that nobody read`);
    device.socket.resume();
    await device.inbox.until(() => device.inbox.bytes === total + 4, 'every byte');

    world.legacy.readsNothing = true;
    const other = await attach('meter-2');
    const slow = await world.legacy.leg(1);
    const sent = await fill(other.socket);
    assert.ok(sent < 40_000_000, `took ${sent} bytes that nobody read`);
    const before = slow.inbox.bytes;
    slow.socket.resume();
    other.socket.end();
    await slow.inbox.closed();
    assert.equal(slow.inbox.bytes - before, sent);
  });
});

/** Writes PUBLISH packets until the socket takes no more for a while; resolves with the bytes written. */
async function fill(socket: import('node:net').Socket): Promise<number> {
  const packet = mqtt.generate({
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(60_000),
    qos: 0,
    dup: false,
    retain: false,
  });
  let total = 0;
  while (total < 80_000_000) {
    total += packet.length;
    if (socket.write(packet)) continue;
    const drained = await Promise.race([
      new Promise<boolean>((resolve) => socket.once('drain', () => resolve(true))),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
    if (!drained) break;
  }
  return total;
}
