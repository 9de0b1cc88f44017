import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Packet } from 'mqtt-packet';
import type { LimitedConnection } from './limited-broker-connection.ts';
import { LimitedWorld } from './limited-world.ts';
import type { WireDevice } from './wire-device.ts';
import { encodePacket } from './wire-frames.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

suite('A device that knows no limits is kept within those of AWS IoT Core', {
  timeout: 60_000,
  concurrency: true,
}, () => {
  let world: LimitedWorld;
  before(async () => {
    world = await LimitedWorld.open({ shuffledAcks: { seed: 11, window: 24 }, ackDelayMs: 40 });
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of [3, 4, 5] as const) {
    test(`MQTT ${version}: 500 QoS 1 at once: none lost, in order, within window and rate`, async () => {
      const clientId = `burst-${version}`;
      const device = await world.dial(version);
      const { properties } = await device.connect(clientId);
      // Before MQTT 5 a device knows of no window.
      const window = version === 5 ? (properties?.receiveMaximum ?? 500) : 500;
      const packets = publishes(500);
      device.send(...packets.slice(0, window));
      for (const packet of packets.slice(window)) {
        await device.next('puback');
        device.send(packet);
      }
      await device.until('500 PUBACKs', () => device.count('puback') === 500, 20_000);
      const connection = await world.aws.connection(clientId);
      assert.deepEqual(acknowledged(device), numbers(500));
      assert.deepEqual(payloadsOf(connection), numbers(500).map(String));
      assert.equal(connection.discarded, 0);
      assert.ok(connection.acknowledgements.peak <= 100, `${connection.acknowledgements.peak} in flight`);
      assert.ok(connection.rate.peak <= 100, `${connection.rate.peak} within a second`);
      assert.deepEqual(world.violations(clientId), []);
    });
  }

  test('a ping overtakes the messages before it that wait for the rate', async () => {
    const device = await world.connect('ping', 4);
    device.send(...publishes(150), { cmd: 'pingreq' });
    await device.next('pingresp');
    assert.ok(device.count('puback') <= 100, `PINGRESP came behind ${device.count('puback')} PUBACKs`);
    await device.until('150 PUBACKs', () => device.count('puback') === 150);
    assert.deepEqual(acknowledged(device), numbers(150));
  });

  test('PUBACKs leave in the order of the PUBLISH packets, each only when the broker has it', async () => {
    const device = await world.connect('order', 4);
    const { acknowledgements } = await world.aws.connection('order');
    acknowledgements.isHolding = true;
    device.send(...publishes(5));
    await world.aws.until('five messages', () => acknowledgements.owed.length === 5);
    const [first = 0, second = 0, third = 0, ...others] = acknowledgements.owed;
    acknowledgements.release([third, second]);
    device.send({ cmd: 'pingreq' });
    await device.next('pingresp');
    assert.deepEqual(acknowledged(device), []);
    acknowledgements.release([first]);
    await device.until('three PUBACKs', () => device.count('puback') >= 3);
    device.send({ cmd: 'pingreq' });
    await device.next('pingresp');
    assert.deepEqual(acknowledged(device), [1, 2, 3]);
    acknowledgements.release(others.reverse());
    await device.until('five PUBACKs', () => device.count('puback') === 5);
    assert.deepEqual(acknowledged(device), [1, 2, 3, 4, 5]);
  });

  for (const [name, qos, count] of [
    ['three messages of QoS 0', 0, 3],
    ['three messages of QoS 1', 1, 3],
    ['more QoS 0 than the rate lets through at once', 0, 300],
    ['more QoS 1 than the rate lets through at once', 1, 300],
  ] as const) {
    test(`a device that says ${name} and DISCONNECT behind its CONNECT is heard out`, async () => {
      const clientId = `brief-${qos}-${count}`;
      const device = await world.dial(4);
      const will = { topic: 'brief/will', payload: Buffer.from(clientId) };
      const packets = publishes(count, qos).map((packet) => encodePacket(packet, 4));
      device.sendBytes(device.connectBytes(clientId, { will }), ...packets, 'e000');
      device.socket.end();
      await world.aws.until('its end', () => world.aws.closes.some((close) => close.clientId === clientId), 15_000);
      const [close] = world.aws.closes.filter((one) => one.clientId === clientId);
      assert.ok(close);
      assert.deepEqual(payloadsOf(close.connection), numbers(count).map(String));
      assert.equal(close.reason, 'client-disconnect');
      assert.equal(close.connection.discarded, 0);
    });
  }

  test('both windows full at once do not stall: pings and acknowledgements overtake', async () => {
    const device = await world.connect('full', 4);
    await device.subscribe([{ topic: 'down/#', qos: 1 }]);
    const connection = await world.aws.connection('full');
    connection.rate.limit = 10_000;
    connection.acknowledgements.isHolding = true;
    for (const number of numbers(150)) world.aws.publish(`down/${number}`, `${number}`);
    device.send(...publishes(150));
    const down = () => device.count('publish');
    await device.until('a full window down', () => down() === 100);
    await world.aws.until('a full window up', () => connection.acknowledgements.owed.length === 100);
    device.send({ cmd: 'pingreq' });
    await device.next('pingresp');
    assert.equal(down(), 100, 'no more than the broker’s window, while nothing is acknowledged');

    for (const number of numbers(150)) {
      const { messageId = 0 } = await device.next('publish');
      device.send({ cmd: 'puback', messageId });
      // The other direction is let go when half of this one is through.
      if (number === 75) connection.acknowledgements.isHolding = false;
      if (number === 75) connection.acknowledgements.release();
    }
    await device.until('150 PUBACKs', () => device.count('puback') === 150, 15_000);
    assert.deepEqual(acknowledged(device), numbers(150));
    assert.deepEqual(payloadsOf(connection), numbers(150).map(String));
    await world.aws.until('all acknowledged', () => world.aws.session('full')?.unacknowledged === 0);
    assert.equal(connection.acknowledgements.peak, 100);
    assert.deepEqual(world.violations('full'), []);
  });

  test('a message that the broker sends again under another identifier is acknowledged there too', async () => {
    const device = await world.connect('again', 5);
    await device.subscribe([{ topic: 'again/x', qos: 1 }]);
    const session = world.aws.session('again');
    assert.ok(session);
    session.redeliverAfterMs = 50;
    world.aws.publish('again/x', 'x');
    const first = await device.next('publish');
    await world.aws.until('the redelivery', () => session.redeliveries === 1);
    device.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    await world.aws.until('its acknowledgement', () => session.unacknowledged === 0);
    world.aws.publish('again/x', 'end');
    let last = await device.next('publish');
    // AWS gives no way to tell a repeated message from a new one: one or two copies, but no identifier twice in flight.
    if (last.payload.toString() === 'x') {
      assert.notEqual(last.messageId, first.messageId);
      last = await device.next('publish');
    }
    assert.equal(last.payload.toString(), 'end');
    assert.deepEqual(world.violations('again'), []);
  });
});

function publishes(count: number, qos: 0 | 1 = 1): readonly Packet[] {
  const publication = { cmd: 'publish', topic: 'up/x', qos, dup: false, retain: false } as const;
  return numbers(count).map((number) => ({
    ...publication,
    payload: `${number}`,
    ...(qos === 0 ? {} : { messageId: number }),
  }));
}

function acknowledged(device: WireDevice): readonly number[] {
  return device.packets.flatMap(({ packet }) => (packet.cmd === 'puback' ? [packet.messageId ?? 0] : []));
}

function payloadsOf(connection: LimitedConnection): readonly string[] {
  return connection.accepted.map(({ payload }) => payload.toString());
}
