import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import { LimitedBroker } from './limited-broker.ts';
import type { CloseReason } from './limited-broker-limits.ts';
import { WireDevice } from './wire-device.ts';
import type { WireVersion } from './wire-frames.ts';

const both: readonly WireVersion[] = [4, 5];
const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);
const filters = (count: number, prefix = 'f') =>
  numbers(count).map((number) => ({ topic: `${prefix}/${number}`, qos: 1 as const }));

suite('What ends a connection at the limited broker', { timeout: 30_000 }, () => {
  let broker: LimitedBroker;
  before(async () => {
    broker = await LimitedBroker.start();
  });
  after(() => broker[Symbol.asyncDispose]());

  interface Row {
    readonly name: string;
    readonly reason: CloseReason;
    /** Of the DISCONNECT in MQTT 5. */
    readonly code: number;
    readonly act: (device: WireDevice) => Promise<unknown> | unknown;
    readonly versions?: readonly WireVersion[];
  }
  const publish =
    (topic: string, more: object = {}) =>
    (device: WireDevice) =>
      device.send({ cmd: 'publish', topic, payload: 'x', qos: 1, dup: false, retain: false, messageId: 1, ...more });
  const subscribe =
    (topics: readonly { topic: string; qos: 0 | 1 | 2 }[], more: object = {}) =>
    (device: WireDevice) =>
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [...topics], ...more });
  const rows: readonly Row[] = [
    { name: 'a PUBLISH with QoS 2', reason: 'publish-qos2', code: 0x9b, act: publish('a', { qos: 2 }) },
    { name: 'a SUBSCRIBE with QoS 2', reason: 'subscribe-qos2', code: 0x9b, act: subscribe([{ topic: 'a', qos: 2 }]) },
    { name: 'nine filters in one SUBSCRIBE', reason: 'too-many-filters', code: 0x97, act: subscribe(filters(9)) },
    {
      name: 'the 51st subscription',
      reason: 'too-many-subscriptions',
      code: 0x97,
      act: async (device) => {
        for (const start of numbers(7)) await device.subscribe(filters(start === 7 ? 2 : 8, `${start}`));
        device.send({ cmd: 'subscribe', messageId: 99, subscriptions: [{ topic: 'one/more', qos: 0 }] });
      },
    },
    { name: 'eight slashes in a topic', reason: 'too-many-slashes', code: 0x90, act: publish('1/2/3/4/5/6/7/8/9') },
    {
      name: 'eight slashes in a filter',
      reason: 'too-many-slashes',
      code: 0x8f,
      act: subscribe([{ topic: '1/2/3/4/5/6/7/8/#', qos: 0 }]),
    },
    { name: 'a topic of 257 bytes', reason: 'topic-too-long', code: 0x90, act: publish('t'.repeat(257)) },
    {
      name: 'a payload of 131 073 bytes',
      reason: 'payload-too-large',
      code: 0x95,
      act: publish('a', { payload: Buffer.alloc(131_073) }),
    },
    { name: 'a PUBLISH to $SYS', reason: 'reserved-topic', code: 0x90, act: publish('$SYS/x') },
    {
      name: 'a SUBSCRIBE to $SYS',
      reason: 'reserved-topic',
      code: 0x8f,
      act: subscribe([{ topic: '$SYS/#', qos: 0 }]),
    },
    {
      name: 'a wildcard in a topic name',
      reason: 'bad-topic',
      code: 0x90,
      act: (device) => device.sendBytes(device.version === 5 ? '3206000123000100' : '32050001230001'),
    },
    {
      name: 'a second CONNECT',
      reason: 'second-connect',
      code: 0x82,
      act: (device) => device.sendBytes(device.connectBytes('again')),
    },
    {
      name: 'SUBSCRIBE with the wrong flags',
      reason: 'header-flags',
      code: 0x81,
      act: (device) => device.sendBytes('8006000100016100'),
    },
    {
      name: 'UNSUBSCRIBE with the wrong flags',
      reason: 'header-flags',
      code: 0x81,
      act: (device) => device.sendBytes('a0050001000161'),
    },
    {
      name: 'a PUBREL',
      reason: 'qos2-acknowledgement',
      code: 0x82,
      act: (device) => device.send({ cmd: 'pubrel', messageId: 1 }),
    },
    {
      name: 'a Subscription Identifier',
      reason: 'subscription-identifier',
      code: 0xa1,
      act: subscribe([{ topic: 'a', qos: 0 }], { properties: { subscriptionIdentifier: 1 } }),
      versions: [5],
    },
    {
      name: 'topic alias 9',
      reason: 'topic-alias',
      code: 0x94,
      act: publish('a', { properties: { topicAlias: 9 } }),
      versions: [5],
    },
  ];
  for (const { name, reason, code, act, versions = both } of rows) {
    for (const version of versions) {
      test(`MQTT ${version}: ${name}`, async () => {
        using device = await WireDevice.dial(broker, version);
        const clientId = `${reason}-${code}-${version}-${name.length}`;
        await device.connect(clientId);
        await act(device);
        await device.closed();
        const last = device.packets.at(-1)?.packet;
        if (version === 5) assert.equal(last?.cmd === 'disconnect' && last.reasonCode, code);
        else assert.notEqual(last?.cmd, 'puback');
        assert.deepEqual(
          broker.closes.filter((close) => close.clientId === clientId).map((close) => close.reason),
          [reason],
        );
      });
    }
  }

  const refused: readonly {
    readonly name: string;
    readonly reason: CloseReason;
    readonly version: WireVersion;
    readonly fields: Partial<IConnectPacket>;
    /** Of CONNACK; absent: none came. */
    readonly code?: number;
  }[] = [
    { name: 'MQTT 3.1', reason: 'mqtt-3.1', version: 3, fields: {}, code: 1 },
    {
      name: 'an empty client ID of MQTT 3.1.1',
      reason: 'bad-client-id',
      version: 4,
      fields: { clientId: '' },
      code: 2,
    },
    {
      name: 'a client ID of 129 bytes',
      reason: 'bad-client-id',
      version: 4,
      fields: { clientId: 'i'.repeat(129) },
      code: 2,
    },
    {
      name: 'a client ID with a dollar sign',
      reason: 'bad-client-id',
      version: 5,
      fields: { clientId: '$a' },
      code: 0x85,
    },
    {
      name: 'a will with QoS 2',
      reason: 'will-qos2',
      version: 4,
      fields: { will: { topic: 'w', payload: 'x', qos: 2 } },
    },
    {
      name: 'a will with QoS 2',
      reason: 'will-qos2',
      version: 5,
      fields: { will: { topic: 'w', payload: 'x', qos: 2 } },
      code: 0x9b,
    },
    {
      name: 'a will on a reserved topic',
      reason: 'will-topic',
      version: 4,
      fields: { will: { topic: '$x', payload: 'x' } },
    },
    {
      name: 'an authentication method',
      reason: 'authentication-method',
      version: 5,
      fields: { properties: { authenticationMethod: 'X' } },
      code: 0x8c,
    },
  ];
  for (const { name, reason, version, fields, code } of refused) {
    test(`MQTT ${version}: ${name} is refused`, async () => {
      using device = await WireDevice.dial(broker, version);
      device.sendBytes(device.connectBytes('refused', fields));
      await device.closed();
      const [first] = device.packets;
      const codes = first?.packet.cmd === 'connack' ? (first.packet.reasonCode ?? first.packet.returnCode) : undefined;
      assert.equal(codes, code);
      assert.equal(broker.closes.at(-1)?.reason, reason);
    });
  }
});
