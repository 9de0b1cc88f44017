import { type DoorCase, five } from './door-case.ts';
import { lasting } from './lasting-session.ts';
import { disconnect, hex, property, publish, subscribe } from './packet-writing.ts';

export const willCases: readonly DoorCase[] = [
  ...[0, 1, 2].flatMap((qos) =>
    [false, true].map(
      (retain): DoorCase => ({
        name: `a will of QoS ${qos}${retain ? ', retained' : ''}`,
        play: async (party) => {
          const { version } = party;
          const topic = party.topic('will');
          const watcher = await party.connect('w');
          await watcher.provoke(subscribe(version, 1, [[topic, 2]]));
          const client = await party.connect('a', { will: { topic, qos, retain, payload: 'gone' } });
          await client.lose();
          await watcher.take();
          const late = await party.connect('l');
          await late.provoke(subscribe(version, 1, [[topic, 1]]));
          await late.provoke(publish(version, { topic, retain: true, payload: '' }));
        },
      }),
    ),
  ),
  {
    name: 'no will behind DISCONNECT',
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe(party.version, 1, [[party.topic('will'), 2]]));
      const client = await party.connect('a', { will: { topic: party.topic('will'), payload: '' } });
      client.send(disconnect);
      await client.closed();
      await watcher.settle();
    },
  },
  {
    name: 'a will with properties, in their order',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 2]]));
      const properties = [
        property.userProperty('z', '1'),
        property.contentType('t'),
        property.userProperty('a', '2'),
        property.correlationData('c'),
        property.payloadFormat(1),
        property.responseTopic('r'),
      ];
      const client = await party.connect('a', { will: { topic: party.topic('will'), payload: 'w', properties } });
      await client.lose();
      await watcher.nextOf(3);
    },
  },
  {
    name: 'a will with a delay comes after it',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 0]]));
      const will = { topic: party.topic('will'), properties: [property.willDelay(1)] };
      const client = await party.connect('a', { ...lasting(party), will });
      const startMs = performance.now();
      await client.lose();
      await watcher.nextOf(3);
      party.note(performance.now() - startMs > 900 ? 'after a second' : 'at once');
    },
  },
  {
    name: 'a will with a delay is cancelled by coming back',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(
        subscribe('5', 1, [
          [party.topic('will'), 0],
          [party.topic('other'), 0],
        ]),
      );
      const will = { topic: party.topic('will'), properties: [property.willDelay(1)] };
      const client = await party.connect('a', { ...lasting(party), will });
      const clock = await party.connect('c', {
        ...lasting(party),
        will: { topic: party.topic('other'), properties: [property.willDelay(2)] },
      });
      await client.lose();
      const again = await party.connect('a', lasting(party));
      await clock.lose();
      await watcher.nextOf(3);
      await again.settle();
    },
  },
  {
    name: 'DISCONNECT with reason 0x04 and a delay',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 0]]));
      const will = { topic: party.topic('will'), properties: [property.willDelay(1)] };
      const client = await party.connect('a', { ...lasting(party), will });
      client.send(hex('e00104'));
      await client.closed();
      await watcher.nextOf(3);
    },
  },
  {
    name: 'a will whose delay is longer than the session comes at the session’s end',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 0]]));
      const will = { topic: party.topic('will'), properties: [property.willDelay(60)] };
      const client = await party.connect('a', { clean: false, properties: [property.sessionExpiry(1)], will });
      await client.lose();
      await watcher.nextOf(3);
    },
  },
  {
    name: 'a delayed will and a new session under the same client ID',
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 0]]));
      const will = { topic: party.topic('will'), properties: [property.willDelay(60)] };
      const client = await party.connect('a', { ...lasting(party), will });
      await client.lose();
      await watcher.settle();
      const again = await party.connect('a', { clean: true });
      await again.settle();
      await watcher.settle();
    },
  },
];
