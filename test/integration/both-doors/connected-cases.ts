import { type DoorCase, five } from './door-case.ts';
import { bytes, connect, disconnect, hex, list, pingreq, property, publish, subscribe } from './packet-writing.ts';

const afterConnect: readonly DoorCase[] = [
  {
    name: '[MQTT-3.1.0-2] a second CONNECT',
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(connect(party.version, { clientId: `${party.tag}a` }));
    },
  },
  {
    name: 'DISCONNECT',
    play: async (party) => {
      const client = await party.connect('a');
      client.send(disconnect);
      await client.closed();
    },
  },
  {
    name: 'packets behind DISCONNECT count for nothing',
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('x'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a');
      client.send(disconnect, publish(party.version, { topic: party.topic('x') }));
      await client.closed();
      await watcher.settle();
    },
  },
  {
    name: 'packets behind CONNECT in the same segment',
    play: async (party) => {
      const { version } = party;
      const client = await party.dial('a');
      client.send(
        connect(version, { clientId: `${party.tag}a` }),
        subscribe(version, 1, [[party.topic('x'), 1]]),
        publish(version, { topic: party.topic('x'), qos: 1, id: 2 }),
        pingreq,
      );
      // The gateway answers PINGREQ itself, so its place among the rest is its own.
      await client.nextOf(9);
      await client.nextOf(3);
      await client.settle();
      const kinds = client.transcript.filter((line) => line !== 'd000');
      party.note(`${client.transcript.length - kinds.length} PINGRESP`);
      client.transcript.splice(0, client.transcript.length, ...kinds);
    },
  },
  {
    name: 'everything byte by byte',
    play: async (party) => {
      const { version } = party;
      const client = await party.dial('a');
      await client.sendByteByByte(connect(version, { clientId: `${party.tag}a`, username: 'u', password: 'p' }));
      await client.nextOf(2);
      await client.sendByteByByte(subscribe(version, 1, [[party.topic('x'), 2]]));
      await client.nextOf(9);
      await client.sendByteByByte(publish(version, { topic: party.topic('x'), qos: 1, id: 7, payload: 'abc' }));
      // A broker may hold the second of two small packets back until the first has been acknowledged (Nagle).
      await client.nextOfEach(3, 1);
      await client.answered(4);
      await client.sendByteByByte(pingreq);
      await client.nextOf(13);
      await client.sendByteByByte(disconnect);
      await client.closed();
    },
  },
  {
    name: 'half-close behind the packets: what they lead to still comes',
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('x'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a');
      client.socket.end(bytes(publish(party.version, { topic: party.topic('x') }), disconnect));
      await client.closed();
      await watcher.nextOf(3);
    },
  },
  {
    name: 'half-close behind a PUBLISH, with a will',
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('+'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a', { will: { topic: party.topic('will') } });
      client.socket.end(publish(party.version, { topic: party.topic('x') }));
      await client.closed();
      await watcher.nextOfEach(3, 2);
    },
  },
  ...[
    ['PINGREQ with a body', hex('c00100')],
    ['PINGREQ with flags', hex('c100')],
    ['PINGREQ', pingreq],
    ['PINGRESP', hex('d000')],
    ['CONNACK', hex('20020000')],
    ['CONNACK of MQTT 5', hex('2003000000')],
    ['SUBACK', hex('9003000100')],
    ['SUBACK of MQTT 5', hex('900400010000')],
    ['UNSUBACK', hex('b0020001')],
    ['UNSUBACK of MQTT 5', hex('b00400010000')],
    ['packet type 0', hex('0000')],
    ['AUTH without a body', hex('f000')],
    ['AUTH with reason 0x18', hex('f00118')],
    ['AUTH with a method', bytes(0xf0, 0x0a, 0x18, list(property.authenticationMethod('abcd')))],
    ['a length of five bytes', hex('30ffffffff01')],
    ['DISCONNECT with flags', hex('e100')],
    ['DISCONNECT with reason 0', hex('e00100')],
    ['DISCONNECT with reason 0 and no properties', hex('e0020000')],
    ['DISCONNECT with reason 0x04', hex('e00104')],
    ['DISCONNECT with reason 0x80', hex('e00180')],
    ['DISCONNECT with reason 0x8b, which is a server’s', hex('e0018b')],
    ['DISCONNECT with an unknown reason', hex('e00177')],
    ['DISCONNECT with bytes behind its properties', hex('e003000000')],
    [
      'DISCONNECT with Session Expiry Interval twice',
      bytes(0xe0, 0x0c, 0, list(property.sessionExpiry(0), property.sessionExpiry(0))),
    ],
    [
      'DISCONNECT with a Server Reference, which is a server’s',
      bytes(0xe0, 0x06, 0, list(property.serverReference('a'))),
    ],
    ['DISCONNECT with Receive Maximum', bytes(0xe0, 0x05, 0, list(property.receiveMaximum(1)))],
    ['DISCONNECT that gives an expiry to a session without one', bytes(0xe0, 0x07, 0, list(property.sessionExpiry(5)))],
    ['DISCONNECT with a Reason String', bytes(0xe0, 0x06, 0, list(property.reasonString('a')))],
  ].map(
    ([name, sent]): DoorCase => ({
      name: `${name} when connected`,
      play: async (party) => {
        const watcher = await party.connect('w');
        watcher.send(subscribe(party.version, 1, [[party.topic('+'), 0]]));
        await watcher.nextOf(9);
        const client = await party.connect('a', { will: { topic: party.topic('will') } });
        await client.provoke(sent as Buffer);
        await watcher.settle();
      },
    }),
  ),
];

const sessionIds: readonly DoorCase[] = [
  {
    name: '[MQTT-3.1.3-7] an empty client ID is given one, once with and once without Clean Start',
    versions: five,
    play: async (party) => {
      for (const clean of [true, false]) {
        const client = await party.dial(`a${clean}`);
        client.send(connect('5', { clean }));
        const connack = await client.nextOf(2);
        // A name that was made up: the rest of the packet is the same.
        const at = connack.indexOf(0x12);
        const length = connack.readUInt16BE(at + 1);
        party.note(connack.toString('hex').replace(connack.toString('hex', at + 3, at + 3 + length), 'ID'));
        client.transcript.length = 0;
        await client.settle();
      }
    },
  },
  {
    name: '[MQTT-3.1.4-3] the same client ID a second time',
    play: async (party) => {
      const first = await party.connect('a');
      await party.connect('a');
      await first.closed();
    },
  },
  {
    name: '[MQTT-3.1.2-22] nothing for one and a half times the keep alive',
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('+'), 0]]));
      await watcher.nextOf(9);
      const client = await party.connect('a', { keepAlive: 1, will: { topic: party.topic('will') } });
      await client.closed(9_000);
      await watcher.nextOf(3);
    },
  },
];

export const connectedCases: readonly DoorCase[] = [...afterConnect, ...sessionIds];
