import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import type { AwsIotEmulatorOptions } from '../../src/emulator/aws-iot-emulator.ts';
import type { BrokerVariants } from '../../src/emulator/data/broker-terms.ts';
import type { RefusalReason } from '../../src/emulator/data/refusal.ts';
import type { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { EmulatorWorld } from './emulator-world.ts';

type Connected = Awaited<ReturnType<EmulatorWorld['connected']>>;

const both: readonly WireVersion[] = [4, 5];
const nameOf = (version: WireVersion) => (version === 5 ? 'MQTT 5' : 'MQTT 3.1.1');
const sayingIn = (version: WireVersion, code: string) => (version === 5 ? `, DISCONNECT ${code}` : '');

/** The first packet, if the connection was refused with one, in hexadecimal; '' for a silent close. */
async function refusedBytes(device: WireDevice): Promise<string> {
  await device.closed();
  return Buffer.concat(device.packets.map(({ bytes }) => bytes)).toString('hex');
}

async function withVariants(variants: Partial<BrokerVariants>, act: (world: EmulatorWorld) => Promise<void>) {
  await using world = await EmulatorWorld.start({ variants });
  await act(world);
}

async function withOptions(options: AwsIotEmulatorOptions, act: (world: EmulatorWorld) => Promise<void>) {
  await using world = await EmulatorWorld.start(options);
  await act(world);
}

suite('Facts 2.7, close or code: CONNECT', { timeout: 60_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
  });
  after(() => world[Symbol.asyncDispose]());

  /** `connack` is what comes, in hexadecimal; '' is a silent close. */
  async function refused(
    where: EmulatorWorld,
    version: WireVersion,
    expected: { readonly connack: string; readonly refusal: RefusalReason; readonly clientId?: string },
    fields: Partial<IConnectPacket> = {},
  ): Promise<string> {
    const clientId = expected.clientId ?? where.newClientId('refused');
    const device = await where.dial(version);
    const connectedBefore = where.lifecycle(clientId).length;
    device.sendBytes(device.connectBytes(clientId, fields));
    assert.equal(await refusedBytes(device), expected.connack);
    assert.ok(device.sawEnd);
    assert.ok(where.refusals(clientId).includes(expected.refusal));
    const events = where.lifecycle(clientId).slice(connectedBefore);
    assert.deepEqual(
      events.filter(({ eventType }) => eventType === 'connected'),
      [],
    );
    return clientId;
  }

  const certificates = [
    ['Unknown cert, no registered CA / auto-reg off', 'unknown-certificate', 'unknown-certificate'],
    ['Unknown cert, CA auto-registration ENABLE', 'pending', 'pending-certificate'],
    ['Cert INACTIVE/REVOKED/PENDING_ACTIVATION', 'not-active', 'inactive-certificate'],
  ] as const;
  for (const version of both) {
    for (const [row, why, refusal] of certificates) {
      test(`2.7 ${row}, ${nameOf(version)}: TLS completes, socket closed after CONNECT, no CONNACK`, async () => {
        const clientId = world.newClientId('certificate');
        world.gate.refusals.set(clientId, why);
        await refused(world, version, { connack: '', refusal, clientId });
        assert.deepEqual(world.lifecycle(clientId), []);
      });
    }

    test(`2.7 ACTIVE cert, no policy / iot:Connect denied, ${nameOf(version)}: ${version === 5 ? 'CONNACK 0x87' : 'closed, no CONNACK'}, and connect_failed`, async () => {
      const clientId = world.newClientId('denied');
      world.gate.refusals.set(clientId, 'not-authorized');
      await refused(world, version, {
        connack: version === 5 ? '2003008700' : '',
        refusal: 'connect-denied',
        clientId,
      });
      const { sessionIdentifier, timestamp, ...event } = await world.event(clientId, 'connect_failed');
      assert.equal(typeof sessionIdentifier, 'string');
      assert.equal(typeof timestamp, 'number');
      assert.deepEqual(event, {
        clientId,
        eventType: 'connect_failed',
        connectFailureReason: 'AUTHORIZATION_FAILED',
        principalIdentifier: 'principal',
        ipAddress: '127.0.0.1',
      });
    });

    test(`2.7 Will topic not authorised, ${nameOf(version)}: ${version === 5 ? 'CONNACK 0x87' : 'connect fails'}, and connect_failed`, async () => {
      const clientId = world.newClientId('will');
      world.gate.refusals.set(clientId, 'not-authorized');
      const will = { topic: 'not/yours', payload: Buffer.from('x'), qos: 1, retain: true } as const;
      const connack = version === 5 ? '2003008700' : '';
      await refused(world, version, { connack, refusal: 'connect-denied', clientId }, { will });
      const question = world.gate.questions.find((one) => one.clientId === clientId);
      assert.deepEqual(question?.will, { topic: 'not/yours', retain: true });
      await world.event(clientId, 'connect_failed');
    });

    test(`2.7 CONNECT throttled, ${nameOf(version)}: ${version === 5 ? 'CONNACK 0x97' : 'closed connection'}`, () =>
      withOptions({ connectsPerSecondPerClientId: 1 }, async (strict) => {
        const first = await strict.connected(version, 'hasty');
        const clientId = await refused(strict, version, {
          connack: version === 5 ? '2003009700' : '',
          refusal: 'client-id-connect-rate',
          clientId: 'hasty',
        });
        assert.equal(clientId, 'hasty');
        // The throttled one takes nothing over.
        first.send({ cmd: 'pingreq' });
        await first.next('pingresp');
      }));
  }

  test('2.7 custom authorizer denies: CONNACK 0x05, MQTT 5 0x87', async () => {
    for (const [version, connack] of [
      [4, '20020005'],
      [5, '2003008700'],
    ] as const) {
      const clientId = world.newClientId('credentials');
      world.gate.refusals.set(clientId, 'bad-credentials');
      await refused(world, version, { connack, refusal: 'bad-credentials', clientId });
      assert.deepEqual(world.lifecycle(clientId), []);
    }
  });

  test('2.7 the account does not answer: closed, CONNACK 0x80 in MQTT 5', async () => {
    world.gate.fault = new Error('no account');
    try {
      await refused(world, 4, { connack: '', refusal: 'admission-failed' });
      await refused(world, 5, { connack: '2003008000', refusal: 'admission-failed' });
    } finally {
      world.gate.fault = undefined;
    }
  });

  const variants: readonly (readonly [
    name: string,
    variants: Partial<BrokerVariants>,
    version: WireVersion,
    why: 'unknown-certificate' | 'not-authorized' | 'bad-credentials',
    connack: string,
  ])[] = [
    [
      'an unknown certificate, MQTT 5: CONNACK 0x87',
      { certificateRefused5: 'connack' },
      5,
      'unknown-certificate',
      '2003008700',
    ],
    ['iot:Connect denied, MQTT 3.1.1: CONNACK 0x05', { connectDenied: 'connack' }, 4, 'not-authorized', '20020005'],
    ['custom authorizer denies: closed', { badCredentials: 'close' }, 4, 'bad-credentials', ''],
  ];
  for (const [name, chosen, version, why, connack] of variants) {
    test(`2.7 variant: ${name}`, () =>
      withVariants(chosen, async (other) => {
        other.gate.refusals.set('chosen', why);
        const refusal = (
          {
            'unknown-certificate': 'unknown-certificate',
            'not-authorized': 'connect-denied',
            'bad-credentials': 'bad-credentials',
          } as const
        )[why];
        await refused(other, version, { connack, refusal, clientId: 'chosen' });
      }));
  }

  test('2.7 variant: CONNECT throttled, MQTT 3.1.1: CONNACK 0x03', () =>
    withOptions({ connectsPerSecondPerClientId: 1, variants: { connectThrottled: 'connack' } }, async (strict) => {
      await strict.connected(4, 'hasty');
      await refused(strict, 4, { connack: '20020003', refusal: 'client-id-connect-rate', clientId: 'hasty' });
    }));
});

