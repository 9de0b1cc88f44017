import { allVersions, type DoorCase, five, type Party } from './door-case.ts';
import { bytes, field, hex, packet, property, subscribe, u16, unsubscribe, type Version } from './packet-writing.ts';

type Row = readonly [name: string, sent: (party: Party) => Buffer | readonly Buffer[], versions?: readonly Version[]];

/** `a` has a will, so that it can be seen whether the connection ended in order. */
function row([name, sent, versions = allVersions]: Row): DoorCase {
  return {
    name,
    versions,
    isAlone: /^SUBSCRIBE to '(#|\+|\$share\/g\/[#+])/.test(name),
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('will'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a', { will: { topic: party.topic('will') } });
      const packets = sent(party);
      await client.provoke(...(Buffer.isBuffer(packets) ? [packets] : packets));
      await watcher.settle();
    },
  };
}

const notUtf8 = hex('61eda08062');
const five5 = (p: Party, ...more: readonly (Buffer | number)[]) => (p.version === '5' ? [bytes(0), ...more] : more);

/** Filters, and whether they are any. */
const filters: readonly (string | Buffer)[] = [
  '',
  '#',
  '+',
  '/',
  '//',
  '+/+',
  '/+',
  '+/',
  '/#',
  'a/#',
  'a/+/b',
  'a/+/#',
  '+/#',
  ' ',
  'a b/c',
  '#/a',
  'a#',
  'a/#/b',
  '#a',
  'a+',
  '+a',
  'a/+b',
  'a/b+/c',
  '##',
  '++',
  '/a/b/c/d/e/',
  '$SYS/x',
  '$SYS/#',
  '$x',
  '$',
  '$share',
  '$share/',
  '$share/g',
  '$share/g/',
  '$share//a',
  '$share/g+/a',
  '$share/g#/a',
  '$share/g/a',
  '$share/g/#',
  '$share/g/+/#',
  '$share/g//',
  '$SHARE/g/a',
  'x$/y',
  'é/漢/😀',
  'a\u0001',
  'a\u007f',
  'a\0b',
  notUtf8,
  hex('61c0af'),
  'x'.repeat(65_535),
  'x/'.repeat(199),
  'x/'.repeat(200),
  'x/'.repeat(300),
];

function nameOf(filter: string | Buffer): string {
  const text = typeof filter === 'string' ? filter.replaceAll('\0', 'U+0000') : `0x${filter.toString('hex')}`;
  return text.length > 30 ? `${text.slice(0, 6)}… of ${text.length} characters` : `'${text}'`;
}

const rows: readonly Row[] = [
  ...filters.map((filter): Row => [`SUBSCRIBE to ${nameOf(filter)}`, (p) => subscribe(p.version, 1, [[filter, 0]])]),
  ...filters.map((filter): Row => [`UNSUBSCRIBE from ${nameOf(filter)}`, (p) => unsubscribe(p.version, 1, [filter])]),
  ...[0, 1, 2, 3, 4, 8, 0x10, 0x20, 0x2d, 0x30, 0x40, 0x80, 0xff].map(
    (options): Row => [
      `SUBSCRIBE with options 0x${options.toString(16)}`,
      (p) => subscribe(p.version, 1, [[p.topic('x'), options]]),
    ],
  ),
  ...[0x80, 0x81, 0x83, 0x84, 0x86, 0x8a, 0x8f].map(
    (first): Row => [
      `SUBSCRIBE with first byte 0x${first.toString(16)}`,
      (p) => bytes(first, subscribe(p.version, 1, [[p.topic('x'), 0]]).subarray(1)),
    ],
  ),
  ...[0xa0, 0xa1, 0xa3, 0xa4, 0xaa, 0xaf].map(
    (first): Row => [
      `UNSUBSCRIBE with first byte 0x${first.toString(16)}`,
      (p) => bytes(first, unsubscribe(p.version, 1, [p.topic('x')]).subarray(1)),
    ],
  ),
  ['SUBSCRIBE with identifier 0', (p) => subscribe(p.version, 0, [[p.topic('x'), 0]])],
  ['UNSUBSCRIBE with identifier 0', (p) => unsubscribe(p.version, 0, [p.topic('x')])],
  ['SUBSCRIBE with identifier 65535', (p) => subscribe(p.version, 65_535, [[p.topic('x'), 0]])],
  ['SUBSCRIBE without a filter', (p) => subscribe(p.version, 1, [])],
  ['UNSUBSCRIBE without a filter', (p) => unsubscribe(p.version, 1, [])],
  ['SUBSCRIBE without a body', () => hex('8200')],
  ['UNSUBSCRIBE without a body', () => hex('a200')],
  ['SUBSCRIBE with half an identifier', () => hex('820100')],
  ['SUBSCRIBE without options', (p) => packet(0x82, u16(1), ...five5(p), field(p.topic('x')))],
  [
    'SUBSCRIBE whose second filter has no options',
    (p) => packet(0x82, u16(1), ...five5(p, field(p.topic('x')), 0), field(p.topic('y'))),
  ],
  ['SUBSCRIBE with a filter that is longer than the packet', (p) => packet(0x82, u16(1), ...five5(p, u16(9)), 'abc')],
  ['UNSUBSCRIBE with a filter that is longer than the packet', (p) => packet(0xa2, u16(1), ...five5(p, u16(9)), 'abc')],
  [
    'SUBSCRIBE to one good filter and one that is none',
    (p) =>
      subscribe(p.version, 1, [
        [p.topic('x'), 0],
        ['a/#/b', 0],
      ]),
  ],
  [
    'SUBSCRIBE to three filters',
    (p) =>
      subscribe(p.version, 7, [
        [p.topic('x'), 2],
        [p.topic('y'), 1],
        [p.topic('z'), 0],
      ]),
  ],
  [
    'SUBSCRIBE to the same filter twice',
    (p) =>
      subscribe(p.version, 7, [
        [p.topic('x'), 2],
        [p.topic('x'), 1],
      ]),
  ],
  [
    'SUBSCRIBE to sixty filters',
    (p) =>
      subscribe(
        p.version,
        7,
        Array.from({ length: 60 }, (_, index) => [p.topic(`${index}`), index % 3] as const),
      ),
  ],
  [
    'UNSUBSCRIBE from three filters, one held',
    (p) => [
      subscribe(p.version, 1, [[p.topic('x'), 0]]),
      unsubscribe(p.version, 2, [p.topic('w'), p.topic('x'), p.topic('y')]),
    ],
  ],
  [
    'two SUBSCRIBE with the same identifier',
    (p) => [subscribe(p.version, 1, [[p.topic('x'), 0]]), subscribe(p.version, 1, [[p.topic('y'), 1]])],
  ],
  [
    'SUBSCRIBE and UNSUBSCRIBE with the same identifier',
    (p) => [subscribe(p.version, 1, [[p.topic('x'), 0]]), unsubscribe(p.version, 1, [p.topic('x')])],
  ],
  [
    'SUBSCRIBE with a length that takes more bytes than it needs',
    (p) => {
      const body = subscribe(p.version, 1, [[p.topic('x'), 0]]).subarray(2);
      return bytes(0x82, body.length | 0x80, 0, body);
    },
  ],
];

