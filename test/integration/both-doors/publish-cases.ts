import { allVersions, before5, type DoorCase, five, type Party } from './door-case.ts';
import { bytes, field, hex, list, packet, property, publish, subscribe, u16, type Version } from './packet-writing.ts';

type Row = readonly [name: string, sent: (party: Party) => Buffer | readonly Buffer[], versions?: readonly Version[]];

/** A subscriber to everything of the case watches what becomes of what `a` sends, which has a will. */
function row([name, sent, versions = allVersions]: Row): DoorCase {
  return {
    name,
    versions,
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('#'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a', { will: { topic: party.topic('will') } });
      const packets = sent(party);
      await client.provoke(...(Buffer.isBuffer(packets) ? [packets] : packets));
      await watcher.settle();
    },
  };
}

const notUtf8 = hex('61eda08062');

const plainRows: readonly Row[] = [
  ['QoS 0', (p) => publish(p.version, { topic: p.topic('x') })],
  ['QoS 1', (p) => publish(p.version, { topic: p.topic('x'), qos: 1, id: 1 })],
  ['QoS 2', (p) => publish(p.version, { topic: p.topic('x'), qos: 2, id: 65_535 })],
  ['QoS 1 with DUP, the first time', (p) => publish(p.version, { topic: p.topic('x'), qos: 1, id: 1, dup: true })],
  ['QoS 2 with DUP, the first time', (p) => publish(p.version, { topic: p.topic('x'), qos: 2, id: 1, dup: true })],
  ['[MQTT-2.2.1-3] identifier 0 at QoS 1', (p) => publish(p.version, { topic: p.topic('x'), qos: 1, id: 0 })],
  ['[MQTT-2.2.1-3] identifier 0 at QoS 2', (p) => publish(p.version, { topic: p.topic('x'), qos: 2, id: 0 })],
  ['[MQTT-3.3.1-4] QoS 3', (p) => publish(p.version, { topic: p.topic('x'), qos: 3, id: 1 })],
  ['[MQTT-3.3.1-2] DUP at QoS 0', (p) => publish(p.version, { topic: p.topic('x'), dup: true })],
  ['[MQTT-3.3.2-2] a topic with a number sign', (p) => publish(p.version, { topic: p.topic('#'), qos: 1, id: 1 })],
  ['[MQTT-3.3.2-2] a topic with a plus sign', (p) => publish(p.version, { topic: p.topic('+/x'), qos: 1, id: 1 })],
  ['[MQTT-3.3.2-2] a topic with a plus sign at QoS 0', (p) => publish(p.version, { topic: p.topic('x+') })],
  ['[MQTT-4.7.3-1] an empty topic', (p) => publish(p.version, { topic: '', qos: 1, id: 1 })],
  ['[MQTT-4.7.3-1] an empty topic at QoS 0', (p) => publish(p.version, { topic: '' })],
  [
    '[MQTT-1.5.4-1] a topic that is not UTF-8',
    (p) => publish(p.version, { topic: bytes(p.tag, notUtf8), qos: 1, id: 1 }),
  ],
  ['[MQTT-1.5.4-2] a topic with U+0000', (p) => publish(p.version, { topic: p.topic('a\0b'), qos: 1, id: 1 })],
  [
    '[MQTT-1.5.4-1] a topic with an overlong form',
    (p) => publish(p.version, { topic: bytes(p.topic(''), hex('c0af')), qos: 1, id: 1 }),
  ],
  [
    'a topic with control characters',
    (p) => publish(p.version, { topic: p.topic('a\u0001\u007f\u0085'), qos: 1, id: 1 }),
  ],
  ['a topic with non-characters', (p) => publish(p.version, { topic: p.topic('\ufffe\uffff'), qos: 1, id: 1 })],
  ['a topic with U+FEFF', (p) => publish(p.version, { topic: p.topic('\ufeffa'), qos: 1, id: 1 })],
  ['a topic with characters of four bytes', (p) => publish(p.version, { topic: p.topic('😀/漢'), qos: 1, id: 1 })],
  ['a topic with spaces and empty levels', (p) => publish(p.version, { topic: p.topic('/ // /'), qos: 1, id: 1 })],
  ['a topic with a dollar inside', (p) => publish(p.version, { topic: p.topic('$x'), qos: 1, id: 1 })],
  ['a topic of 65535 bytes', (p) => publish(p.version, { topic: p.topic('x'.repeat(65_525)), qos: 1, id: 1 })],
  ['a topic of 200 levels', (p) => publish(p.version, { topic: p.topic('x/'.repeat(199)), qos: 1, id: 1 })],
  ['a topic of 201 levels', (p) => publish(p.version, { topic: p.topic('x/'.repeat(200)), qos: 1, id: 1 })],
  ['a topic of 300 levels', (p) => publish(p.version, { topic: p.topic('x/'.repeat(300)), qos: 1, id: 1 })],
  ['an empty payload', (p) => publish(p.version, { topic: p.topic('x'), qos: 1, id: 1, payload: '' })],
  [
    'a payload of 127 and one of 128 bytes of length',
    (p) => [
      publish(p.version, { topic: p.topic('x'), payload: 'x'.repeat(114) }),
      publish(p.version, { topic: p.topic('x'), payload: 'x'.repeat(115) }),
    ],
  ],
  [
    'a payload of 70000 bytes',
    (p) => publish(p.version, { topic: p.topic('x'), qos: 1, id: 1, payload: 'x'.repeat(70_000) }),
  ],
  [
    'a payload of 300000 bytes',
    (p) => publish(p.version, { topic: p.topic('x'), qos: 2, id: 1, payload: 'x'.repeat(300_000) }),
  ],
  [
    'several in one segment',
    (p) =>
      [1, 2, 3, 4, 5].map((id) =>
        publish(p.version, { topic: p.topic(`${id}`), qos: id % 3, ...(id % 3 === 0 ? {} : { id }) }),
      ),
  ],
  ['a topic that is longer than the packet', () => hex('300400056162')],
  ['no body', () => hex('3000')],
  ['one byte of topic length', () => hex('300100')],
  ['QoS 1 without an identifier', (p) => packet(0x32, field(p.topic('x')))],
  ['QoS 1 with half an identifier', (p) => packet(0x32, field(p.topic('x')), 1)],
  [
    'a length that takes more bytes than it needs',
    (p) => {
      const body = publish(p.version, { topic: p.topic('x'), qos: 1, id: 1 }).subarray(2);
      return bytes(0x32, body.length | 0x80, 0x00, body);
    },
  ],
  [
    'a length of four bytes for a short packet',
    (p) => {
      const body = publish(p.version, { topic: p.topic('x'), qos: 1, id: 1 }).subarray(2);
      return bytes(0x32, body.length | 0x80, 0x80, 0x80, 0x00, body);
    },
  ],
];

