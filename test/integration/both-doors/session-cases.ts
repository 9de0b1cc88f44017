import { type DoorCase, five, type Party } from './door-case.ts';
import { lasting, tell } from './lasting-session.ts';
import {
  acknowledge,
  bytes,
  connect,
  disconnect,
  list,
  property,
  publish,
  subscribe,
  unsubscribe,
} from './packet-writing.ts';
import { publishIdentifier, type RawClient } from './raw-client.ts';

const { puback, pubrec, pubrel, pubcomp } = acknowledge;

/** A client of a lasting session, and how to make sure that the broker knows of its loss: its will has come. */
async function losable(party: Party, topic: string): Promise<{ client: RawClient; lose: () => Promise<void> }> {
  const { version } = party;
  const watcher = await party.connect('will-watcher');
  await watcher.provoke(subscribe(version, 1, [[party.topic('will'), 0]]));
  const client = await party.connect('a', { ...lasting(party), will: { topic: party.topic('will') } });
  await client.provoke(subscribe(version, 1, [[topic, 2]]));
  const lose = async () => {
    await client.lose();
    await watcher.nextOf(3);
  };
  return { client, lose };
}

/** Goes through with every exchange that the broker takes up. */
async function finish(client: RawClient): Promise<void> {
  await client.settle();
  for (const frame of client.frames.slice()) {
    const qos = (frame[0] as number) >> 4 === 3 ? ((frame[0] as number) >> 1) & 3 : 0;
    if (qos === 1) await client.provoke(puback(publishIdentifier(frame)));
    if (qos === 2) {
      await client.provoke(pubrec(publishIdentifier(frame)));
      await client.provoke(pubcomp(publishIdentifier(frame)));
    }
    if (frame[0] === 0x62) await client.provoke(pubcomp(frame.readUInt16BE(2)));
  }
}

/** How far an exchange goes before the connection is lost. */
const losses: readonly DoorCase[] = [
  ...(['publish', 'pubrec', 'pubrel'] as const).map(
    (step): DoorCase => ({
      name: `to the device: the connection is lost behind ${step}`,
      play: async (party) => {
        const topic = party.topic('x');
        const other = await party.connect('b');
        const { client, lose } = await losable(party, topic);
        await tell(party, other, topic, 1, 11);
        await tell(party, other, topic, 2, 12);
        await tell(party, other, topic, 2, 13);
        const ids = (await client.nextOfEach(3, 3)).map(publishIdentifier);
        if (step !== 'publish') {
          client.send(pubrec(ids[1] as number));
          if (step === 'pubrel') await client.nextOf(6);
          await client.settle();
        }
        await lose();
        await tell(party, other, topic, 1, 14);
        const again = await party.connect('a', lasting(party));
        await finish(again);
        await again.lose();
        const last = await party.connect('a', lasting(party));
        await last.settle();
      },
    }),
  ),
  ...(['publish', 'pubrec', 'pubrel'] as const).map(
    (step): DoorCase => ({
      name: `from the device: the connection is lost behind ${step}`,
      play: async (party) => {
        const { version } = party;
        const topic = party.topic('x');
        const watcher = await party.connect('w');
        await watcher.provoke(subscribe(version, 1, [[topic, 0]]));
        const client = await party.connect('a', lasting(party));
        client.send(publish(version, { topic, qos: 2, id: 7 }));
        await client.nextOf(5);
        if (step === 'pubrel') {
          client.send(pubrel(7));
          await client.nextOf(7);
        }
        await client.lose();
        const again = await party.connect('a', lasting(party));
        if (step === 'publish') {
          await again.provoke(publish(version, { topic, qos: 2, id: 7, dup: true }));
        }
        await again.provoke(pubrel(7));
        await again.provoke(pubrel(7));
        await watcher.settle();
      },
    }),
  ),
  {
    name: 'a session that is begun anew has nothing of the old one',
    play: async (party) => {
      const { version } = party;
      const topic = party.topic('x');
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party));
      await client.provoke(subscribe(version, 1, [[topic, 2]]));
      client.send(publish(version, { topic: party.topic('y'), qos: 2, id: 7 }));
      await client.nextOf(5);
      await tell(party, other, topic, 2, 12);
      await client.nextOf(3);
      await client.lose();
      const again = await party.connect('a', { clean: true });
      await again.provoke(pubrel(7));
      await tell(party, other, topic, 1, 13);
      await again.settle();
      again.send(disconnect);
      await again.closed();
      const last = await party.connect('a', lasting(party));
      await last.settle();
    },
  },
  {
    name: 'what is sent to a session without a connection waits, QoS 0 too where the broker keeps it',
    play: async (party) => {
      const { version } = party;
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party));
      await client.provoke(subscribe(version, 1, [[party.topic('+'), 2]]));
      client.send(disconnect);
      await client.closed();
      for (const [index, qos] of [1, 2, 0, 1].entries())
        await tell(party, other, party.topic(`${index}`), qos, 20 + index);
      const again = await party.connect('a', lasting(party));
      await finish(again);
      again.send(disconnect);
      await again.closed();
      await (await party.connect('a', lasting(party))).settle();
    },
  },
  {
    name: 'the identifiers of a broker go on where they were',
    play: async (party) => {
      const other = await party.connect('b');
      const { client, lose } = await losable(party, party.topic('x'));
      for (let round = 1; round <= 3; round += 1) {
        await tell(party, other, party.topic('x'), 1, round);
        await client.take();
      }
      await client.settle();
      await lose();
      await tell(party, other, party.topic('x'), 1, 9);
      const again = await party.connect('a', lasting(party));
      await again.settle();
    },
  },
  {
    name: 'subscriptions stay with their session, and end with UNSUBSCRIBE',
    play: async (party) => {
      const { version } = party;
      const other = await party.connect('b');
      const client = await party.connect('a', lasting(party));
      await client.provoke(
        subscribe(version, 1, [
          [party.topic('x'), 0],
          [party.topic('y'), 1],
        ]),
      );
      await client.lose();
      const again = await party.connect('a', lasting(party));
      await tell(party, other, party.topic('x'), 1, 1);
      await again.provoke(unsubscribe(version, 2, [party.topic('x')]));
      await tell(party, other, party.topic('x'), 1, 2);
      await tell(party, other, party.topic('y'), 1, 3);
      await again.settle();
    },
  },
  {
    name: 'a take-over takes the session along, and the old connection’s will is published',
    play: async (party) => {
      const { version } = party;
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe(version, 1, [[party.topic('will'), 0]]));
      const other = await party.connect('b');
      const client = await party.connect('a', { ...lasting(party), will: { topic: party.topic('will'), qos: 1 } });
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 1]]));
      await tell(party, other, party.topic('x'), 1, 1);
      await client.nextOf(3);
      const again = await party.connect('a', lasting(party));
      await client.closed();
      await again.settle();
      await watcher.settle();
      const last = await party.connect('a', { clean: true });
      await again.closed();
      await last.settle();
    },
  },
];