const propertyRows: readonly Row[] = (
  [
    ['Subscription Identifier 0', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.subscriptionIdentifier(0)])],
    ['Subscription Identifier 1', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.subscriptionIdentifier(1)])],
    [
      'Subscription Identifier 268435455',
      (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.subscriptionIdentifier(268_435_455)]),
    ],
    ['Subscription Identifier of five bytes', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [hex('0b8080808001')])],
    [
      'Subscription Identifier twice',
      (p) =>
        subscribe(
          '5',
          1,
          [[p.topic('x'), 0]],
          [property.subscriptionIdentifier(1), property.subscriptionIdentifier(2)],
        ),
    ],
    [
      'User Properties',
      (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.userProperty('a', 'b'), property.userProperty('a', 'b')]),
    ],
    [
      'a User Property that is not UTF-8',
      (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.userProperty('a', notUtf8)]),
    ],
    ['Topic Alias', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.topicAlias(1)])],
    ['Reason String', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.reasonString('x')])],
    ['Message Expiry Interval', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [property.messageExpiry(1)])],
    ['an unknown property', (p) => subscribe('5', 1, [[p.topic('x'), 0]], [hex('7f00')])],
    ['a property list that is longer than the packet', () => packet(0x82, u16(1), 40, hex('000161 00'))],
    ['no property list', () => packet(0x82, u16(1))],
    ['UNSUBSCRIBE: User Properties', (p) => unsubscribe('5', 1, [p.topic('x')], [property.userProperty('a', 'b')])],
    [
      'UNSUBSCRIBE: Subscription Identifier',
      (p) => unsubscribe('5', 1, [p.topic('x')], [property.subscriptionIdentifier(1)]),
    ],
    ['UNSUBSCRIBE: Topic Alias', (p) => unsubscribe('5', 1, [p.topic('x')], [property.topicAlias(1)])],
    ['UNSUBSCRIBE: Reason String', (p) => unsubscribe('5', 1, [p.topic('x')], [property.reasonString('x')])],
    ['UNSUBSCRIBE: an unknown property', (p) => unsubscribe('5', 1, [p.topic('x')], [hex('7f00')])],
    ['UNSUBSCRIBE: no property list', () => packet(0xa2, u16(1))],
    ['No Local on a shared subscription', (p) => subscribe('5', 1, [[`$share/g/${p.topic('x')}`, 4]])],
  ] as const satisfies readonly (readonly [string, Row[1]])[]
).map(([name, sent]): Row => [`§3.8 ${name}`, sent, five]);

export const subscribeCases: readonly DoorCase[] = [...rows.map(row), ...propertyRows.map(row)];
