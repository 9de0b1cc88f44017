import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import mqtt, { type IConnectPacket } from 'mqtt-packet';
import { type ConnectPacket, type ConnectRefusal, decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { isPersistent, sessionIntentOf } from '../../src/mqtt/session-intent.ts';

mqtt.writeToStream.cacheNumbers = false;

const text = (maxLength: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength })
    .filter((value) => !value.includes('\0') && value.isWellFormed());

const anyConnect = fc.record({
  version: fc.constantFrom<3 | 4 | 5>(3, 4, 5),
  clientId: text(30),
  clean: fc.boolean(),
  keepalive: fc.integer({ min: 0, max: 65_535 }),
  username: fc.option(text(20), { nil: undefined }),
  password: fc.option(fc.uint8Array({ minLength: 1, maxLength: 50 }), { nil: undefined }),
  will: fc.option(
    fc.record({
      topic: text(20).filter((topic) => !/[+#]/.test(topic)),
      payload: fc.uint8Array({ minLength: 1, maxLength: 50 }),
      qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      retain: fc.boolean(),
    }),
    { nil: undefined },
  ),
  expiry: fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
  bridge: fc.boolean(),
});

describe('decodeConnect', () => {
  it('agrees with what mqtt-packet generates', () => {
    fc.assert(
      fc.property(anyConnect, (wish) => {
        const decoded = decodeConnect(generate(wish));
        assert.ok(decoded.ok, JSON.stringify(decoded));
        const { value } = decoded;
        assert.equal(value.level, wish.version);
        assert.equal(value.clientId, wish.clientId);
        assert.equal(value.cleanStart, wish.clean);
        assert.equal(value.keepAliveSeconds, wish.keepalive);
        assert.equal(value.username, wish.username);
        assert.equal(value.hasPassword, wish.username !== undefined && wish.password !== undefined);
        assert.equal(value.will?.topic, wish.will?.topic);
        assert.equal(value.will?.qos, wish.will?.qos);
        assert.equal(value.will?.retain, wish.will?.retain);
        assert.equal(value.will?.payloadBytes, wish.will?.payload.length);
        assert.equal(value.bridge, wish.bridge && wish.version !== 5);
        const expiry = wish.version === 5 ? (wish.expiry ?? 0) : wish.clean ? 0 : 0xffff_ffff;
        assert.equal(value.sessionExpiryInterval, expiry);
      }),
    );
  });

  it('never throws and never accepts a truncated packet', () => {
    fc.assert(
      fc.property(anyConnect, fc.nat(), (wish, cut) => {
        const packet = generate(wish);
        const shorter = Buffer.from(packet.subarray(0, 2 + (cut % Math.max(1, packet.length - 3))));
        if (shorter.length < 130) shorter[1] = shorter.length - 2;
        const decoded = decodeConnect(shorter);
        // MQTT 3.1 lets a username or password be missing though its flag is set.
        if (decoded.ok) assert.equal(decoded.value.protocol, '3.1');
      }),
    );
  });

  it('never throws on mutated packets', () => {
    fc.assert(
      fc.property(anyConnect, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (wish, changes) => {
        const packet = generate(wish);
        for (const [at, byte] of changes) packet[at % packet.length] = byte;
        decodeConnect(packet);
      }),
    );
  });

  const id = (name: string) => [0, name.length, ...Buffer.from(name)];
  const mqtt4 = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4];
  const mqtt5 = [0, 4, 0x4d, 0x51, 0x54, 0x54, 5];
  const isdp3 = [0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70, 3];

  const refused: [name: string, body: number[], kind: ConnectRefusal['kind'], level: number][] = [
    ['MQTT level 6', [...mqtt4.slice(0, 6), 6, 2, 0, 60, ...id('a')], 'unsupported-version', 6],
    ['MQTT level 3', [...mqtt4.slice(0, 6), 3, 2, 0, 60, ...id('a')], 'unsupported-version', 3],
    ['MQIsdp level 4', [...isdp3.slice(0, 8), 4, 2, 0, 60, ...id('a')], 'unsupported-version', 4],
    ['MQIsdp level 5', [...isdp3.slice(0, 8), 5, 2, 0, 60, ...id('a')], 'unsupported-version', 5],
    ['another protocol name', [0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 60, ...id('a')], 'malformed', 0],
    ['nothing in it', [], 'malformed', 0],
    ['the reserved flag, 3.1.1', [...mqtt4, 3, 0, 60, ...id('a')], 'malformed', 4],
    ['the reserved flag, 5', [...mqtt5, 3, 0, 60, 0, ...id('a')], 'malformed', 5],
    ['will QoS 3', [...mqtt4, 0x1e, 0, 60, ...id('a'), ...id('t'), ...id('p')], 'malformed', 4],
    ['will QoS without a will', [...mqtt4, 0x0a, 0, 60, ...id('a')], 'malformed', 4],
    ['will retain without a will', [...mqtt4, 0x22, 0, 60, ...id('a')], 'malformed', 4],
    ['a password without a username, 3.1.1', [...mqtt4, 0x42, 0, 60, ...id('a'), ...id('p')], 'malformed', 4],
    ['bytes behind the end', [...mqtt4, 2, 0, 60, ...id('a'), 0], 'malformed', 4],
    ['a client ID beyond the end', [...mqtt4, 2, 0, 60, 0, 9, 0x61], 'malformed', 4],
    ['U+0000 in the client ID', [...mqtt4, 2, 0, 60, 0, 2, 0x61, 0], 'malformed', 4],
    ['broken UTF-8 in the client ID', [...mqtt4, 2, 0, 60, 0, 2, 0xc3, 0x28], 'malformed', 4],
    ['a surrogate in the client ID', [...mqtt4, 2, 0, 60, 0, 3, 0xed, 0xa0, 0x80], 'malformed', 4],
    ['broken UTF-8 in the username', [...mqtt4, 0x82, 0, 60, ...id('a'), 0, 1, 0xff], 'malformed', 4],
    ['an empty client ID that resumes, 3.1.1', [...mqtt4, 0, 0, 60, ...id('')], 'client-id', 4],
    ['an empty client ID, 3.1', [...isdp3, 2, 0, 60, ...id('')], 'client-id', 3],
    ['a property twice', [...mqtt5, 2, 0, 60, 10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1, ...id('a')], 'protocol-error', 5],
    ['a property of another packet', [...mqtt5, 2, 0, 60, 2, 0x01, 0, ...id('a')], 'malformed', 5],
    ['a property that does not exist', [...mqtt5, 2, 0, 60, 2, 0x7f, 0, ...id('a')], 'malformed', 5],
    ['a property list cut short', [...mqtt5, 2, 0, 60, 4, 0x11, 0, 0, 0, ...id('a')], 'malformed', 5],
    ['a property list beyond the end', [...mqtt5, 2, 0, 60, 99, 0x11, 0, 0, 0], 'malformed', 5],
    ['a property length that is not minimal', [...mqtt5, 2, 0, 60, 0x80, 0, ...id('a')], 'malformed', 5],
    ['receive maximum 0', [...mqtt5, 2, 0, 60, 3, 0x21, 0, 0, ...id('a')], 'protocol-error', 5],
    ['maximum packet size 0', [...mqtt5, 2, 0, 60, 5, 0x27, 0, 0, 0, 0, ...id('a')], 'protocol-error', 5],
    ['request problem information 2', [...mqtt5, 2, 0, 60, 2, 0x17, 2, ...id('a')], 'protocol-error', 5],
    ['authentication data without a method', [...mqtt5, 2, 0, 60, 4, 0x16, 0, 1, 9, ...id('a')], 'protocol-error', 5],
    [
      'a will property twice',
      [...mqtt5, 6, 0, 60, 0, ...id('a'), 4, 1, 0, 1, 0, ...id('t'), ...id('p')],
      'protocol-error',
      5,
    ],
    ['a wildcard in the will topic', [...mqtt4, 6, 0, 60, ...id('a'), ...id('+'), ...id('p')], 'malformed', 4],
    ['an empty will topic', [...mqtt4, 6, 0, 60, ...id('a'), ...id(''), ...id('p')], 'malformed', 4],
    ['an empty will topic, 3.1', [...isdp3, 6, 0, 60, ...id('a'), ...id(''), ...id('p')], 'malformed', 3],
    [
      'a will that answers to a wildcard',
      [...mqtt5, 6, 0, 60, 0, ...id('a'), 4, 8, ...id('#'), ...id('t'), ...id('p')],
      'protocol-error',
      5,
    ],
    [
      'a topic alias in the will',
      [...mqtt5, 6, 0, 60, 0, ...id('a'), 3, 0x23, 0, 1, ...id('t'), ...id('p')],
      'malformed',
      5,
    ],
    ['a will without a payload', [...mqtt4, 6, 0, 60, ...id('a'), ...id('t')], 'malformed', 4],
  ];
  for (const [name, body, kind, level] of refused) {
    it(`refuses ${name} as ${kind}`, () => {
      const decoded = decodeConnect(Buffer.from([0x10, body.length, ...body]));
      assert.ok(!decoded.ok);
      assert.equal(decoded.error.kind, kind, decoded.error.message);
      assert.equal(decoded.error.level, level);
    });
  }

  it('refuses flags in the first byte and a remaining length that is not the rest', () => {
    const body = [...mqtt4, 2, 0, 60, ...id('a')];
    for (const bytes of [
      [0x11, body.length, ...body],
      [0x10, body.length + 1, ...body],
      [0x10, body.length - 1, ...body],
    ]) {
      const decoded = decodeConnect(Buffer.from(bytes));
      assert.ok(!decoded.ok && decoded.error.kind === 'malformed');
    }
  });

  const accepted: [name: string, body: number[], expected: Partial<ConnectPacket>][] = [
    [
      '3.1 with username and password flags but neither field',
      [...isdp3, 0xc2, 0, 60, ...id('a')],
      { protocol: '3.1', hasPassword: false },
    ],
    ['3.1 with the unused flag set', [...isdp3, 3, 0, 60, ...id('a')], { protocol: '3.1', cleanStart: true }],
    ['an empty client ID with Clean Session', [...mqtt4, 2, 0, 60, ...id('')], { clientId: '' }],
    ['an empty client ID with MQTT 5', [...mqtt5, 0, 0, 60, 0, ...id('')], { clientId: '' }],
    ['a password alone with MQTT 5', [...mqtt5, 0x42, 0, 60, 0, ...id('a'), ...id('p')], { hasPassword: true }],
    ['a bridge', [...mqtt4.slice(0, 6), 0x84, 2, 0, 60, ...id('a')], { bridge: true, level: 4 }],
    [
      'user properties that repeat',
      [...mqtt5, 2, 0, 60, 14, ...[1, 2].flatMap(() => [0x26, ...id('k'), ...id('v')]), ...id('a')],
      { protocol: '5' },
    ],
    ['U+FEFF, which is a character like others', [...mqtt4, 2, 0, 60, 0, 3, 0xef, 0xbb, 0xbf], { clientId: '\ufeff' }],
  ];
  for (const [name, body, expected] of accepted) {
    it(`accepts ${name}`, () => {
      const decoded = decodeConnect(Buffer.from([0x10, body.length, ...body]));
      assert.ok(decoded.ok, JSON.stringify(decoded));
      assert.deepEqual({ ...decoded.value, ...expected }, decoded.value);
    });
  }
});

describe('sessionIntentOf', () => {
  const rows: [Partial<ConnectPacket>, 'clean' | 'fresh' | 'resume', boolean][] = [
    [{ cleanStart: true, sessionExpiryInterval: 0 }, 'clean', false],
    [{ cleanStart: true, sessionExpiryInterval: 60 }, 'fresh', true],
    [{ cleanStart: false, sessionExpiryInterval: 0 }, 'resume', false],
    [{ cleanStart: false, sessionExpiryInterval: 0xffff_ffff }, 'resume', true],
  ];
  for (const [fields, intent, persistent] of rows) {
    it(`is ${intent} for ${JSON.stringify(fields)}`, () => {
      const connect: ConnectPacket = {
        protocol: '5',
        level: 5,
        bridge: false,
        clientId: 'a',
        hasPassword: false,
        cleanStart: true,
        sessionExpiryInterval: 0,
        keepAliveSeconds: 60,
        properties: undefined,
        ...fields,
      };
      assert.equal(sessionIntentOf(connect), intent);
      assert.equal(isPersistent(connect), persistent);
    });
  }
});

type Wish = typeof anyConnect extends fc.Arbitrary<infer Value> ? Value : never;

function generate(wish: Wish): Buffer {
  const packet: IConnectPacket & { bridgeMode: boolean } = {
    cmd: 'connect',
    protocolId: wish.version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: wish.version,
    bridgeMode: wish.bridge && wish.version !== 5,
    clientId: wish.clientId,
    clean: wish.clean,
    keepalive: wish.keepalive,
    ...(wish.username === undefined ? {} : { username: wish.username }),
    ...(wish.password === undefined || wish.username === undefined ? {} : { password: Buffer.from(wish.password) }),
    ...(wish.will === undefined ? {} : { will: { ...wish.will, payload: Buffer.from(wish.will.payload) } }),
    ...(wish.version === 5 && wish.expiry !== undefined ? { properties: { sessionExpiryInterval: wish.expiry } } : {}),
  };
  return mqtt.generate(packet);
}
