import { allVersions, before5, type DoorCase, five, type Party } from './door-case.ts';
import {
  bytes,
  type ConnectOptions,
  connect,
  disconnect,
  field,
  hex,
  packet,
  pingreq,
  property,
  u16,
  type Version,
} from './packet-writing.ts';
import type { RawClient } from './raw-client.ts';

/** Sends a first packet and sees what becomes of it. */
async function open(party: Party, first: Buffer): Promise<RawClient> {
  const client = await party.dial('a');
  client.send(first);
  await client.answered();
  if (!client.isClosed) await client.settle();
  return client;
}

type Row = readonly [name: string, options: (party: Party) => ConnectOptions, versions?: readonly Version[]];

function row([name, options, versions = allVersions]: Row): DoorCase {
  return {
    name,
    versions,
    play: async (party) => {
      await open(party, connect(party.version, { clientId: `${party.tag}a`, ...options(party) }));
    },
  };
}

const surrogate = hex('61eda08062');
const nul = Buffer.from('a\0b');
const overlong = hex('61c08062');

/** What a CONNECT may hold and what not. */
const fieldRows: readonly Row[] = [
  ['the plainest CONNECT', () => ({})],
  ['[MQTT-3.1.2-1] a protocol name that is none', () => ({ name: 'NQTT' })],
  ['[MQTT-3.1.2-1] an empty protocol name', () => ({ name: '' })],
  ['[MQTT-3.1.2-1] a protocol name with more behind it', () => ({ name: 'MQTTX' })],
  ['[MQTT-3.1.2-1] a protocol name in small letters', () => ({ name: 'mqtt' })],
  ['[MQTT-3.1.2-2] level 0', () => ({ level: 0 })],
  ['[MQTT-3.1.2-2] level 2', () => ({ level: 2 })],
  ['[MQTT-3.1.2-2] level 6', () => ({ level: 6 })],
  ['[MQTT-3.1.2-2] level 127', () => ({ level: 127 })],
  ['[MQTT-3.1.2-2] the other name’s level', (party) => ({ level: party.version === '3.1' ? 4 : 3 })],
  ['[MQTT-3.1.2-3] the reserved flag', () => ({ flags: 0x03 })],
  ['[MQTT-3.1.2-12] a will QoS of 3', () => ({ flags: 0x1e, will: { topic: 'w' } })],
  ['[MQTT-3.1.2-11] a will QoS without a will', () => ({ flags: 0x0a })],
  ['[MQTT-3.1.2-13] will retain without a will', () => ({ flags: 0x22 })],
  ['[MQTT-3.1.2-22] a password without a username', () => ({ password: 'secret' })],
  ['a username and a password', () => ({ username: 'user', password: 'secret' })],
  ['a username without a password', () => ({ username: 'user' })],
  ['an empty username and an empty password', () => ({ username: '', password: '' })],
  ['a username flag without a username', () => ({ flags: 0x82 })],
  ['a password flag without a password', () => ({ flags: 0xc2, username: 'user' })],
  ['a username that came without its flag', () => ({ flags: 0x02, username: 'user' })],
  ['[MQTT-1.5.4-1] a client ID that is not UTF-8', () => ({ clientId: surrogate })],
  ['[MQTT-1.5.4-2] a client ID with U+0000', () => ({ clientId: nul })],
  ['[MQTT-1.5.4-1] a client ID with an overlong form', () => ({ clientId: overlong })],
  ['[MQTT-1.5.4-1] a username that is not UTF-8', () => ({ username: surrogate })],
  ['[MQTT-1.5.4-2] a username with U+0000', () => ({ username: nul })],
  ['[MQTT-1.5.4-1] a will topic that is not UTF-8', () => ({ will: { topic: surrogate } })],
  ['[MQTT-1.5.4-2] a will topic with U+0000', () => ({ will: { topic: nul } })],
  ['a will topic with a number sign', () => ({ will: { topic: 'a/#' } })],
  ['a will topic with a plus sign', () => ({ will: { topic: 'a/+' } })],
  ['an empty will topic', () => ({ will: { topic: '' } })],
  ['an empty will payload', () => ({ will: { topic: 'w', payload: '' } })],
  ['a will with everything', () => ({ will: { topic: 'w', qos: 2, retain: false } })],
  ['a client ID of 23 characters', (party) => ({ clientId: `${party.tag}abcdefghijklmnopqrstuvw`.slice(0, 23) })],
  ['a client ID of 24 characters', (party) => ({ clientId: `${party.tag}abcdefghijklmnopqrstuvw`.slice(0, 24) })],
  ['a client ID of 1000 characters', (party) => ({ clientId: `${party.tag}${'x'.repeat(991)}` })],
  ['a client ID with a slash, a plus and a number sign', (party) => ({ clientId: `${party.tag}/+#` })],
  ['a client ID of several alphabets', (party) => ({ clientId: `${party.tag}é漢😀` })],
  ['a client ID with a space', (party) => ({ clientId: `${party.tag} a b` })],
  ['[MQTT-3.1.3-8] an empty client ID without Clean Session', () => ({ clientId: '', clean: false }), before5],
  ['an empty client ID with Clean Session', () => ({ clientId: '' }), before5],
  ['keep alive 0', () => ({ keepAlive: 0 })],
  ['a bridge’s level', (party) => ({ level: { '3.1': 0x83, '3.1.1': 0x84, 5: 0x85 }[party.version] })],
  ['a client ID of 65535 bytes', (party) => ({ clientId: party.tag.padEnd(65_535, 'x') })],
  ['a will payload of 65535 bytes', () => ({ will: { topic: 'w', payload: Buffer.alloc(65_535) } })],
  ['a will topic of 65535 bytes', () => ({ will: { topic: 'w'.repeat(65_535) } })],
  [
    'a username and a password of 65535 bytes',
    () => ({ username: 'u'.repeat(65_535), password: Buffer.alloc(65_535) }),
  ],
  ['a will topic that begins with a dollar', () => ({ will: { topic: '$SYS/x' } })],
  [
    'Clean Session and a will of QoS 1 with RETAIN',
    (party) => ({ will: { topic: party.topic('w'), qos: 1, retain: true } }),
  ],
  ['keep alive 65535', () => ({ keepAlive: 65_535 })],
];

