import { type DoorCase, five } from './door-case.ts';
import { lasting } from './lasting-session.ts';
import { acknowledge, disconnect, hex, property, publish, subscribe } from './packet-writing.ts';

const { pubrel } = acknowledge;

export const messageCases: readonly DoorCase[] = [
  {
    name: 'a message across versions, with what the other version has no words for',
    versions: five,
    play: async (party) => {
      const older = await party.connect('o', {}, '3.1.1');
      await older.provoke(subscribe('3.1.1', 1, [[party.topic('#'), 2]]));
      const newer = await party.connect('n');
      await newer.provoke(subscribe('5', 1, [[party.topic('#'), 1]]));
      await newer.provoke(
        publish('5', {
          topic: party.topic('x'),
          qos: 1,
          id: 4,
          properties: [property.userProperty('a', 'b'), property.messageExpiry(9)],
        }),
      );
      await older.provoke(publish('3.1.1', { topic: party.topic('y'), qos: 1, id: 4 }));
      await newer.settle();
    },
  },
  {
    name: 'a Message Expiry Interval that runs out while nobody is there',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a', lasting(party));
      await client.provoke(subscribe('5', 1, [[party.topic('+'), 1]]));
      client.send(disconnect);
      await client.closed();
      const other = await party.connect('b');
      await other.provoke(
        publish('5', { topic: party.topic('short'), qos: 1, id: 1, properties: [property.messageExpiry(1)] }),
      );
      await other.provoke(
        publish('5', { topic: party.topic('long'), qos: 1, id: 2, properties: [property.messageExpiry(60)] }),
      );
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      const again = await party.connect('a', lasting(party));
      await again.settle();
      // Seconds that are left: 57 or 58.
      for (const [index, line] of again.transcript.entries())
        again.transcript[index] = line.replace(/02000000(39|3a)/, '02LEFT');
    },
  },
  {
    name: 'request and response',
    versions: five,
    play: async (party) => {
      const asker = await party.connect('a', { properties: [property.requestResponse(1)] });
      const answerer = await party.connect('b');
      await asker.provoke(subscribe('5', 1, [[party.topic('answers'), 1]]));
      await answerer.provoke(subscribe('5', 1, [[party.topic('questions'), 2]]));
      const correlation = property.correlationData(hex('00010203fe'));
      await asker.provoke(
        publish('5', {
          topic: party.topic('questions'),
          qos: 1,
          id: 1,
          payload: 'why',
          properties: [property.responseTopic(party.topic('answers')), correlation],
        }),
      );
      await answerer.take();
      await answerer.provoke(
        publish('5', { topic: party.topic('answers'), qos: 1, id: 1, payload: 'because', properties: [correlation] }),
      );
      await asker.take();
      await asker.settle();
    },
  },
  {
    name: 'a subscriber with a Topic Alias Maximum',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a', { properties: [property.topicAliasMaximum(2)] });
      await client.provoke(subscribe('5', 1, [[party.topic('+'), 0]]));
      for (const name of ['x', 'y', 'z', 'x', 'y']) await client.provoke(publish('5', { topic: party.topic(name) }));
    },
  },
  {
    name: 'a burst in one write comes in its order, at every QoS',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      const packets = Array.from({ length: 15 }, (_, index) =>
        publish(version, {
          topic: party.topic('x'),
          qos: index % 3,
          payload: `${index}`,
          ...(index % 3 === 0 ? {} : { id: index }),
        }),
      );
      await client.provoke(...packets);
      await client.provoke(...[2, 5, 8, 11, 14].map((id) => pubrel(id)));
    },
  },
];