suite('Facts 2.7, close or code: packets of a connected client', { timeout: 60_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
    for (const action of ['iot:Publish', 'iot:Subscribe', 'iot:Receive'] as const)
      world.gate.denied.add(`${action} denied`);
    world.gate.denied.add('iot:RetainPublish kept/not');
  });
  after(() => world[Symbol.asyncDispose]());

  const publish = (device: WireDevice, topic: string, fields: object = {}) =>
    device.send({ cmd: 'publish', topic, payload: 'x', qos: 1, dup: false, retain: false, messageId: 7, ...fields });
  const subscribe = (device: WireDevice, topic: string, qos: 0 | 1 | 2 = 1) =>
    device.send({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic, qos }] });

  /** The connection is as good as before. */
  async function alive(device: Connected) {
    device.send({ cmd: 'pingreq' });
    await device.next('pingresp');
  }

  for (const qos of [0, 1] as const) {
    test(`2.7 PUBLISH denied, MQTT 3.1.1, QoS ${qos}: connection closed`, async () => {
      const device = await world.connected(4);
      publish(device, 'denied', { qos });
      await world.ended(device, { refusal: 'publish-denied', disconnectReason: 'AUTH_ERROR' });
      assert.equal(device.count('puback'), 0);
    });
  }

  test('2.7 PUBLISH denied, MQTT 5, QoS 1: PUBACK 0x87', async () => {
    const device = await world.connected(5);
    publish(device, 'denied');
    assert.equal((await device.nextWire('puback')).bytes.toString('hex'), '4003000787');
    await alive(device);
    assert.deepEqual(world.refusals(device.clientId), ['publish-denied']);
  });

  test('2.7 PUBLISH denied, MQTT 5, QoS 0: DISCONNECT 0x87', async () => {
    const device = await world.connected(5);
    publish(device, 'denied', { qos: 0 });
    await world.ended(device, { refusal: 'publish-denied', disconnectReason: 'AUTH_ERROR', code: 0x87 });
  });

  test('2.7 variant: PUBLISH denied, MQTT 5, QoS 0: ignored', () =>
    withVariants({ publishDenied5: 'ignore' }, async (other) => {
      other.gate.denied.add('iot:Publish denied');
      const device = await other.connected(5);
      publish(device, 'denied', { qos: 0 });
      await alive(device);
      assert.deepEqual(other.messages(), []);
    }));

  test('2.7 SUBSCRIBE denied, MQTT 3.1.1: connection closed', async () => {
    const device = await world.connected(4);
    subscribe(device, 'denied');
    await world.ended(device, { refusal: 'subscribe-denied', disconnectReason: 'AUTH_ERROR' });
    assert.equal(device.count('suback'), 0);
  });

  test('2.7 SUBSCRIBE denied, MQTT 5: SUBACK 0x87, the other filters are granted', async () => {
    const device = await world.connected(5);
    assert.deepEqual(
      await device.subscribe([
        { topic: 'a', qos: 1 },
        { topic: 'denied', qos: 1 },
        { topic: 'b', qos: 0 },
      ]),
      [1, 0x87, 0],
    );
    await alive(device);
    assert.deepEqual((await world.event(device.clientId, 'subscribed'))['topics'], ['a', 'b']);
  });

  test('2.7 SUBSCRIBE denied: the policy is asked for the filter without $share', async () => {
    const device = await world.connected(5);
    assert.deepEqual(await device.subscribe([{ topic: '$share/group/denied', qos: 1 }]), [0x87]);
  });

  test('2.7 variant: SUBSCRIBE denied, MQTT 3.1.1: SUBACK 0x80', () =>
    withVariants({ subscribeDenied: 'suback' }, async (other) => {
      other.gate.denied.add('iot:Subscribe denied');
      const device = await other.connected(4);
      assert.deepEqual(
        await device.subscribe([
          { topic: 'denied', qos: 1 },
          { topic: 'a', qos: 1 },
        ]),
        [0x80, 1],
      );
    }));

  for (const version of both) {
    test(`2.7 Receive denied (iot:Receive), ${nameOf(version)}: message silently not delivered`, async () => {
      const device = await world.connected(version);
      await device.subscribe([{ topic: '#', qos: 1 }]);
      const publisher = await world.connected(4);
      world.emulator.dataPlane.publish({ topic: 'denied', payload: Buffer.from('no'), qos: 1 });
      await publisher.publish({ topic: 'a/b', payload: 'yes', qos: 1 });
      const received = await device.receive();
      assert.equal(received.payload.toString(), 'yes');
      assert.deepEqual(world.refusals(device.clientId), ['receive-denied']);
      await device.disconnect();
    });

    for (const filter of ['$SYS/#', '$queue/a', '$other', '$share/group/$SYS/#', '$aws/rules/mine/a']) {
      test(`2.7 Subscribe to $SYS/# or other unsupported $ topic, ${nameOf(version)}: ${filter}: connection terminated${sayingIn(version, '0x8F')}`, async () => {
        const device = await world.connected(version);
        subscribe(device, filter);
        await world.ended(device, { refusal: 'reserved-filter', disconnectReason: 'CLIENT_ERROR', code: 0x8f });
        assert.equal(device.count('suback'), 0);
      });
    }

    test(`2.7 Second CONNECT on same socket, ${nameOf(version)}: CLIENT_ERROR${sayingIn(version, '0x82')}`, async () => {
      const device = await world.connected(version);
      device.sendBytes(device.connectBytes(device.clientId));
      await world.ended(device, { refusal: 'second-connect', disconnectReason: 'CLIENT_ERROR', code: 0x82 });
    });

    test(`2.7 Same client ID connects, ${nameOf(version)}: the old is dropped, DUPLICATE_CLIENTID, its will is sent${sayingIn(version, '0x8E')}`, async () => {
      const clientId = world.newClientId('twin');
      const watcher = await world.connected(4);
      await watcher.subscribe([{ topic: `will/${clientId}`, qos: 1 }]);
      const will = { topic: `will/${clientId}`, payload: Buffer.from('gone'), qos: 1, retain: false } as const;
      const old = await world.connected(version, clientId, { will });
      const next = await world.connected(version, clientId);
      await world.ended(old, { disconnectReason: 'DUPLICATE_CLIENTID', code: 0x8e });
      assert.equal((await watcher.receive()).payload.toString(), 'gone');
      next.send({ cmd: 'pingreq' });
      await next.next('pingresp');
      const versions = world.lifecycle(clientId).map((event) => [event.eventType, event['versionNumber']]);
      assert.deepEqual(versions, [
        ['connected', 0],
        ['disconnected', 0],
        ['connected', 1],
      ]);
    });

    test(`2.7 Payload too big, ${nameOf(version)}: CLIENT_ERROR${sayingIn(version, '0x95')}`, async () => {
      const device = await world.connected(version);
      await device.publish({ topic: 'large', payload: Buffer.alloc(131_072), qos: 1 });
      publish(device, 'large', { payload: Buffer.alloc(131_073) });
      await world.ended(device, { refusal: 'payload-too-large', disconnectReason: 'CLIENT_ERROR', code: 0x95 });
    });

    test(`2.7 Keep-alive expiry, ${nameOf(version)}: close, MQTT_KEEP_ALIVE_TIMEOUT, will sent${sayingIn(version, '0x8D')}`, () =>
      withOptions({}, async (other) => {
        const watcher = await other.connected(4, 'watcher', { keepalive: 1_200 });
        await watcher.subscribe([{ topic: 'will', qos: 0 }]);
        const will = { topic: 'will', payload: Buffer.from('silent'), qos: 0, retain: false } as const;
        const device = await other.connected(version, 'silent', { keepalive: 60, will });
        other.advance(89_000);
        await alive(device);
        other.advance(89_000);
        await alive(device);
        other.advance(90_100);
        await other.ended(device, { refusal: 'keep-alive', disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT', code: 0x8d });
        assert.equal((await watcher.receive()).payload.toString(), 'silent');
      }));

    test(`2.7 Rate > 100/s, ${nameOf(version)}: messages discarded${version === 5 ? ', PUBACK 0x97' : ''}`, () =>
      withOptions({ pubackOrder: 'in-order', pubackWaitMs: 0 }, async (other) => {
        const device = await other.connected(version);
        for (let id = 1; id <= 103; id += 1) publish(device, `rate/${id}`, { messageId: id });
        await alive(device);
        assert.equal(other.messages().length, 100);
        const refused = device.packets.filter(
          ({ packet }) => packet.cmd === 'puback' && (packet.reasonCode ?? 0) !== 0,
        );
        if (version === 5) {
          assert.deepEqual(
            refused.map(({ bytes }) => bytes.toString('hex')),
            ['4003006597', '4003006697', '4003006797'],
          );
        }
        assert.equal(device.count('puback') - refused.length, 100);
        assert.deepEqual(other.refusals(device.clientId), ['publish-rate', 'publish-rate', 'publish-rate']);
        other.advance(1_000);
        publish(device, 'rate/later', { messageId: 200 });
        await other.until('the message of another second', () => other.messages().length === 101);
      }));

    test(`2.7 Rate > 100/s, ${nameOf(version)}: sustained abuse ends with THROTTLED`, () =>
      withOptions({ throttledSeconds: 3, limits: { publishesPerSecond: 2 } }, async (other) => {
        const device = await other.connected(version);
        for (let second = 1; second <= 4; second += 1) {
          for (let id = 1; id <= 3; id += 1) publish(device, 'abuse', { qos: 0 });
          if (second === 4) break;
          await alive(device);
          other.advance(1_000);
        }
        await other.ended(device, { refusal: 'sustained-publish-rate', disconnectReason: 'THROTTLED', code: 0x97 });
      }));

    test(`2.7 RETAIN publish to reserved topic, ${nameOf(version)}: not allowed`, async () => {
      const device = await world.connected(version);
      publish(device, '$aws/things/a/shadow/update', { retain: true });
      await world.ended(device, { refusal: 'retain-on-reserved-topic', disconnectReason: 'CLIENT_ERROR', code: 0x90 });
    });

    test(`2.7 RETAIN publish without iot:RetainPublish, ${nameOf(version)}: as a denied PUBLISH`, async () => {
      const device = await world.connected(version);
      publish(device, 'kept/not', { retain: true });
      if (version === 5) {
        assert.equal((await device.nextWire('puback')).bytes.toString('hex'), '4003000787');
      } else {
        await world.ended(device, { refusal: 'retain-denied', disconnectReason: 'AUTH_ERROR' });
      }
      assert.deepEqual(world.refusals(device.clientId), ['retain-denied']);
    });
  }

  const flags: readonly (readonly [version: WireVersion, packet: string, bytes: string])[] = [
    [4, 'SUBSCRIBE', '8006000100016100'],
    [4, 'UNSUBSCRIBE', 'a0050001000161'],
    [5, 'SUBSCRIBE', '800700010000016100'],
    [5, 'UNSUBSCRIBE', 'a006000100000161'],
  ];
  for (const [version, packet, bytes] of flags) {
    test(`2.7 UNSUBSCRIBE/SUBSCRIBE fixed-header flags ≠ 0b0010, ${nameOf(version)}: ${packet}: CLIENT_ERROR${sayingIn(version, '0x81')}`, async () => {
      const device = await world.connected(version);
      device.sendBytes(bytes);
      await world.ended(device, { refusal: 'header-flags', disconnectReason: 'CLIENT_ERROR', code: 0x81 });
    });
  }

  test('2.7 variant: Subscribe to $SYS/#, MQTT 5: SUBACK 0x8F', () =>
    withVariants({ invalidFilter5: 'suback' }, async (other) => {
      const device = await other.connected(5);
      assert.deepEqual(
        await device.subscribe([
          { topic: '$SYS/#', qos: 1 },
          { topic: 'a', qos: 1 },
        ]),
        [0x8f, 1],
      );
    }));

  test('2.7 variant: Payload too big, MQTT 5: DISCONNECT 0x97', () =>
    withVariants({ payloadTooLarge5: 'quota-exceeded' }, async (other) => {
      const device = await other.connected(5);
      publish(device, 'large', { payload: Buffer.alloc(131_073) });
      await other.ended(device, { refusal: 'payload-too-large', disconnectReason: 'CLIENT_ERROR', code: 0x97 });
    }));

  test('2.7 HTTPS Publish to a $ topic not allowed: refused', async () => {
    const { control } = world.emulator;
    const response = await fetch(`${control}/topics/${encodeURIComponent('$SYS/a')}?qos=1`, {
      method: 'POST',
      body: 'x',
    });
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('x-amzn-errortype'), 'InvalidRequestException');
    assert.deepEqual(Object.keys((await response.json()) as object), ['message']);
  });
});