/** Properties of CONNECT and of its will. */
const propertyRows: readonly Row[] = [
  ...(
    [
      [
        'all properties',
        [
          property.sessionExpiry(10),
          property.receiveMaximum(5),
          property.maximumPacketSize(10_000),
          property.topicAliasMaximum(3),
          property.requestResponse(1),
          property.requestProblem(0),
          property.userProperty('n', 'v'),
          property.userProperty('n', 'w'),
        ],
      ],
      ['Session Expiry Interval twice', [property.sessionExpiry(1), property.sessionExpiry(1)]],
      ['Receive Maximum 0', [property.receiveMaximum(0)]],
      ['Receive Maximum twice', [property.receiveMaximum(2), property.receiveMaximum(2)]],
      ['Maximum Packet Size 0', [property.maximumPacketSize(0)]],
      ['Maximum Packet Size twice', [property.maximumPacketSize(99), property.maximumPacketSize(99)]],
      ['Topic Alias Maximum twice', [property.topicAliasMaximum(1), property.topicAliasMaximum(1)]],
      ['Request Response Information 2', [property.requestResponse(2)]],
      ['Request Response Information twice', [property.requestResponse(1), property.requestResponse(1)]],
      ['Request Problem Information 2', [property.requestProblem(2)]],
      ['Request Problem Information twice', [property.requestProblem(1), property.requestProblem(1)]],
      ['Authentication Data without a method', [property.authenticationData('x')]],
      ['an Authentication Method that is not known', [property.authenticationMethod('none')]],
      ['an Authentication Method and data', [property.authenticationMethod('none'), property.authenticationData('x')]],
      ['Authentication Method twice', [property.authenticationMethod('x'), property.authenticationMethod('x')]],
      ['a User Property that is not UTF-8', [property.userProperty('n', surrogate)]],
      ['a User Property without a name', [property.userProperty('', '')]],
      ['Topic Alias, which is not CONNECT’s', [property.topicAlias(1)]],
      ['Will Delay Interval, which is the will’s', [property.willDelay(1)]],
      ['Server Keep Alive, which is CONNACK’s', [property.serverKeepAlive(1)]],
      ['Subscription Identifier', [property.subscriptionIdentifier(1)]],
      ['Maximum QoS', [property.maximumQos(1)]],
      ['Payload Format Indicator', [property.payloadFormat(1)]],
      ['Reason String', [property.reasonString('x')]],
      ['an unknown property', [hex('7f00')]],
      ['property 0', [hex('0000')]],
      ['a property without its value', [hex('11')]],
      ['a property with half its value', [hex('110000')]],
    ] as const
  ).map(([name, properties]): Row => [`§3.1.2.11 ${name}`, () => ({ properties }), five]),
  ...(
    [
      [
        'all properties',
        [
          property.willDelay(1),
          property.payloadFormat(1),
          property.messageExpiry(5),
          property.contentType('t'),
          property.responseTopic('r'),
          property.correlationData('c'),
          property.userProperty('n', 'v'),
        ],
      ],
      ['Will Delay Interval twice', [property.willDelay(1), property.willDelay(1)]],
      ['Payload Format Indicator 2', [property.payloadFormat(2)]],
      ['Message Expiry Interval twice', [property.messageExpiry(1), property.messageExpiry(1)]],
      ['Content Type that is not UTF-8', [property.contentType(surrogate)]],
      ['Response Topic twice', [property.responseTopic('r'), property.responseTopic('r')]],
      ['Correlation Data twice', [property.correlationData('r'), property.correlationData('r')]],
      ['Topic Alias', [property.topicAlias(1)]],
      ['Session Expiry Interval', [property.sessionExpiry(1)]],
      ['Subscription Identifier', [property.subscriptionIdentifier(1)]],
    ] as const
  ).map(
    ([name, properties]): Row => [`§3.1.3.2 of a will: ${name}`, () => ({ will: { topic: 'w', properties } }), five],
  ),
];