/** Session Expiry Interval of MQTT 5, at CONNECT and at DISCONNECT. */
const expiry: readonly DoorCase[] = (
  [
    ['none, not changed', undefined, undefined, 0],
    ['0, not changed', 0, undefined, 0],
    ['60, not changed', 60, undefined, 0],
    ['60, made 0', 60, 0, 0],
    ['60, made 120', 60, 120, 0],
    ['0xFFFFFFFF, made 60', 0xffff_ffff, 60, 0],
    ['60, made 0xFFFFFFFF', 60, 0xffff_ffff, 0],
    ['60, unchanged, with reason 0x04', 60, undefined, 4],
    ['60, made 0, with reason 0x04', 60, 0, 4],
  ] as const
).map(
  ([name, first, then, reason]): DoorCase => ({
    name: `Session Expiry Interval ${name}`,
    versions: five,
    play: async (party) => {
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe('5', 1, [[party.topic('will'), 0]]));
      const properties = first === undefined ? [] : [property.sessionExpiry(first)];
      const client = await party.connect('a', { properties, will: { topic: party.topic('will') } });
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 1]]));
      const change = then === undefined ? list() : list(property.sessionExpiry(then));
      client.send(bytes(0xe0, 1 + change.length, reason, change));
      await client.closed();
      const again = await party.connect('a', { clean: false, properties });
      await again.settle();
      await watcher.settle();
    },
  }),
);

const ends: readonly DoorCase[] = [
  {
    name: 'a session ends when its expiry has run out',
    versions: five,
    play: async (party) => {
      const properties = [property.sessionExpiry(1)];
      const client = await party.connect('a', { properties });
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 1]]));
      client.send(disconnect);
      await client.closed();
      const soon = await party.connect('a', { clean: false, properties });
      await soon.lose();
      // The broker looks at it once a second.
      await new Promise((resolve) => setTimeout(resolve, 3_200));
      const late = await party.connect('a', { clean: false, properties });
      await late.settle();
    },
  },
  {
    name: 'a client comes back under the ID that it was given',
    versions: five,
    play: async (party) => {
      const client = await party.dial('a');
      client.send(connect('5', { clean: false, properties: [property.sessionExpiry(60)] }));
      const connack = await client.nextOf(2);
      const at = connack.indexOf(0x12);
      const clientId = connack.subarray(at + 3, at + 3 + connack.readUInt16BE(at + 1));
      client.transcript.length = 0;
      await client.provoke(subscribe('5', 1, [[party.topic('x'), 1]]));
      await client.lose();
      const again = await party.connect('again', { ...lasting(party), clientId });
      await tell(party, again, party.topic('x'), 1, 5);
      await again.settle();
    },
  },
  {
    name: 'the same session in another version',
    play: async (party) => {
      const client = await party.connect('a', lasting(party));
      await client.provoke(subscribe(party.version, 1, [[party.topic('x'), 1]]));
      client.send(disconnect);
      await client.closed();
      const other = party.version === '5' ? '3.1.1' : '5';
      const options = other === '5' ? { clean: false, properties: [property.sessionExpiry(60)] } : { clean: false };
      const again = await party.connect('a', options, other);
      again.send(publish(other, { topic: party.topic('x'), qos: 1, id: 3 }));
      await again.nextOf(4);
      await again.settle();
    },
  },
];

export const sessionCases: readonly DoorCase[] = [...losses, ...expiry, ...ends];
