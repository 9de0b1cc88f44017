import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { AwsIotEmulatorOptions } from '../../src/emulator/aws-iot-emulator.ts';
import type { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { EmulatorWorld } from './emulator-world.ts';

const both: readonly WireVersion[] = [4, 5];
const nameOf = (version: WireVersion) => (version === 5 ? 'MQTT 5' : 'MQTT 3.1.1');
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const clientError = 'CLIENT_ERROR';

async function withOptions(options: AwsIotEmulatorOptions, act: (world: EmulatorWorld) => Promise<void>) {
  await using world = await EmulatorWorld.start(options);
  await act(world);
}

function publish(device: WireDevice, topic: string, fields: object = {}) {
  device.send({ cmd: 'publish', topic, payload: 'x', qos: 1, dup: false, retain: false, messageId: 7, ...fields });
}

async function alive(device: WireDevice) {
  device.send({ cmd: 'pingreq' });
  await device.next('pingresp');
}

/** Everything that came, in hexadecimal, on a connection that was not let in. */
async function refusal(device: WireDevice): Promise<string> {
  await device.closed();
  return Buffer.concat(device.packets.map(({ bytes }) => bytes)).toString('hex');
}

const lasting = (version: WireVersion) =>
  version === 5 ? { clean: false, properties: { sessionExpiryInterval: 3_600 } } : { clean: false };

/** What a device does that nobody adapts for AWS: each row of the adaptation table meets the emulator as it is. */
suite('Facts 9, what is not adapted', { timeout: 60_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of both) {
    const name = nameOf(version);

    test(`9 QoS 2 PUBLISH, ${name}: no acknowledgement, closed`, async () => {
      const device = await world.connected(version);
      publish(device, 'a', { qos: 2 });
      await world.ended(device, { refusal: 'qos2-publish', disconnectReason: clientError, code: 0x9b });
      assert.equal(device.count('puback') + device.count('pubrec'), 0);
    });

    test(`9 variant: QoS 2 PUBLISH, ${name}: ignored`, () =>
      withOptions({ variants: { qos2: 'ignore' } }, async (other) => {
        const device = await other.connected(version);
        publish(device, 'a', { qos: 2 });
        device.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'a', qos: 2 }] });
        await alive(device);
        assert.deepEqual(
          device.packets.map(({ packet }) => packet.cmd),
          ['connack', 'pingresp'],
        );
        assert.deepEqual(other.messages(), []);
      }));

    test(`9 QoS 2 PUBREL, ${name}: closed`, async () => {
      const device = await world.connected(version);
      device.send({ cmd: 'pubrel', messageId: 1 });
      await world.ended(device, { refusal: 'qos2-acknowledgement', disconnectReason: clientError, code: 0x82 });
    });

    test(`9 SUBSCRIBE QoS 2, ${name}: no SUBACK, closed`, async () => {
      const device = await world.connected(version);
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] });
      await world.ended(device, { refusal: 'qos2-subscribe', disconnectReason: clientError, code: 0x9b });
      assert.equal(device.count('suback'), 0);
    });

    test(`9 Will QoS 2, ${name}: connect refused`, async () => {
      const device = await world.dial(version);
      const will = { topic: 'w', payload: Buffer.from('x'), qos: 2, retain: false } as const;
      device.sendBytes(device.connectBytes('will-2', { will }));
      assert.equal(await refusal(device), version === 5 ? '2003009b00' : '');
      assert.equal(world.refusals('will-2').at(-1), 'will-qos2');
    });

    test(`9 Will on a reserved topic, ${name}: connect refused`, async () => {
      for (const [topic, retain] of [
        ['$SYS/w', false],
        ['$aws/events/a', false],
        ['$aws/things/a', true],
        ['1/2/3/4/5/6/7/8/9', false],
      ] as const) {
        const device = await world.dial(version);
        device.sendBytes(
          device.connectBytes('will-topic', { will: { topic, payload: Buffer.from('x'), qos: 0, retain } }),
        );
        assert.equal(await refusal(device), version === 5 ? '2003009000' : '', topic);
      }
    });

    test(`9 Client ID > 128 B, leading $, ${name}: refused`, async () => {
      for (const clientId of ['c'.repeat(129), `${'c'.repeat(127)}ü`, '$c']) {
        const device = await world.dial(version);
        device.sendBytes(device.connectBytes(clientId));
        assert.equal(await refusal(device), version === 5 ? '2003008500' : '20020002');
      }
    });

    test(`9 Shared/duplicate client IDs across devices, ${name}: take-over loop`, async () => {
      const clientId = world.newClientId('shared');
      let last = await world.connected(version, clientId);
      for (const count of [1, 2, 3]) {
        const next = await world.connected(version, clientId);
        await last.closed();
        await world.event(clientId, 'disconnected', count);
        last = next;
      }
      const reasons = world.lifecycle(clientId).flatMap(({ disconnectReason = [] }) => disconnectReason);
      assert.deepEqual(reasons, ['DUPLICATE_CLIENTID', 'DUPLICATE_CLIENTID', 'DUPLICATE_CLIENTID']);
    });

    for (const [asked, taken] of [
      [0, 1_200],
      [3_600, 1_200],
      [10, 30],
    ] as const) {
      const row = asked === 0 ? 'Keep-alive 0' : 'Keep-alive > 1200 or < 30';
      test(`9 ${row}, ${name}: ${asked} is ${taken}, cut at ${1.5 * taken} s silence`, () =>
        withOptions({}, async (other) => {
          const device = await other.connected(version, 'quiet', { keepalive: asked });
          assert.equal(device.connack.properties?.serverKeepAlive, version === 5 ? taken : undefined);
          other.advance(1_500 * taken - 1_000);
          assert.ok(other.emulator.broker.live('quiet'));
          other.advance(1_000);
          await other.ended(device, { refusal: 'keep-alive', disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT', code: 0x8d });
        }));
    }

    test(`9 CONNECT+SUBSCRIBE pipelined, ${name}: closed before CONNACK`, async () => {
      const clientId = world.newClientId('eager');
      const device = await world.dial(version);
      const subscribe = version === 5 ? '82070001000001 6101' : '820600010001 6101';
      device.sendBytes(device.connectBytes(clientId), subscribe.replaceAll(' ', ''));
      assert.equal(await refusal(device), '');
      assert.deepEqual(world.refusals(clientId), ['pipelined']);
      assert.deepEqual(world.lifecycle(clientId), []);
    });

    test(`9 variant: CONNECT+SUBSCRIBE pipelined, ${name}: ignored`, () =>
      withOptions({ variants: { pipelined: 'ignore' } }, async (other) => {
        const device = await other.dial(version);
        const subscribe = version === 5 ? '82070001000001 6101' : '820600010001 6101';
        device.sendBytes(device.connectBytes('eager'), subscribe.replaceAll(' ', ''));
        await device.next('connack');
        await alive(device);
        assert.equal(device.count('suback'), 0);
        assert.deepEqual(other.refusals('eager'), ['pipelined']);
      }));

    test(`9 CONNECT, then SUBSCRIBE before a slow CONNACK, ${name}: closed`, () =>
      withOptions({}, async (other) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        other.gate.holding = promise;
        const device = await other.dial(version);
        device.sendBytes(device.connectBytes('eager'));
        await other.until('the question', () => other.gate.questions.length === 1);
        device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
        assert.equal(await refusal(device), '');
        resolve();
        assert.deepEqual(other.refusals('eager'), ['pipelined']);
      }));

    test(`9 sensor/# expected to match sensor, ${name}: not matched`, async () => {
      const device = await world.connected(version);
      await device.subscribe([{ topic: 'sensor/#', qos: 1 }]);
      await device.publish({ topic: 'sensor', payload: 'parent', qos: 1 });
      await device.publish({ topic: 'sensor/a', payload: 'child', qos: 1 });
      assert.equal((await device.receive()).payload.toString(), 'child');
      assert.equal(device.count('publish'), 1);
    });

    test(`9 Wildcard subscriber expects retained state, ${name}: none delivered`, async () => {
      const device = await world.connected(version);
      const topic = `retained/${version}`;
      await device.publish({ topic, payload: 'state', qos: 1, retain: true });
      await device.subscribe([
        { topic: 'retained/+', qos: 1 },
        { topic: 'retained/#', qos: 1 },
        { topic: `$share/g/${topic}`, qos: 1 },
      ]);
      await alive(device);
      assert.equal(device.count('publish'), 0);
      await device.subscribe([{ topic, qos: 0 }]);
      const state = await device.receive();
      assert.deepEqual([state.payload.toString(), state.retain, state.qos], ['state', true, 0]);
      await device.disconnect();
    });

    test(`9 RETAIN publish to a $… topic, ${name}: refused; 0-byte retained delete works normally`, async () => {
      const device = await world.connected(version);
      const topic = world.newClientId('kept');
      await device.publish({ topic, payload: 'state', qos: 1, retain: true });
      await device.subscribe([{ topic, qos: 0 }]);
      assert.equal((await device.receive()).retain, true);
      await device.publish({ topic, payload: '', qos: 1, retain: true });
      const empty = await device.receive();
      assert.deepEqual([empty.payload.length, empty.retain], [0, false]);
      assert.equal(world.emulator.dataPlane.desk.retainedMessage(topic), undefined);
      publish(device, '$aws/things/x/shadow/update', { retain: true });
      await world.ended(device, { refusal: 'retain-on-reserved-topic', disconnectReason: clientError, code: 0x90 });
    });

    test(`9 >8 filters per SUBSCRIBE/UNSUBSCRIBE, ${name}: closed; no UNSUBACK`, async () => {
      const device = await world.connected(version);
      const subscriptions = numbers(9).map((n) => ({ topic: `n/${n}`, qos: 0 as const }));
      device.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: subscriptions.map(({ topic }) => topic) });
      await alive(device);
      assert.equal(device.count('unsuback'), 0);
      device.send({ cmd: 'subscribe', messageId: 2, subscriptions });
      await world.ended(device, { refusal: 'too-many-filters', disconnectReason: clientError, code: 0x97 });
    });

    test(`9 >50 subscriptions, ${name}: closed`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version);
        for (const part of numbers(10)) {
          await device.subscribe(numbers(5).map((n) => ({ topic: `${part}/${n}`, qos: 0 as const })));
        }
        device.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'more', qos: 0 }] });
        await other.ended(device, { refusal: 'too-many-subscriptions', disconnectReason: clientError, code: 0x97 });
      }));

    test(`9 Topics >7 slashes or >256 B, ${name}: closed`, async () => {
      for (const [topic, refusalOf] of [
        ['1/2/3/4/5/6/7/8/9', 'topic-too-deep'],
        ['t'.repeat(257), 'topic-too-long'],
      ] as const) {
        const device = await world.connected(version);
        publish(device, topic);
        await world.ended(device, { refusal: refusalOf, disconnectReason: clientError, code: 0x90 });
      }
    });

    test(`9 $SYS/#, $queue/, vendor $ topics, ${name}: close`, async () => {
      for (const filter of ['$SYS/#', '$queue/a', '$events/a']) {
        const device = await world.connected(version);
        device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] });
        await world.ended(device, { refusal: 'reserved-filter', disconnectReason: clientError, code: 0x8f });
      }
      for (const topic of ['$SYS/broker', '$queue/a', '$aws/events/presence/connected/me']) {
        const device = await world.connected(version);
        publish(device, topic);
        await world.ended(device, { refusal: 'reserved-topic', disconnectReason: clientError, code: 0x90 });
      }
    });

    test(`9 $share groups of devices, ${name}: works, random, no retained`, () =>
      withOptions({}, async (other) => {
        const members = await Promise.all(numbers(3).map(() => other.connected(version)));
        for (const member of members)
          assert.deepEqual(await member.subscribe([{ topic: '$share/group/work/+', qos: 1 }]), [1]);
        const publisher = await other.connected(version);
        for (const n of numbers(60)) await publisher.publish({ topic: `work/${n}`, qos: 0 });
        await alive(publisher);
        for (const member of members) await alive(member);
        const counts = members.map((member) => member.count('publish'));
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          60,
        );
        assert.ok(
          counts.every((count) => count > 5),
          counts.join(' '),
        );
      }));

    test(`9 Payload >128 KB, ${name}: disconnect`, async () => {
      const device = await world.connected(version);
      publish(device, 'a', { payload: Buffer.alloc(131_073), qos: 0 });
      await world.ended(device, { refusal: 'payload-too-large', disconnectReason: clientError, code: 0x95 });
    });

    test(`9 >100 msg/s or >512 KiB/s per device, ${name}: discarded`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version);
        for (const _ of numbers(150)) publish(device, 'a', { qos: 0 });
        await alive(device);
        assert.equal(other.messages().length, 100);
        assert.equal(other.emulator.broker.refusals.count('publish-rate'), 50);
      }));

    test(`9 Publishes to unauthorised topic, ${name}: ${version === 5 ? 'PUBACK 0x87' : 'disconnect loop'}`, async () => {
      const clientId = world.newClientId('unauthorised');
      world.gate.denied.add('iot:Publish forbidden');
      for (const count of [1, 2]) {
        const device = await world.connected(version, clientId);
        publish(device, 'forbidden');
        if (version === 5) {
          assert.equal((await device.next('puback')).reasonCode, 0x87);
          await device.disconnect();
        } else {
          await device.closed();
          assert.equal((await world.event(clientId, 'disconnected', count)).disconnectReason, 'AUTH_ERROR');
        }
      }
    });

    test(`9 Legacy SUBACK 0x80 on bad topic, ${name}: ${version === 5 ? 'SUBACK 0x87' : 'may close'}`, async () => {
      world.gate.denied.add('iot:Subscribe forbidden');
      const device = await world.connected(version);
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'forbidden', qos: 0 }] });
      if (version === 5) assert.equal((await device.nextWire('suback')).bytes.toString('hex'), '900400010087');
      else await world.ended(device, { refusal: 'subscribe-denied', disconnectReason: 'AUTH_ERROR' });
    });

    test(`9 Will delay / session expiry > account max, ${name}: the will comes at once, expiry is clamped`, async () => {
      const watcher = await world.connected(4);
      const topic = world.newClientId('will');
      await watcher.subscribe([{ topic, qos: 0 }]);
      const properties = version === 5 ? { willDelayInterval: 600 } : undefined;
      const will = {
        topic,
        payload: Buffer.from('gone'),
        qos: 0,
        retain: false,
        ...(properties && { properties }),
      } as const;
      const expiry = version === 5 ? { properties: { sessionExpiryInterval: 0xffff_ffff } } : {};
      const device = await world.connected(version, world.newClientId(), { will, clean: false, ...expiry });
      if (version === 5) assert.equal(device.connack.properties?.sessionExpiryInterval, 3_600);
      device.socket.destroy();
      assert.equal((await watcher.receive()).payload.toString(), 'gone');
      assert.equal((await world.event(device.clientId, 'disconnected')).disconnectReason, 'CONNECTION_LOST');
      assert.equal(world.emulator.broker.sessions.get(device.clientId)?.expirySeconds, 3_600);
      await watcher.disconnect();
    });

    test(`9 Infinite/long sessions on legacy broker, ${name}: 1 h default`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version, 'long', lasting(version));
        await device.disconnect();
        await other.event('long', 'disconnected');
        other.advance(3_601_000);
        assert.equal(other.emulator.broker.sessions.get('long'), undefined);
      }));

    test(`9 Session continuity at cutover, ${name}: not resumable from ${version === 5 ? 'MQTT 3.1.1' : 'MQTT 5'}`, async () => {
      const former = version === 5 ? 4 : 5;
      const clientId = world.newClientId('version');
      const first = await world.connected(former, clientId, lasting(former));
      await first.subscribe([{ topic: 'kept', qos: 1 }]);
      await first.disconnect();
      await world.event(clientId, 'disconnected');
      const second = await world.connected(version, clientId, lasting(version));
      assert.equal(second.connack.sessionPresent, false);
      assert.equal(world.emulator.broker.sessions.get(clientId)?.subscriptions.size, 0);
    });

    test(`9 Reconnect storm on rollback/cutover, ${name}: 500 CONNECT/s account`, () =>
      withOptions({ connectsPerSecond: 5 }, async (other) => {
        const devices = await Promise.all(numbers(8).map(() => other.dial(version)));
        for (const [index, device] of devices.entries()) device.sendBytes(device.connectBytes(`storm-${index}`));
        await other.until('the refusals', () => other.emulator.broker.refusals.count('connect-rate') === 3);
        assert.equal(
          other.accepted.filter(({ topic }) => topic.startsWith('$aws/events/presence/connected/')).length,
          5,
        );
      }));

    test(`9 Device gone to IoT Core directly, ${name}: DeleteConnection drops it, without its will when asked`, async () => {
      const watcher = await world.connected(4);
      const topic = world.newClientId('will');
      await watcher.subscribe([{ topic, qos: 0 }]);
      const will = { topic, payload: Buffer.from('gone'), qos: 0, retain: false } as const;
      const device = await world.connected(version, world.newClientId(), { will });
      const url = `${world.emulator.control}/connections/${device.clientId}?preventWillMessage=TRUE`;
      assert.equal((await fetch(url, { method: 'DELETE' })).status, 200);
      await world.ended(device, { disconnectReason: 'API_INITIATED_DISCONNECT', code: 0x98 });
      await alive(watcher);
      assert.equal(watcher.count('publish'), 0);
      await watcher.disconnect();
    });

    test(`9 JITR first contact closed without CONNACK, ${name}: the device sees abnormal close`, async () => {
      const clientId = world.newClientId('new');
      world.gate.refusals.set(clientId, 'pending');
      const device = await world.dial(version);
      device.sendBytes(device.connectBytes(clientId));
      assert.equal(await refusal(device), '');
      world.gate.refusals.delete(clientId);
      await world.connected(version, clientId);
    });

    test(`9 Legacy broker error code 5 on auth failure, ${name}: ${version === 5 ? 'CONNACK 0x87' : 'socket close'}`, async () => {
      const clientId = world.newClientId('denied');
      world.gate.refusals.set(clientId, 'not-authorized');
      const device = await world.dial(version);
      device.sendBytes(device.connectBytes(clientId));
      assert.equal(await refusal(device), version === 5 ? '2003008700' : '');
    });
  }

  test('9 MQTT 3.1 MQIsdp/level 3: CONNACK 0x01, then close', async () => {
    const device = await world.dial(3);
    device.sendBytes(device.connectBytes('old'));
    assert.equal(await refusal(device), '20020001');
    assert.deepEqual(world.refusals('old'), ['unsupported-version']);
  });

  test('9 variant: MQTT 3.1 MQIsdp/level 3: closed', () =>
    withOptions({ variants: { mqtt31: 'close' } }, async (other) => {
      const device = await other.dial(3);
      device.sendBytes(device.connectBytes('old'));
      assert.equal(await refusal(device), '');
    }));

  test('9 Empty client ID, clean session: assigned only for MQTT 5', async () => {
    const old = await world.dial(4);
    old.sendBytes(old.connectBytes(''));
    assert.equal(await refusal(old), '20020002');
    const device = await world.dial(5);
    const connack = await device.connect('');
    assert.match(connack.properties?.assignedClientIdentifier ?? '', /^[0-9a-f-]{36}$/);
  });

  test('9 variant: Empty client ID, clean session, MQTT 3.1.1: assigned', () =>
    withOptions({ variants: { emptyClientId: 'assign' } }, async (other) => {
      const device = await other.connected(4, '');
      await alive(device);
    }));

  test('9 >100 in flight (old v3 clients pipeline freely): reading stalls', () =>
    withOptions(
      { pubackOrder: 'in-order', pubackWaitMs: 60_000, limits: { publishesPerSecond: 1_000 } },
      async (other) => {
        const device = await other.connected(4);
        for (const id of numbers(150)) publish(device, 'a', { messageId: id });
        await other.until('100 messages', () => other.messages().length === 100);
        other.advance(60_000);
        await other.until('the others', () => other.messages().length === 150);
      },
    ));

  test('9 Subscription identifiers / AUTH / enhanced auth (v5): 0xA1 / unsupported', async () => {
    const device = await world.connected(5);
    assert.equal(device.connack.properties?.subscriptionIdentifiersAvailable, false);
    device.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'a', qos: 0 }],
      properties: { subscriptionIdentifier: 1 },
    });
    await world.ended(device, { refusal: 'subscription-identifier', disconnectReason: clientError, code: 0xa1 });
    const other = await world.connected(5);
    other.sendBytes('f000');
    await world.ended(other, { refusal: 'auth-packet', disconnectReason: clientError, code: 0x82 });
    const enhanced = await world.dial(5);
    enhanced.sendBytes(enhanced.connectBytes('enhanced', { properties: { authenticationMethod: 'X' } }));
    assert.equal(await refusal(enhanced), '2003008000');
  });

  test('9 Topic alias > 8 or from broker: at most 8 each way', () =>
    withOptions({}, async (other) => {
      const device = await other.connected(5, 'aliases', { properties: { topicAliasMaximum: 20 } });
      await device.subscribe([{ topic: 'alias/+', qos: 0 }]);
      for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]) {
        other.emulator.dataPlane.publish({ topic: `alias/${n}`, payload: Buffer.from('x'), qos: 0 });
      }
      await alive(device);
      const seen = device.packets.flatMap(({ packet }) =>
        packet.cmd === 'publish' ? [[packet.topic, packet.properties?.topicAlias]] : [],
      );
      const named = numbers(8).map((n) => [`alias/${n}`, n]);
      assert.deepEqual(seen, [...named, ['alias/9', undefined], ['alias/10', undefined], ['', 1]]);
      publish(device, 'a', { properties: { topicAlias: 9 } });
      await other.ended(device, { refusal: 'topic-alias', disconnectReason: clientError, code: 0x94 });
    }));

  test('9 TLS 1.0/1.1: refused', async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: world.emulator.mqtts,
      ca: world.emulator.caPem,
      servername: 'localhost',
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await assert.rejects(once(socket, 'secureConnect'), /protocol version|unsupported protocol/i);
  });

  test('9 Session tickets expected: not supported upstream', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const device = await world.dial(4, { maxVersion });
      await device.connect(world.newClientId('ticket'));
      await alive(device);
      const session = (device.socket as TLSSocket).getSession();
      assert.ok(session !== undefined);
      const again = await world.dial(4, { maxVersion, session });
      assert.equal((again.socket as TLSSocket).isSessionReused(), false);
    }
  });

  test('9 No ALPN on 443: the account decides; an unknown protocol fails the handshake', async () => {
    for (const [alpn, agreed] of [
      ['x-amzn-mqtt-ca', 'x-amzn-mqtt-ca'],
      ['mqtt', 'mqtt'],
      [undefined, undefined],
    ] as const) {
      const clientId = world.newClientId('alpn');
      const device = await world.dial(4, { port: 'alpn', ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }) });
      await device.connect(clientId);
      const question = world.gate.questions.find((one) => one.clientId === clientId);
      const { port, serverName, alpn: found } = question?.connection ?? {};
      assert.deepEqual({ port, serverName, alpn: found }, { port: 'alpn', serverName: 'localhost', alpn: agreed });
    }
    await assert.rejects(world.dial(4, { port: 'alpn', ALPNProtocols: ['http/1.1'] }));
    world.gate.acceptsAll = false;
    try {
      const device = await world.dial(4, { port: 'alpn' });
      device.sendBytes(device.connectBytes('nobody'));
      await device.closed();
      assert.deepEqual(device.packets, []);
      assert.ok(world.emulator.broker.refusals.count('handshake-refused') > 0);
    } finally {
      world.gate.acceptsAll = true;
    }
  });

  test('9 Broker-side presence topics: lifecycle events under $aws/events, which # does not receive', async () => {
    const watcher = await world.connected(4);
    await watcher.subscribe([
      { topic: '#', qos: 0 },
      { topic: '$aws/events/presence/+/+', qos: 0 },
    ]);
    const device = await world.connected(4, 'present');
    await device.disconnect();
    const topics = [(await watcher.receive()).topic, (await watcher.receive()).topic];
    assert.deepEqual(topics, ['$aws/events/presence/connected/present', '$aws/events/presence/disconnected/present']);
    await watcher.unsubscribe('$aws/events/presence/+/+');
    const next = await world.connected(4, 'unseen');
    await next.disconnect();
    await world.event('unseen', 'disconnected');
    await alive(watcher);
    assert.equal(watcher.count('publish'), 2);
    await watcher.disconnect();
  });

  test('9 Username/password devices: the account is asked with both', async () => {
    const clientId = world.newClientId('login');
    await world.connected(4, clientId, {
      username: 'user?x-amz-customauthorizer-name=a',
      password: Buffer.from('secret'),
    });
    const question = world.gate.questions.find((one) => one.clientId === clientId);
    assert.equal(question?.username, 'user?x-amz-customauthorizer-name=a');
    assert.equal(question?.password?.toString(), 'secret');
  });
});
