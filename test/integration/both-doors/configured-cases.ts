import { before5, type DoorCase, five } from './door-case.ts';
import { acknowledge, connect, pingreq, property, publish, subscribe } from './packet-writing.ts';

/** Lines of mosquitto.conf, and what they lead to. */
export interface ConfiguredCases {
  readonly name: string;
  readonly configuration: readonly string[];
  readonly passwords?: Readonly<Record<string, string>>;
  readonly cases: readonly DoorCase[];
}

const tightCases: readonly DoorCase[] = [
  ...[0, 30, 60, 61, 1_000].map(
    (keepAlive): DoorCase => ({
      name: `max_keepalive 60 and a keep alive of ${keepAlive}`,
      play: async (party) => {
        const client = await party.dial('a');
        client.send(connect(party.version, { clientId: `${party.tag}a`, keepAlive }));
        await client.answered();
        if (!client.isClosed) await client.settle();
      },
    }),
  ),
  {
    name: 'max_topic_alias 2',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(subscribe('5', 1, [[party.topic('#'), 0]]));
      for (const [alias, topic] of [
        [1, 'x'],
        [2, 'y'],
        [2, ''],
        [1, ''],
        [3, 'z'],
      ] as const) {
        const name = topic === '' ? '' : party.topic(topic);
        await client.provoke(publish('5', { topic: name, qos: 1, id: 4, properties: [property.topicAlias(alias)] }));
      }
    },
  },
  {
    name: 'max_packet_size 2000: one of 2000 bytes, and one that is more',
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(subscribe(party.version, 1, [[party.topic('x'), 0]]));
      const empty = publish(party.version, { topic: party.topic('x'), qos: 1, id: 1, payload: '' }).length + 1;
      for (const length of [2_000, 2_100]) {
        const payload = 'x'.repeat(length - empty);
        await client.provoke(publish(party.version, { topic: party.topic('x'), qos: 1, id: 1, payload }));
      }
    },
  },
  {
    name: 'max_inflight_messages 3',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const other = await party.connect('b');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 1]]));
      for (let id = 1; id <= 6; id += 1) {
        await other.provoke(publish(version, { topic: party.topic('x'), qos: 1, id }));
      }
      await client.settle();
      for (let id = 1; id <= 6; id += 1) await client.provoke(acknowledge.puback(id));
    },
  },
  {
    name: 'a Receive Maximum above max_inflight_messages',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a', { properties: [property.receiveMaximum(10)] });
      const other = await party.connect('b');
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 1]]));
      for (let id = 1; id <= 12; id += 1) await other.provoke(publish('5', { topic: party.topic('x'), qos: 1, id }));
      await client.settle();
    },
  },
  {
    name: 'QoS 2 up to the Receive Maximum, again and again',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      for (let round = 0; round < 3; round += 1) {
        for (const id of [1, 2, 3]) client.send(publish(version, { topic: party.topic('x'), qos: 2, id }));
        await client.nextOfEach(5, 3);
        for (const id of [1, 2, 3]) client.send(acknowledge.pubrel(id));
        await client.nextOfEach(7, 3);
      }
      client.send(pingreq);
      await client.nextOf(13);
    },
  },
  {
    name: 'ten QoS 2 at once before MQTT 5, though the broker takes three',
    versions: before5,
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const ids = Array.from({ length: 10 }, (_, index) => index + 1);
      client.send(...ids.map((id) => publish(version, { topic: party.topic('x'), qos: 2, id })));
      const seen = await client.nextOfEach(5, 10);
      client.send(...seen.map((frame) => acknowledge.pubrel(frame.readUInt16BE(2))));
      await client.nextOfEach(7, 10);
    },
  },
];

const restrictedCases: readonly DoorCase[] = [
  ...(
    [
      ['no username', {}],
      ['the right password', { username: 'meter', password: 'right' }],
      ['a wrong password', { username: 'meter', password: 'wrong' }],
      ['an empty password', { username: 'meter', password: '' }],
      ['no password', { username: 'meter' }],
      ['a username that is not known', { username: 'nobody', password: 'right' }],
    ] as const
  ).map(
    ([name, fields]): DoorCase => ({
      name: `${name}, where passwords are asked for`,
      play: async (party) => {
        const watcher = await party.connect('w', { username: 'meter', password: 'right' });
        await watcher.provoke(subscribe(party.version, 1, [[party.topic('will'), 0]]));
        const client = await party.dial('a');
        const will = { topic: party.topic('will') };
        client.send(connect(party.version, { clientId: `${party.tag}a`, will, ...fields }));
        await client.answered();
        if (!client.isClosed) await client.provoke();
        await watcher.settle();
      },
    }),
  ),
  ...[true, false].map(
    (clean): DoorCase => ({
      name: `allow_zero_length_clientid false, ${clean ? 'with' : 'without'} Clean Start`,
      play: async (party) => {
        const client = await party.dial('a');
        client.send(connect(party.version, { clean, username: 'meter', password: 'right' }));
        await client.closed();
      },
    }),
  ),
  ...[0, 1, 2].flatMap((qos) =>
    [false, true].map(
      (retain): DoorCase => ({
        name: `max_qos 1 and retain_available false: PUBLISH of QoS ${qos}${retain ? ' with RETAIN' : ''}`,
        play: async (party) => {
          const client = await party.connect('a', { username: 'meter', password: 'right' });
          await client.provoke(subscribe(party.version, 1, [[party.topic('x'), 2]]));
          await client.provoke(
            publish(party.version, { topic: party.topic('x'), qos, retain, ...(qos === 0 ? {} : { id: 1 }) }),
          );
        },
      }),
    ),
  ),
  ...(
    [
      ['QoS 2', { qos: 2 }],
      ['RETAIN', { retain: true }],
      ['QoS 1', { qos: 1 }],
    ] as const
  ).map(
    ([name, fields]): DoorCase => ({
      name: `max_qos 1 and retain_available false: a will with ${name}`,
      play: async (party) => {
        const watcher = await party.connect('w', { username: 'meter', password: 'right' });
        await watcher.provoke(subscribe(party.version, 1, [[party.topic('will'), 0]]));
        const client = await party.dial('a');
        const will = { topic: party.topic('will'), ...fields };
        client.send(connect(party.version, { clientId: `${party.tag}a`, username: 'meter', password: 'right', will }));
        await client.answered();
        if (!client.isClosed) await client.settle();
      },
    }),
  ),
];

export const configuredCases: readonly ConfiguredCases[] = [
  {
    name: 'a broker with tight limits',
    configuration: ['max_keepalive 60', 'max_topic_alias 2', 'max_packet_size 2000', 'max_inflight_messages 3'],
    cases: tightCases,
  },
  {
    name: 'a broker that leaves things out and asks for passwords',
    configuration: ['max_qos 1', 'retain_available false', 'allow_zero_length_clientid false'],
    passwords: { meter: 'right' },
    cases: restrictedCases,
  },
];