const dollarRows: readonly Row[] = (
  ['$SYS/broker/uptime', '$SYS/x', '$x/y', '$share/g/x', '$', '$SYS'] as const
).flatMap((topic) =>
  [0, 1, 2].map(
    (qos): Row => [
      `${topic} at QoS ${qos}`,
      (p) => publish(p.version, { topic, qos, ...(qos === 0 ? {} : { id: 1 }) }),
    ],
  ),
);

function withProperties(...properties: readonly Buffer[]): Row[1] {
  return (p) => publish('5', { topic: p.topic('x'), qos: 1, id: 1, properties });
}

const propertyRows: readonly Row[] = (
  [
    [
      'all that a client may send',
      withProperties(
        property.payloadFormat(1),
        property.messageExpiry(60),
        property.contentType('type'),
        property.responseTopic('r/t'),
        property.correlationData(hex('00ff')),
        property.userProperty('b', '2'),
        property.userProperty('a', '1'),
        property.userProperty('b', '2'),
      ),
    ],
    [
      'User Properties around others',
      withProperties(
        property.userProperty('z', '1'),
        property.contentType('t'),
        property.userProperty('a', '2'),
        property.payloadFormat(0),
      ),
    ],
    ['Payload Format Indicator twice', withProperties(property.payloadFormat(1), property.payloadFormat(1))],
    ['Payload Format Indicator 2', withProperties(property.payloadFormat(2))],
    [
      'Payload Format Indicator 1 and a payload that is not',
      (p) =>
        publish('5', { topic: p.topic('x'), qos: 1, id: 1, payload: notUtf8, properties: [property.payloadFormat(1)] }),
    ],
    ['Message Expiry Interval 0', withProperties(property.messageExpiry(0))],
    ['Message Expiry Interval twice', withProperties(property.messageExpiry(1), property.messageExpiry(1))],
    ['Content Type twice', withProperties(property.contentType('a'), property.contentType('a'))],
    ['Content Type that is not UTF-8', withProperties(property.contentType(notUtf8))],
    ['an empty Content Type', withProperties(property.contentType(''))],
    ['Response Topic twice', withProperties(property.responseTopic('a'), property.responseTopic('a'))],
    ['Response Topic with a number sign', withProperties(property.responseTopic('a/#'))],
    ['Response Topic with a plus sign', withProperties(property.responseTopic('a/+'))],
    ['an empty Response Topic', withProperties(property.responseTopic(''))],
    ['Response Topic that is not UTF-8', withProperties(property.responseTopic(notUtf8))],
    ['Correlation Data twice', withProperties(property.correlationData('a'), property.correlationData('a'))],
    ['a Subscription Identifier', withProperties(property.subscriptionIdentifier(1))],
    ['a User Property that is not UTF-8', withProperties(property.userProperty(notUtf8, 'v'))],
    ['a User Property with U+0000', withProperties(property.userProperty('a\0', 'v'))],
    ['Topic Alias 0', withProperties(property.topicAlias(0))],
    ['Topic Alias 11, above the maximum', withProperties(property.topicAlias(11))],
    ['Topic Alias 65535', withProperties(property.topicAlias(65_535))],
    ['Topic Alias 10', withProperties(property.topicAlias(10))],
    ['Topic Alias twice', withProperties(property.topicAlias(1), property.topicAlias(1))],
    ['Topic Alias twice, not the same', withProperties(property.topicAlias(1), property.topicAlias(2))],
    [
      'Topic Alias that was never set',
      () => publish('5', { topic: '', qos: 1, id: 1, properties: [property.topicAlias(3)] }),
    ],
    [
      'Topic Alias that was never set, at QoS 0',
      () => publish('5', { topic: '', properties: [property.topicAlias(3)] }),
    ],
    ['Session Expiry Interval', withProperties(property.sessionExpiry(1))],
    ['Receive Maximum', withProperties(property.receiveMaximum(1))],
    ['Reason String', withProperties(property.reasonString('x'))],
    ['Will Delay Interval', withProperties(property.willDelay(1))],
    ['Assigned Client Identifier', withProperties(property.assignedClientId('x'))],
    ['Server Keep Alive', withProperties(property.serverKeepAlive(1))],
    ['Request Problem Information', withProperties(property.requestProblem(1))],
    ['Maximum Packet Size', withProperties(property.maximumPacketSize(1))],
    ['an unknown property', withProperties(hex('7f00'))],
    ['an unknown property of one byte', withProperties(hex('04'))],
    ['an unknown property above 127', withProperties(hex('ff01'))],
    ['property 0', withProperties(hex('0001'))],
    ['a property with half its value', withProperties(hex('0200'))],
    ['a property whose text is longer than the list', withProperties(hex('03000561'))],
    ['a property list that is longer than the packet', (p) => packet(0x32, field(p.topic('x')), u16(1), 20, 1, 1)],
    ['no property list', (p) => packet(0x32, field(p.topic('x')), u16(1))],
    [
      'a property length of two bytes that needs one',
      (p) => packet(0x32, field(p.topic('x')), u16(1), hex('8000'), 'x'),
    ],
    ['a property length of five bytes', (p) => packet(0x32, field(p.topic('x')), u16(1), hex('8080808001'), 'x')],
    ['property list at QoS 0 that is longer than the packet', (p) => packet(0x30, field(p.topic('x')), 5, 1)],
    [
      'aliases: set, used, set anew, used',
      (p) => [
        publish('5', { topic: p.topic('x'), properties: [property.topicAlias(1)] }),
        publish('5', { topic: '', qos: 1, id: 1, properties: [property.topicAlias(1)] }),
        publish('5', {
          topic: p.topic('y'),
          qos: 2,
          id: 2,
          properties: [property.userProperty('a', 'b'), property.topicAlias(1)],
        }),
        publish('5', { topic: '', properties: [property.topicAlias(1), property.contentType('t')] }),
        publish('5', { topic: p.topic('z'), properties: [property.topicAlias(10)] }),
        publish('5', { topic: '', properties: [property.topicAlias(10)] }),
      ],
    ],
    [
      'an alias set with a topic that may not be',
      (p) => publish('5', { topic: p.topic('#'), qos: 1, id: 1, properties: [property.topicAlias(1)] }),
    ],
    [
      'QoS 0 with all properties',
      (p) =>
        publish('5', { topic: p.topic('x'), properties: [property.contentType('t'), property.userProperty('a', 'b')] }),
    ],
    ['[MQTT-3.3.4-6] and nobody listens', () => publish('5', { topic: 'nobody/listens', qos: 1, id: 1 })],
    ['QoS 2 and nobody listens', () => publish('5', { topic: 'nobody/listens', qos: 2, id: 1 })],
  ] as const satisfies readonly (readonly [string, Row[1]])[]
).map(([name, sent]): Row => [`§3.3.2.3 ${name}`, sent, five]);

