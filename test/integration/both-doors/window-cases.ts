import { before5, type DoorCase, five } from './door-case.ts';
import { lasting, tell } from './lasting-session.ts';
import { acknowledge, connect, pingreq, property, publish, subscribe, unsubscribe } from './packet-writing.ts';
import { publishIdentifier } from './raw-client.ts';

const { puback, pubrel } = acknowledge;

export const windowCases: readonly DoorCase[] = [
  {
    name: 'Receive Maximum of the device',
    versions: five,
    play: async (party) => {
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party, [property.receiveMaximum(2)]));
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 2]]));
      for (let id = 1; id <= 6; id += 1) await tell(party, other, party.topic('x'), id % 2 === 0 ? 2 : 1, id);
      await client.settle();
      const frames = client.frames.filter((frame) => (frame[0] as number) >> 4 === 3);
      for (const id of frames.map(publishIdentifier)) {
        await client.provoke(puback(id));
        if (client.isClosed) return;
        break;
      }
      await client.settle();
    },
  },
  {
    name: 'twenty in flight before MQTT 5, as Mosquitto’s configuration has it',
    versions: before5,
    play: async (party) => {
      const { version } = party;
      const other = await party.connect('b');
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 1]]));
      for (let id = 1; id <= 25; id += 1) await tell(party, other, party.topic('x'), 1, id);
      await client.settle();
      await client.provoke(puback(3), puback(1), puback(2));
    },
  },
  {
    name: '[MQTT-3.3.4-7] more QoS 2 than the broker’s Receive Maximum',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      const packets = Array.from({ length: 21 }, (_, index) =>
        publish('5', { topic: party.topic('x'), qos: 2, id: index + 1 }),
      );
      await client.provoke(...packets.slice(0, 20));
      await client.provoke(packets[20] as Buffer);
    },
  },
  {
    name: '[MQTT-3.3.4-7] more QoS 2 than the broker’s Receive Maximum, in one segment',
    versions: five,
    play: async (party) => {
      const client = await party.connect('a');
      const packets = Array.from({ length: 25 }, (_, index) =>
        publish('5', { topic: party.topic('x'), qos: 2, id: index + 1 }),
      );
      await client.provoke(...packets);
      // Whether acknowledgements still come before the end is a matter of time.
      const ends = client.transcript.filter((line) => !/^5002/.test(line));
      client.transcript.splice(0, client.transcript.length, ...ends);
    },
  },
  {
    name: 'as many QoS 1 in one segment as one likes, before MQTT 5',
    versions: before5,
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const packets = Array.from({ length: 60 }, (_, index) =>
        publish(version, { topic: party.topic('x'), qos: 1, id: index + 1 }),
      );
      await client.provoke(...packets);
    },
  },
  {
    name: 'thirty QoS 2 exchanges that stay open, before MQTT 5',
    versions: before5,
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const ids = Array.from({ length: 30 }, (_, index) => index + 1);
      for (const id of ids) client.send(publish(version, { topic: party.topic('x'), qos: 2, id }));
      await client.settle();
      await client.provoke(...ids.map((id) => pubrel(id)));
    },
  },
  {
    name: '[MQTT-3.1.2-24] Maximum Packet Size of the device',
    versions: five,
    play: async (party) => {
      const other = await party.connect('b');
      const client = await party.connect('a', { properties: [property.maximumPacketSize(40)] });
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 2]]));
      for (const [index, length] of [5, 60, 6].entries()) {
        await other.provoke(
          publish('5', {
            topic: party.topic('x'),
            qos: index,
            payload: 'x'.repeat(length),
            ...(index === 0 ? {} : { id: index }),
          }),
        );
      }
      await other.provoke(pubrel(2));
      await client.settle();
    },
  },
  {
    name: 'PINGREQ is answered while everything is in flight',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a', lasting(party));
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 1]]));
      const other = await party.connect('b');
      for (let id = 1; id <= 25; id += 1) await tell(party, other, party.topic('x'), 1, id);
      await client.settle();
      client.send(pingreq);
      await client.nextOf(13);
    },
  },
  {
    name: 'a reader that takes its time',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      client.socket.pause();
      const other = await party.connect('b');
      for (let id = 1; id <= 30; id += 1) {
        other.send(publish(version, { topic: party.topic('x'), qos: 1, id, payload: `${id} ${'x'.repeat(20_000)}` }));
        await other.nextOf(4);
      }
      client.socket.resume();
      await client.nextOfEach(3, 30);
    },
  },
  {
    name: 'Receive Maximum 1: one QoS 2 message after the other',
    versions: five,
    play: async (party) => {
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party, [property.receiveMaximum(1)]));
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 2]]));
      for (let id = 1; id <= 3; id += 1) await tell(party, other, party.topic('x'), 2, id);
      for (let count = 1; count <= 3; count += 1) await client.take();
      await client.settle();
    },
  },
  {
    name: 'a QoS 2 message that the device refuses makes room for the next',
    versions: five,
    play: async (party) => {
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party, [property.receiveMaximum(1)]));
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 2]]));
      for (let id = 1; id <= 2; id += 1) await tell(party, other, party.topic('x'), 2, id);
      const id = publishIdentifier(await client.nextOf(3));
      client.send(acknowledge.pubrec(id, 0x80));
      await client.take();
      await client.settle();
    },
  },
  {
    name: 'CONNECT and five hundred PUBLISH in one write',
    play: async (party) => {
      const { version } = party;
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      const client = await party.dial('a');
      const packets = Array.from({ length: 500 }, (_, index) =>
        publish(version, { topic: party.topic('x'), payload: `${index}` }),
      );
      client.send(connect(version, { clientId: `${party.tag}a` }), ...packets);
      await client.settle();
      await watcher.nextOfEach(3, 500);
    },
  },
  {
    name: 'a payload of a million bytes at every QoS',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 2]]));
      for (const qos of [0, 1, 2]) {
        const payload = Buffer.alloc(1_000_000, `${qos}`);
        client.send(publish(version, { topic: party.topic('x'), qos, payload, ...(qos === 0 ? {} : { id: qos }) }));
        if (qos === 2) {
          await client.nextOf(5);
          client.send(pubrel(2));
        }
        await client.nextOf(3);
      }
      await client.settle();
    },
  },
  {
    name: 'SUBSCRIBE and UNSUBSCRIBE of five thousand filters',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const filters = Array.from({ length: 5_000 }, (_, index) => party.topic(`${index}`));
      await client.provoke(
        subscribe(
          version,
          1,
          filters.map((filter) => [filter, 1] as const),
        ),
      );
      await client.provoke(publish(version, { topic: party.topic('4999'), qos: 1, id: 3 }));
      await client.provoke(unsubscribe(version, 2, filters));
    },
  },
];
