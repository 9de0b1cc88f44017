import { before5, type DoorCase, five } from './door-case.ts';
import { hex, property, publish, subscribe, unsubscribe } from './packet-writing.ts';

export const subscriptionCases: readonly DoorCase[] = [
  {
    name: 'UNSUBSCRIBE ends the delivery, and a subscription anew changes its QoS',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const topic = party.topic('x');
      for (const qos of [2, 0, 1]) {
        await client.provoke(subscribe(version, 1, [[topic, qos]]));
        await client.provoke(publish(version, { topic, qos: 1, id: 9, payload: `${qos}` }));
      }
      await client.provoke(unsubscribe(version, 2, [topic]));
      await client.provoke(publish(version, { topic, qos: 1, id: 9, payload: 'never' }));
      await client.provoke(unsubscribe(version, 3, [topic]));
    },
  },
  {
    name: 'overlapping subscriptions',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(
        subscribe(version, 1, [
          [party.topic('#'), 2],
          [party.topic('+'), 1],
        ]),
      );
      await client.provoke(subscribe(version, 2, [[party.topic('x'), 0]]));
      for (const qos of [0, 1, 2]) {
        await client.provoke(
          publish(version, { topic: party.topic('x'), qos, ...(qos === 0 ? {} : { id: 10 + qos }) }),
        );
      }
      await client.provoke(hex('6202000c'));
    },
  },
  {
    name: 'Subscription Identifiers of overlapping subscriptions',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      const ids = { '#': 1, '+': 127, x: 128, 'x/#': 268_435_455 };
      for (const [filter, id] of Object.entries(ids)) {
        await client.provoke(subscribe('5', 1, [[party.topic(filter), 1]], [property.subscriptionIdentifier(id)]));
      }
      await client.provoke(publish('5', { topic: party.topic('x'), qos: 1, id: 1 }));
      await client.provoke(subscribe('5', 2, [[party.topic('x'), 1]]));
      await client.provoke(subscribe('5', 2, [[party.topic('+'), 1]], [property.subscriptionIdentifier(5)]));
      await client.provoke(
        publish('5', { topic: party.topic('x'), qos: 0, properties: [property.userProperty('a', 'b')] }),
      );
    },
  },
  {
    name: 'No Local, Retain As Published and Retain Handling',
    versions: five,
    play: async (party) => {
      const other = await party.connect('b');
      const kept = party.topic('kept');
      await other.provoke(publish('5', { topic: kept, retain: true, payload: 'kept' }));
      for (const options of [0x00, 0x04, 0x08, 0x0c, 0x10, 0x18, 0x20, 0x28, 0x1d, 0x2e]) {
        const client = await party.connect(`a${options}`);
        await client.provoke(subscribe('5', 1, [[kept, options]]));
        await client.provoke(subscribe('5', 2, [[kept, options]]));
        await client.provoke(publish('5', { topic: kept, retain: true, payload: 'kept', qos: 1, id: 3 }));
        await other.provoke(publish('5', { topic: kept, retain: true, payload: 'kept' }));
        await client.settle();
      }
      await other.provoke(publish('5', { topic: kept, retain: true, payload: '' }));
    },
  },
  {
    name: 'a shared subscription and its group',
    versions: five,
    play: async (party) => {
      const filter = `$share/g/${party.topic('x')}`;
      const clients = [await party.connect('a'), await party.connect('b')];
      for (const client of clients) await client.provoke(subscribe('5', 1, [[filter, 1]]));
      const other = await party.connect('c');
      for (let count = 1; count <= 6; count += 1) {
        await other.provoke(publish('5', { topic: party.topic('x'), payload: `${count}` }));
      }
      for (const client of clients) await client.settle();
      await clients[0]?.provoke(unsubscribe('5', 2, [filter]));
      await other.provoke(publish('5', { topic: party.topic('x'), payload: 'last' }));
      for (const client of clients) await client.settle();
    },
  },
  {
    name: '$share before MQTT 5',
    versions: before5,
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(subscribe(party.version, 1, [[`$share/g/${party.topic('x')}`, 1]]));
      await client.provoke(publish(party.version, { topic: party.topic('x'), qos: 1, id: 1 }));
    },
  },
  {
    name: '[MQTT-4.7.2-1] wildcards do not match what begins with a dollar, # and +/+ match the rest',
    isAlone: true,
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [['#', 0]]));
      await client.provoke(subscribe(version, 2, [['+/+', 0]]));
      await client.provoke(
        subscribe(version, 3, [
          ['/+', 1],
          ['+', 1],
          ['/#', 1],
        ]),
      );
      const topics = ['$x/y', '$x', 'x/y', '/x', 'x', '/', 'x/', 'x/y/z', '$', '/$x'];
      for (const [index, topic] of topics.entries()) {
        await client.provoke(publish(version, { topic, qos: 1, id: index + 1, payload: topic }));
      }
      await client.provoke(subscribe(version, 4, [['$x/#', 0]]));
      await client.provoke(publish(version, { topic: '$x/y', payload: 'now' }));
    },
  },
  {
    name: 'the broker’s own topics come by their name alone',
    play: async (party) => {
      const client = await party.connect('a');
      await client.provoke(subscribe(party.version, 1, [['$SYS/broker/version', 0]]));
      await client.provoke(
        subscribe(party.version, 2, [
          ['$SYS/broker/version', 1],
          ['+/broker/version', 0],
        ]),
      );
    },
  },
];