const retained: readonly DoorCase[] = [
  {
    name: 'a retained message, one after it, and an empty one that clears it',
    play: async (party) => {
      const { version } = party;
      const topic = party.topic('r');
      const client = await party.connect('a');
      const watch = async (name: string, options: number) => {
        const watcher = await party.connect(name);
        await watcher.provoke(subscribe(version, 1, [[topic, options]]));
        return watcher;
      };
      for (const qos of [0, 1, 2]) {
        await client.provoke(
          publish(version, { topic, qos, retain: true, payload: `kept ${qos}`, ...(qos === 0 ? {} : { id: 5 + qos }) }),
        );
        if (qos === 2) await client.provoke(hex('62020007'));
        for (const granted of [0, 1, 2]) await watch(`w${qos}${granted}`, granted);
      }
      const live = await watch('live', 1);
      await client.provoke(publish(version, { topic, retain: true, payload: '' }));
      await watch('late', 1);
      await live.settle();
    },
  },
  {
    name: 'subscribing again sends the retained message again',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(publish(version, { topic: party.topic('r/1'), retain: true, payload: 'one' }));
      await client.provoke(publish(version, { topic: party.topic('r/2'), retain: true, payload: 'two' }));
      await client.provoke(subscribe(version, 1, [[party.topic('r/+'), 0]]));
      await client.provoke(subscribe(version, 2, [[party.topic('r/+'), 0]]));
      await client.provoke(
        subscribe(version, 3, [
          [party.topic('#'), 0],
          [party.topic('r/1'), 0],
        ]),
      );
      for (const name of ['r/1', 'r/2'])
        await client.provoke(publish(version, { topic: party.topic(name), retain: true, payload: '' }));
    },
  },
  {
    name: 'retained with properties',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      const properties = [
        property.userProperty('b', '1'),
        property.contentType('t'),
        property.userProperty('a', '2'),
        property.correlationData('c'),
        property.responseTopic('r'),
        property.payloadFormat(1),
      ];
      await client.provoke(publish('5', { topic: party.topic('r'), retain: true, properties }));
      await client.provoke(subscribe('5', 1, [[party.topic('r'), 0]], [property.subscriptionIdentifier(9)]));
      await client.provoke(publish('5', { topic: party.topic('r'), retain: true, payload: '' }));
    },
  },
  {
    name: 'retained QoS 1 with DUP',
    versions: before5,
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(publish(party.version, { topic: party.topic('r'), qos: 1, id: 1, dup: true, retain: true }));
      await client.provoke(subscribe(party.version, 1, [[party.topic('r'), 0]]));
      await client.provoke(publish(party.version, { topic: party.topic('r'), retain: true, payload: '' }));
    },
  },
];

export const publishCases: readonly DoorCase[] = [
  ...plainRows.map(([name, ...rest]) => row([`PUBLISH: ${name}`, ...rest])),
  ...dollarRows.map(([name, ...rest]) => row([`PUBLISH to ${name}`, ...rest])),
  ...propertyRows.map(row),
  ...retained,
  {
    name: 'a property list comes to its subscriber as it was',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 2]]));
      const properties = [
        property.userProperty('b', '2'),
        property.responseTopic('r'),
        property.userProperty('a', '1'),
        property.correlationData('c'),
      ];
      for (const qos of [0, 1, 2])
        await client.provoke(
          publish('5', { topic: party.topic('x'), qos, properties, ...(qos === 0 ? {} : { id: qos }) }),
        );
      party.note(list(...properties).toString('hex'));
    },
  },
];
