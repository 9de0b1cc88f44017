import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { LimitedWorld } from './limited-world.ts';
import { contentOf, type WireAddress, WireDevice } from './wire-device.ts';
import { encodePacket } from './wire-frames.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const publication = { cmd: 'publish', dup: false, retain: false, qos: 2 } as const;

suite('A device of MQTT 3.1 lives on a broker with the limits of AWS IoT Core as on Mosquitto', {
  timeout: 60_000,
}, () => {
  let world: LimitedWorld;
  before(async () => {
    world = await LimitedWorld.open();
  });
  after(() => world[Symbol.asyncDispose]());

  test('QoS 2, keep alive 0, 20 filters, a QoS 2 will, everything in one write: unchanged', async () => {
    const expected = await wholeLife(world, { at: world.legacy, thirdPartyAt: world.legacy });
    const seen = await wholeLife(world, { at: { port: world.gateway.plainPort }, thirdPartyAt: world.aws });
    assert.deepEqual(seen, expected);
    assert.deepEqual(expected.granted, grantedAsAsked());
    assert.equal(expected.deliveries.length, deliveredTopics.length);

    assert.deepEqual(world.violations('old'), []);
    const [connection] = world.aws.connections.filter(({ clientId }) => clientId === 'old');
    assert.ok(connection?.connect);
    const { protocolVersion, keepalive = 0, will } = connection.connect;
    assert.equal(protocolVersion, 4);
    assert.ok(keepalive >= 30 && keepalive <= 1_200, `keep alive ${keepalive}`);
    assert.deepEqual([will?.qos, will?.retain, will?.topic], [1, true, 'old/will']);
    for (const { subscriptions } of connection.subscribes()) assert.ok(subscriptions.every(({ qos }) => qos < 2));
    assert.ok(
      connection.commands().every((cmd) => cmd !== 'pingreq'),
      'pings of the device stay at the gateway',
    );
    // Two exchanges; the repeated PUBLISH of the second is the same message.
    assert.deepEqual(
      connection.accepted.map(({ payload, qos }) => `${payload} q${qos}`),
      ['pipelined q1', 'twice q1'],
    );
  });

  test('PUBREC comes when the broker has the message, and not before', async () => {
    const device = await world.connect('held', 3);
    const connection = await world.aws.connection('held');
    connection.acknowledgements.isHolding = true;
    device.send({ ...publication, topic: 'held/x', payload: 'x', messageId: 9 }, { cmd: 'pingreq' });
    await device.next('pingresp');
    await world.aws.until('the message', () => connection.accepted.length === 1);
    device.send({ cmd: 'pingreq' });
    await device.next('pingresp');
    assert.equal(device.count('pubrec'), 0);
    connection.acknowledgements.release();
    assert.equal((await device.next('pubrec')).messageId, 9);
    device.send({ cmd: 'pubrel', messageId: 9 });
    assert.equal((await device.next('pubcomp')).messageId, 9);
    assert.deepEqual(world.violations('held'), []);
  });

  for (const lostAfter of ['pubrec', 'pubrel'] as const) {
    test(`lost after ${lostAfter.toUpperCase()}, it finishes the exchange and the broker has one copy`, async () => {
      const clientId = `lost-${lostAfter}`;
      const device = await world.connect(clientId, 3, { clean: false });
      const publish = { ...publication, topic: `${clientId}/x`, payload: 'once', messageId: 5 };
      device.send(publish);
      await device.next('pubrec');
      if (lostAfter === 'pubrel') {
        device.send({ cmd: 'pubrel', messageId: 5 });
        await device.next('pubcomp');
      }
      device.socket.destroy();
      await world.aws.until('its end', () => world.aws.closes.some((close) => close.clientId === clientId));
      const back = await world.connect(clientId, 3, { clean: false });
      if (lostAfter === 'pubrec') {
        back.send({ ...publish, dup: true });
        assert.equal((await back.next('pubrec')).messageId, 5);
      }
      back.send({ cmd: 'pubrel', messageId: 5 });
      assert.equal((await back.next('pubcomp')).messageId, 5);
      // The identifier is free again: another message under it is another message.
      await back.publish({ topic: `${clientId}/x`, payload: 'other', qos: 2, messageId: 5 });
      const accepted = world.aws.accepted.filter(({ topic }) => topic === `${clientId}/x`);
      assert.deepEqual(
        accepted.map(({ payload }) => payload.toString()),
        ['once', 'other'],
      );
      assert.deepEqual(world.violations(clientId), []);
    });
  }

  test('unacknowledged QoS 1 comes again after a reconnect, and is acknowledged end to end', async () => {
    const device = await world.connect('queue', 3, { clean: false });
    await device.subscribe([{ topic: 'queue/#', qos: 2 }]);
    world.aws.publish('queue/1', 'first');
    await device.next('publish');
    assert.equal(world.aws.session('queue')?.unacknowledged, 1);
    device.socket.destroy();
    await world.aws.until('its end', () => world.aws.session('queue')?.isAttached === false);
    world.aws.publish('queue/2', 'second');
    const back = await world.connect('queue', 3, { clean: false });
    const messages = [await back.receive(), await back.receive()];
    assert.deepEqual(
      messages.map(({ payload }) => payload.toString()),
      ['first', 'second'],
    );
    await world.aws.until('the acknowledgements', () => world.aws.session('queue')?.unacknowledged === 0);
    assert.deepEqual(world.violations('queue'), []);
  });

  test('MQTT 3.1 repeats with DUP, in any packet that it repeats', async () => {
    const device = await world.connect('dup', 3);
    // SUBSCRIBE and UNSUBSCRIBE with DUP, which MQTT 3.1.1 does without.
    device.sendBytes('8a0a000100056475702f7801');
    assert.deepEqual((await device.next('suback')).granted, [1]);
    device.send({ ...publication, topic: 'dup/x', payload: 'once', messageId: 2 });
    await device.next('pubrec');
    device.sendBytes('620200026a020002');
    await device.until('two PUBCOMPs', () => device.count('pubcomp') === 2);
    assert.equal(textOf(await device.receive()), 'once');
    device.sendBytes('aa09000300056475702f78');
    await device.next('unsuback');
    const connection = await world.aws.connection('dup');
    assert.equal(connection.accepted.length, 1);
    assert.deepEqual(world.violations('dup'), []);
  });

  for (const [name, clientId] of [
    ['begins with a dollar sign', '$dollar'],
    ['is longer than 128 bytes', `long-${'x'.repeat(200)}`],
  ] as const) {
    test(`MQTT 3.1.1: a client ID that ${name} is exchanged for one that the broker takes`, async () => {
      const before = world.aws.connects.length;
      const device = await world.connect(clientId, 4);
      await device.subscribe([{ topic: 'id/+', qos: 1 }]);
      await device.publish({ topic: 'id/x', payload: 'echo', qos: 1 });
      assert.equal(textOf(await device.receive()), 'echo');
      await device.disconnect();
      await world.connect(clientId, 4);
      const ids = world.aws.connects.slice(before).map((connect) => connect.clientId);
      assert.equal(new Set(ids).size, 1, 'the same device has the same one each time');
      const [id = ''] = ids;
      assert.ok(id !== '' && !id.startsWith('$') && Buffer.byteLength(id) <= 128, id);
      assert.deepEqual(world.violations(id), []);
    });
  }

  test('retained messages come to an exact filter, with their flag, at every SUBSCRIBE', async () => {
    const device = await world.connect('kept', 3);
    await device.publish({ topic: 'kept/x', payload: 'kept', qos: 2, retain: true });
    for (const _ of [1, 2]) {
      await device.subscribe([{ topic: 'kept/x', qos: 2 }]);
      const message = await device.receive();
      assert.deepEqual([textOf(message), message.retain], ['kept', true]);
    }
    await device.publish({ topic: 'kept/x', payload: 'live', qos: 1, retain: true });
    const live = await device.receive();
    assert.deepEqual([textOf(live), live.retain], ['live', false]);
    assert.deepEqual(world.violations('kept'), []);
  });
});

