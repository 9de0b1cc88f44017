import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { connectAsync } from 'mqtt';
import type { IConnectPacket } from 'mqtt-packet';
import { LimitedBroker, type LimitedBrokerOptions } from './limited-broker.ts';
import { WireDevice } from './wire-device.ts';
import type { WireVersion } from './wire-frames.ts';

const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);
const filters = (count: number, prefix = 'f') =>
  numbers(count).map((number) => ({ topic: `${prefix}/${number}`, qos: 1 as const }));

suite('What the limited broker does', { timeout: 30_000 }, () => {
  async function meet(options: LimitedBrokerOptions, act: (broker: LimitedBroker) => Promise<void>): Promise<void> {
    await using broker = await LimitedBroker.start(options);
    await act(broker);
  }
  async function connected(
    broker: LimitedBroker,
    clientId: string,
    fields: Partial<IConnectPacket> = {},
    version: WireVersion = 4,
  ) {
    const device = await WireDevice.dial(broker, version);
    const connack = await device.connect(clientId, fields);
    return Object.assign(device, { connack });
  }

  test('closes on what comes before CONNACK, in the same write and later', () =>
    meet({ connackDelayMs: 30 }, async (broker) => {
      using pipelining = await WireDevice.dial(broker, 4);
      pipelining.sendBytes(pipelining.connectBytes('p'), 'c000');
      await pipelining.closed();
      assert.equal(pipelining.packets.length, 0);
      using hasty = await WireDevice.dial(broker, 5);
      hasty.sendBytes(hasty.connectBytes('h'));
      await broker.until('its CONNECT', () => broker.connects.length === 2);
      hasty.sendBytes('c000');
      await hasty.closed();
      using patient = await connected(broker, 'ok');
      assert.deepEqual(broker.violations, ['p: before-connack after pingreq', 'h: before-connack after pingreq']);
      assert.equal(patient.isClosed, false);
    }));

  test('tells MQTT 5 what it grants', () =>
    meet({}, async (broker) => {
      const properties = { sessionExpiryInterval: 1_000_000 };
      using device = await connected(broker, '', { keepalive: 0, properties }, 5);
      assert.deepEqual(
        { ...device.connack.properties },
        {
          sessionExpiryInterval: 3_600,
          assignedClientIdentifier: 'assigned-1',
          serverKeepAlive: 1_200,
          receiveMaximum: 100,
          topicAliasMaximum: 8,
          maximumQoS: 1,
          retainAvailable: true,
          maximumPacketSize: 149_504,
          wildcardSubscriptionAvailable: true,
          subscriptionIdentifiersAvailable: false,
          sharedSubscriptionAvailable: true,
        },
      );
    }));

  test('clamps keep alives, and cuts at one and a half times', () =>
    meet({}, async (broker) => {
      for (const [asked, granted] of [
        [0, 1_200],
        [1, 30],
        [60, 60],
        [5_000, 1_200],
      ] as const) {
        using _device = await connected(broker, `k${asked}`, { keepalive: asked });
        assert.equal((await broker.connection(`k${asked}`)).keepAliveSeconds, granted);
      }
      using device = await connected(broker, 'k', { keepalive: 5, will: { topic: 'w', payload: 'x' } });
      broker.advance(44_000);
      assert.equal(device.isClosed, false);
      broker.advance(2_000);
      await device.closed();
      assert.deepEqual(broker.violations, ['k: keep-alive after connect']);
      assert.equal(broker.accepted.at(-1)?.topic, 'w');
    }));

  test('gives neither the parent level nor retained messages to wildcards, and retained copies to exact filters', () =>
    meet({}, async (broker) => {
      broker.publish('a', 'parent', { retain: true });
      broker.publish('a/b', 'child', { retain: true });
      using device = await connected(broker, 'd');
      await device.subscribe([
        { topic: 'a/#', qos: 1 },
        { topic: 'a/b', qos: 1 },
      ]);
      const retained = await device.receive();
      assert.deepEqual([retained.payload.toString(), retained.retain], ['child', true]);
      broker.publish('a', 'not matched');
      broker.publish('a/c', 'matched', { retain: true });
      const live = await device.receive();
      assert.deepEqual([live.payload.toString(), live.retain], ['matched', false]);
      broker.publish('a/b', '', { retain: true });
      assert.equal((await device.receive()).payload.length, 0);
      await device.unsubscribe('a/b');
      await device.subscribe([{ topic: 'a/b', qos: 1 }]);
      broker.publish('a/b', 'end');
      assert.equal((await device.receive()).payload.toString(), 'end');
    }));

  test('leaves UNSUBSCRIBE with nine filters unanswered', () =>
    meet({}, async (broker) => {
      using device = await connected(broker, 'd');
      const unsubscriptions = filters(9).map(({ topic }) => topic);
      device.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions }, { cmd: 'pingreq' });
      await device.next('pingresp');
      assert.equal(device.count('unsuback'), 0);
      assert.equal((await broker.connection('d')).unanswered, 1);
      await device.unsubscribe(...unsubscriptions.slice(1));
      assert.deepEqual(broker.violations, []);
    }));

  test('acknowledges out of order, as the seed says, and each once', () =>
    meet({ shuffledAcks: { seed: 7, window: 10 } }, async (broker) => {
      using device = await connected(broker, 'd');
      for (const messageId of numbers(25)) {
        device.send({
          cmd: 'publish',
          topic: 'a',
          payload: `${messageId}`,
          qos: 1,
          dup: false,
          retain: false,
          messageId,
        });
      }
      await device.until('25 PUBACKs', () => device.count('puback') === 25);
      const ids = device.packets.flatMap(({ packet }) => (packet.cmd === 'puback' ? [packet.messageId ?? 0] : []));
      assert.notDeepEqual(ids, numbers(25));
      assert.deepEqual(
        [...ids].sort((one, other) => one - other),
        numbers(25),
      );
    }));

  test('sends an unacknowledged message again under another identifier and without DUP', () =>
    meet({ redeliverAfterMs: 20 }, async (broker) => {
      using device = await connected(broker, 'd');
      await device.subscribe([{ topic: 'a', qos: 1 }]);
      broker.publish('a', 'once or twice');
      const [first, second] = [await device.next('publish'), await device.next('publish')];
      assert.notEqual(first.messageId, second.messageId);
      assert.deepEqual([first.payload, first.dup], [second.payload, second.dup]);
      device.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
      await broker.until('the acknowledgement', () => broker.session('d')?.unacknowledged === 0);
    }));

  for (const version of [4, 5] as const) {
    test(`MQTT ${version}: discards what comes beyond 100 a second`, () =>
      meet({}, async (broker) => {
        using device = await connected(broker, 'd', {}, version);
        for (const messageId of numbers(120)) {
          device.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false, messageId });
        }
        device.send({ cmd: 'pingreq' });
        await device.next('pingresp');
        const connection = await broker.connection('d');
        assert.deepEqual([connection.accepted.length, connection.discarded], [100, 20]);
        assert.equal(device.count('puback'), version === 5 ? 120 : 100);
        assert.ok(connection.rate.peak > 100);
        broker.advance(1_001);
        await device.publish({ topic: 'a', qos: 1, messageId: 500 });
      }));
  }

  test('MQTT 3.1.1: acts on no more than 100 unacknowledged messages, and goes on when they are acknowledged', () =>
    meet({ limits: { publishesPerSecond: 1_000 } }, async (broker) => {
      using device = await connected(broker, 'd');
      const connection = await broker.connection('d');
      connection.acknowledgements.isHolding = true;
      for (const messageId of numbers(110)) {
        device.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false, messageId });
      }
      await broker.until('all of them', () => connection.acknowledgements.peak === 110);
      assert.equal(connection.accepted.length, 100);
      connection.acknowledgements.isHolding = false;
      connection.acknowledgements.release();
      await device.until('110 PUBACKs', () => device.count('puback') === 110);
      assert.deepEqual(broker.violations, []);
    }));

  test('MQTT 5: ends the connection at the 101st unacknowledged message', () =>
    meet({ limits: { publishesPerSecond: 1_000 } }, async (broker) => {
      using device = await connected(broker, 'd', {}, 5);
      (await broker.connection('d')).acknowledgements.isHolding = true;
      for (const messageId of numbers(101)) {
        device.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false, messageId });
      }
      assert.equal((await device.next('disconnect')).reasonCode, 0x93);
    }));

  test('publishes a will at loss and at a take-over, not at DISCONNECT', () =>
    meet({}, async (broker) => {
      const will = (payload: string) => ({ will: { topic: 'w', payload, qos: 1 as const } });
      const leaving = await connected(broker, 'leaving', will('leaving'));
      await leaving.disconnect();
      using lost = await connected(broker, 'lost', will('lost'));
      lost.socket.destroy();
      await broker.until('the first will', () => broker.accepted.length === 1);
      using older = await connected(broker, 'twice', will('older'), 5);
      using _newer = await connected(broker, 'twice', {}, 5);
      assert.equal((await older.next('disconnect')).reasonCode, 0x8e);
      assert.deepEqual(
        broker.accepted.map(({ payload }) => payload.toString()),
        ['lost', 'older'],
      );
    }));

  test('keeps a session for an hour at most, and not for another version', () =>
    meet({}, async (broker) => {
      const present = async (fields: Partial<IConnectPacket>, version: WireVersion, awayMs: number) => {
        const device = await connected(broker, 'd', { clean: false, ...fields }, version);
        if (!device.connack.sessionPresent) await device.subscribe([{ topic: 'q', qos: 1 }]);
        await device.disconnect();
        broker.advance(awayMs);
        return device.connack.sessionPresent;
      };
      const lasting = { properties: { sessionExpiryInterval: 0xffff_ffff } };
      assert.deepEqual(
        [
          await present({}, 4, 3_590_000),
          await present({}, 4, 3_610_000),
          await present({}, 4, 0),
          await present(lasting, 5, 3_590_000),
          await present(lasting, 5, 0),
          await present({ clean: true }, 5, 0),
          await present(lasting, 5, 0),
        ],
        [false, true, false, false, true, false, false],
      );
    }));

  test('queues for who is away, and delivers under new identifiers', () =>
    meet({}, async (broker) => {
      const device = await connected(broker, 'd', { clean: false });
      await device.subscribe([{ topic: 'q', qos: 1 }]);
      broker.publish('q', 'unanswered');
      await device.next('publish');
      await device.disconnect();
      broker.publish('q', 'missed');
      using back = await connected(broker, 'd', { clean: false });
      const messages = [await back.receive(), await back.receive()];
      assert.deepEqual(
        messages.map(({ payload, dup }) => [payload.toString(), dup]),
        [
          ['unanswered', false],
          ['missed', false],
        ],
      );
    }));

  test('refuses the second CONNECT within a second, where asked to', () =>
    meet({ throttlesConnects: true }, async (broker) => {
      const first = await connected(broker, 'd');
      await first.disconnect();
      using second = await WireDevice.dial(broker, 4);
      second.sendBytes(second.connectBytes('d'));
      await second.closed();
      assert.deepEqual([second.packets.length, broker.violations], [0, ['d: connect-throttled after connect']]);
      broker.advance(1_001);
      using _third = await connected(broker, 'd');
    }));

  test('gives a message of a shared subscription to one member', () =>
    meet({}, async (broker) => {
      using one = await connected(broker, 'one');
      using other = await connected(broker, 'other', {}, 5);
      for (const member of [one, other]) await member.subscribe([{ topic: '$share/g/1/2/3/4/5/6/7/8', qos: 1 }]);
      for (const number of numbers(40)) broker.publish('1/2/3/4/5/6/7/8', `${number}`, { qos: 0 });
      const total = () => one.count('publish') + other.count('publish');
      await one.until('most of them', () => one.count('publish') > 5 && other.count('publish') > 5 && total() === 40);
      assert.deepEqual(broker.violations, []);
    }));

  test('ignores No Local, Retain Handling and Retain As Published', () =>
    meet({}, async (broker) => {
      broker.publish('a', 'kept', { retain: true });
      using device = await connected(broker, 'd', {}, 5);
      await device.subscribe([{ topic: 'a', qos: 1, nl: true, rap: true, rh: 2 }]);
      assert.equal((await device.receive()).retain, true);
      await device.publish({ topic: 'a', qos: 1, retain: true, payload: 'own' });
      const own = await device.receive();
      assert.deepEqual([own.payload.toString(), own.retain], ['own', false]);
    }));

  for (const protocolVersion of [4, 5] as const) {
    test(`serves MQTT.js ${protocolVersion}`, () =>
      meet({ connackDelayMs: 5, shuffledAcks: { seed: 3, window: 4 } }, async (broker) => {
        const client = await connectAsync({
          port: broker.port,
          host: '127.0.0.1',
          protocolVersion,
          clientId: 'js',
          reconnectPeriod: 0,
        });
        await client.subscribeAsync(['a/+', 'b'], { qos: 1 });
        const received: string[] = [];
        client.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`));
        await Promise.all(numbers(20).map((number) => client.publishAsync(`a/${number}`, `${number}`, { qos: 1 })));
        await broker.until(
          'every acknowledgement',
          () => broker.session('js')?.unacknowledged === 0 && received.length === 20,
        );
        assert.deepEqual(
          received,
          numbers(20).map((number) => `a/${number} ${number}`),
        );
        await client.endAsync();
        assert.deepEqual(
          broker.closes.map(({ reason }) => reason),
          ['client-disconnect'],
        );
      }));
  }
});