/** First packets that are no CONNECT, or not a whole one. */
const firstPackets: readonly (readonly [name: string, first: Buffer])[] = [
  ['PINGREQ', pingreq],
  ['DISCONNECT', disconnect],
  ['PUBLISH', hex('3003000161')],
  ['PUBLISH of QoS 1', hex('320500016100010000')],
  ['SUBSCRIBE', hex('820600010001610000')],
  ['CONNACK', hex('20020000')],
  ['AUTH', hex('f000')],
  ['packet type 0', hex('0000')],
  ['CONNECT without a body', hex('1000')],
  ['CONNECT with two bytes', hex('10020004')],
  ['CONNECT with its name alone', hex('100600044d515454')],
  ['CONNECT with name and level alone', hex('100700044d51545404')],
  ['CONNECT with a length of five bytes', hex('1080808080010004')],
  ['CONNECT with flags of its fixed header', hex('110d00044d51545404020000000161')],
  ['CONNECT whose client ID is longer than the packet', hex('100e00044d51545404020000000561 62'.replace(' ', ''))],
  ['CONNECT with bytes behind its fields', hex('100f00044d515454040200000001616263')],
  ['CONNECT without a client ID', hex('100a00044d51545404020000')],
  ['CONNECT of MQTT 5 without properties', hex('100a00044d51545405020000')],
  [
    'CONNECT of MQTT 5 whose properties are longer than the packet',
    hex('100d00044d515454050200000a11 00'.replace(' ', '')),
  ],
  ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['a hello of TLS', hex('1603010200010001fc0303')],
];

export const connectCases: readonly DoorCase[] = [
  ...fieldRows.map(row),
  ...propertyRows.map(row),
  ...firstPackets.map(
    ([name, first]): DoorCase => ({
      name: `[MQTT-3.1.0-1] first of all ${name}`,
      versions: ['3.1.1'],
      play: (party) => open(party, first),
    }),
  ),
  {
    name: '[MQTT-1.5.5-1] a CONNECT whose length takes more bytes than it needs',
    play: async (party) => {
      const body = connect(party.version, { clientId: `${party.tag}a` }).subarray(2);
      await open(party, bytes(0x10, body.length | 0x80, 0x80, 0x00, body));
    },
  },
  {
    name: 'a property length that goes into the client ID',
    versions: five,
    play: (party) => open(party, packet(0x10, field('MQTT'), 5, 2, u16(60), 3, field('abc'))),
  },
];