/** QoS 0, 1 and 2 in turn; the first covers its parent level too. */
const filters = ['in/tree/#', ...numbers(17).map((number) => `in/exact/${number}`), 'in/+/plus', 'in/last'];
const deliveredTopics = ['in/tree', 'in/tree/deep/er', 'in/exact/1', 'in/exact/17', 'in/any/plus', 'in/last'];

function qosOf(index: number): 0 | 1 | 2 {
  return ((index + 1) % 3) as 0 | 1 | 2;
}

function grantedAsAsked(): readonly number[] {
  return filters.map((_, index) => qosOf(index));
}

/** From CONNECT to its loss; what the device received, and what a third party saw of it. */
async function wholeLife(world: LimitedWorld, doors: { readonly at: WireAddress; readonly thirdPartyAt: WireAddress }) {
  const thirdParty = await world.thirdParty(doors.thirdPartyAt, 'third-party');
  await thirdParty.subscribe([
    { topic: 'old/out', qos: 1 },
    { topic: 'old/will', qos: 1 },
  ]);
  using device = await WireDevice.dial(doors.at, 3);
  const will = { topic: 'old/will', payload: Buffer.from('gone'), qos: 2, retain: true } as const;
  const subscriptions = filters.map((topic, index) => ({ topic, qos: qosOf(index) }));
  const pipelined: readonly Packet[] = [
    { cmd: 'subscribe', messageId: 1, subscriptions },
    { ...publication, topic: 'old/out', payload: 'pipelined', messageId: 2 },
    { cmd: 'pingreq' },
  ];
  const connect = device.connectBytes('old', { clean: true, keepalive: 0, will });
  device.sendBytes(connect, ...pipelined.map((packet) => encodePacket(packet, 3)));
  const connack = contentOf(await device.next('connack'));
  const suback = await device.next('suback');
  await device.next('pingresp');
  const firstExchange = [await device.next('pubrec')];
  device.send({ cmd: 'pubrel', messageId: 2 });
  const ends = [await device.next('pubcomp')];

  for (const topic of deliveredTopics) await thirdParty.publish({ topic, payload: `to ${topic}`, qos: 1 });
  const deliveries: string[] = [];
  for (const _ of deliveredTopics) deliveries.push(describe(await device.receive()));

  const twice = { ...publication, topic: 'old/out', payload: 'twice', messageId: 3 };
  device.send(twice, { ...twice, dup: true });
  firstExchange.push(await device.next('pubrec'));
  device.send({ cmd: 'pubrel', messageId: 3 }, { cmd: 'pubrel', messageId: 3 });
  ends.push(await device.next('pubcomp'), await device.next('pubcomp'));

  device.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: filters });
  const unsuback = contentOf(await device.next('unsuback'));
  for (const topic of deliveredTopics) await thirdParty.publish({ topic, payload: 'too late', qos: 1 });
  device.send({ cmd: 'pingreq' });
  await device.next('pingresp');
  device.socket.destroy();
  const heard = [await thirdParty.receive(), await thirdParty.receive(), await thirdParty.receive()];
  await thirdParty.publish({ topic: 'old/will', payload: '', qos: 1, retain: true });
  return {
    connack,
    granted: suback.granted,
    exchanges: [...firstExchange, ...ends].map(({ cmd, messageId }) => `${cmd} ${messageId}`),
    deliveries,
    unsuback,
    publishes: device.count('publish'),
    heard: heard.map(({ topic, payload, retain }) => `${topic} ${payload} r${retain ? 1 : 0}`),
  };
}

function describe({ topic, payload, qos, retain }: IPublishPacket): string {
  return `${topic} ${payload} q${qos} r${retain ? 1 : 0}`;
}

function textOf({ payload }: IPublishPacket): string {
  return payload.toString();
}
