import { allVersions, type DoorCase, five, type Party } from './door-case.ts';
import {
  acknowledge,
  bytes,
  hex,
  list,
  packet,
  property,
  publish,
  subscribe,
  u16,
  type Version,
} from './packet-writing.ts';
import { publishIdentifier, type RawClient } from './raw-client.ts';

const { puback, pubrec, pubrel, pubcomp } = acknowledge;
const kinds = { PUBACK: puback, PUBREC: pubrec, PUBREL: pubrel, PUBCOMP: pubcomp } as const;

/** Where an exchange stands when `a` says something. */
type Stage = 'nothing' | 'sent1' | 'sent2' | 'released' | 'came1' | 'came2' | 'received';

/** `a` with an exchange at a stage; gives the identifier of what came from the broker, else 5. */
async function reach(party: Party, client: RawClient, stage: Stage): Promise<number> {
  const { version } = party;
  const topic = party.topic('x');
  switch (stage) {
    case 'nothing':
      return 5;
    case 'sent1':
      client.send(publish(version, { topic, qos: 1, id: 5 }));
      await client.nextOf(4);
      return 5;
    case 'sent2':
    case 'released':
      client.send(publish(version, { topic, qos: 2, id: 5 }));
      await client.nextOf(5);
      if (stage === 'sent2') return 5;
      client.send(pubrel(5));
      await client.nextOf(7);
      return 5;
    default:
      return await comeTo(party, client, stage);
  }
}

async function comeTo(party: Party, client: RawClient, stage: 'came1' | 'came2' | 'received'): Promise<number> {
  const { version } = party;
  const topic = party.topic('y');
  await client.provoke(subscribe(version, 1, [[topic, 2]]));
  const other = await party.connect('b');
  other.send(publish(version, { topic, qos: stage === 'came1' ? 1 : 2, id: 9 }));
  if (stage !== 'came1') {
    await other.nextOf(5);
    other.send(pubrel(9));
  }
  const id = publishIdentifier(await client.nextOf(3));
  if (stage !== 'received') return id;
  client.send(pubrec(id));
  await client.nextOf(6);
  return id;
}

function row(
  name: string,
  stage: Stage,
  sent: (id: number, party: Party) => Buffer,
  versions: readonly Version[] = allVersions,
): DoorCase {
  return {
    name: `${name}, ${stageNames[stage]}`,
    versions,
    play: async (party) => {
      const watcher = await party.connect('w');
      watcher.send(subscribe(party.version, 1, [[party.topic('will'), 0]]));
      await watcher.nextOf(9);
      const session =
        party.version === '5' ? { clean: false, properties: [property.sessionExpiry(60)] } : { clean: false };
      const client = await party.connect('a', { ...session, will: { topic: party.topic('will') } });
      const id = await reach(party, client, stage);
      await client.provoke(sent(id, party));
      await watcher.settle();
      await client.lose();
      // What is left of the exchange.
      const again = await party.connect('a', session);
      await again.settle();
      await watcher.settle();
    },
  };
}

const stageNames: Readonly<Record<Stage, string>> = {
  nothing: 'without an exchange',
  sent1: 'behind a QoS 1 PUBLISH that was acknowledged',
  sent2: 'behind a QoS 2 PUBLISH and its PUBREC',
  released: 'behind a whole QoS 2 exchange',
  came1: 'to a QoS 1 PUBLISH',
  came2: 'to a QoS 2 PUBLISH',
  received: 'to a PUBREL',
};

const stages = Object.keys(stageNames) as readonly Stage[];

/** Every kind at every stage: the right one, the wrong one, the early one. */
const everyKind: readonly DoorCase[] = stages.flatMap((stage) =>
  Object.entries(kinds).map(([kind, encode]) => row(kind, stage, (id) => encode(id))),
);

const malformed: readonly DoorCase[] = Object.entries(kinds).flatMap(([kind, encode]) => {
  const stage: Stage = ({ PUBACK: 'came1', PUBREC: 'came2', PUBREL: 'sent2', PUBCOMP: 'received' } as const)[
    kind as 'PUBACK'
  ];
  const first = encode(1)[0] as number;
  const otherReason = kind === 'PUBACK' || kind === 'PUBREC' ? 0x92 : 0x10;
  return [
    row(`${kind} with identifier 0`, stage, () => encode(0)),
    row(`${kind} without a body`, stage, () => bytes(first, 0)),
    row(`${kind} with half an identifier`, stage, () => bytes(first, 1, 0)),
    row(`${kind} with one byte more`, stage, (id) => encode(id, 0)),
    row(`${kind} with two bytes more`, stage, (id) => encode(id, 0, 0)),
    row(`${kind} with three bytes more`, stage, (id) => encode(id, 0, 0, 0)),
    ...[0x01, 0x02, 0x04, 0x08].map((flag) =>
      row(`${kind} with flag ${flag} changed`, stage, (id) => bytes(first ^ flag, 2, u16(id))),
    ),
    row(`${kind} with a length of two bytes`, stage, (id) => bytes(first, 0x82, 0, u16(id))),
    ...[0x10, 0x80, 0x87, 0x92, 0x97, 0x01, 0x7f, 0xff].map((reason) =>
      row(`${kind} with reason 0x${reason.toString(16)}`, stage, (id) => encode(id, reason), five),
    ),
    row(
      `${kind} with a Reason String`,
      stage,
      (id) => encode(id, 0, list(property.reasonString('x'), property.userProperty('a', 'b'))),
      five,
    ),
    row(
      `${kind} with a Reason String twice`,
      stage,
      (id) => encode(id, 0, list(property.reasonString('x'), property.reasonString('x'))),
      five,
    ),
    row(
      `${kind} with a property that is not its own`,
      stage,
      (id) => encode(id, 0, list(property.topicAlias(1))),
      five,
    ),
    row(`${kind} with an unknown property`, stage, (id) => encode(id, 0, list(hex('7f00'))), five),
    row(`${kind} with a property list that is too long`, stage, (id) => encode(id, 0, 9, 1), five),
    row(
      `${kind} with reason 0x${otherReason.toString(16)} of another kind`,
      stage,
      (id) => encode(id, otherReason),
      five,
    ),
  ];
});

const repeats: readonly DoorCase[] = [
  {
    name: 'a QoS 2 PUBLISH said twice is one message',
    play: async (party) => {
      const { version } = party;
      const watcher = await party.connect('w');
      await watcher.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      const client = await party.connect('a');
      const first = publish(version, { topic: party.topic('x'), qos: 2, id: 3 });
      await client.provoke(first);
      await client.provoke(bytes(first[0] as number | 8, first.subarray(1)));
      await client.provoke(pubrel(3));
      await client.provoke(pubrel(3));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3, payload: 'another' }));
      await client.provoke(pubrel(3));
      await watcher.settle();
    },
  },
  {
    name: 'a QoS 2 PUBLISH with DUP twice in one segment',
    play: async (party) => {
      const client = await party.connect('a');
      const sent = publish(party.version, { topic: party.topic('x'), qos: 2, id: 3, dup: true });
      await client.provoke(subscribe(party.version, 1, [[party.topic('x'), 0]]), sent, sent, pubrel(3));
    },
  },
  {
    name: 'PUBREL in one segment with its PUBLISH, and what is published behind it',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3 }), pubrel(3));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 1, id: 4 }));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 5 }));
      await client.provoke(pubrel(5));
    },
  },
  {
    name: '[03-publish-qos2-reuse-mid] an identifier in use by another message',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3, payload: 'first' }));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3, payload: 'second' }));
      await client.provoke(pubrel(3));
    },
  },
  {
    name: 'the same message without DUP on the same identifier',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const sent = publish(version, { topic: party.topic('x'), qos: 2, id: 3 });
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      await client.provoke(sent);
      await client.provoke(sent);
      await client.provoke(pubrel(3));
    },
  },
  {
    name: 'a QoS 1 PUBLISH on the identifier of an open QoS 2 exchange',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3 }));
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 1, id: 3, payload: 'one' }));
      await client.provoke(pubrel(3));
    },
  },
  {
    name: 'a QoS 1 PUBLISH said twice is acknowledged twice',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(subscribe(version, 1, [[party.topic('x'), 0]]));
      const sent = publish(version, { topic: party.topic('x'), qos: 1, id: 3 });
      await client.provoke(sent);
      await client.provoke(bytes(sent[0] as number | 8, sent.subarray(1)));
      await client.provoke(sent, sent);
    },
  },
  {
    name: 'SUBSCRIBE on the identifier of an open QoS 2 exchange',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      await client.provoke(publish(version, { topic: party.topic('x'), qos: 2, id: 3 }));
      await client.provoke(subscribe(version, 3, [[party.topic('y'), 1]]));
      await client.provoke(pubrel(3));
    },
  },
  {
    name: 'acknowledgements in another order than the messages came',
    play: async (party) => {
      const { version } = party;
      const client = await party.connect('a');
      const other = await party.connect('b');
      await client.provoke(subscribe(version, 1, [[party.topic('y'), 2]]));
      for (const [index, qos] of [1, 2, 1, 2].entries()) {
        await other.provoke(publish(version, { topic: party.topic('y'), qos, id: index + 1 }));
        if (qos === 2) await other.provoke(pubrel(index + 1));
      }
      await client.settle();
      for (const packet of [pubrec(4), puback(3), pubrec(2), puback(1), pubcomp(2), pubcomp(4)])
        await client.provoke(packet);
    },
  },
];

export const acknowledgementCases: readonly DoorCase[] = [
  ...everyKind,
  ...malformed,
  ...repeats,
  row('an UNSUBACK of our own', 'nothing', () => packet(0xb0, u16(1))),
];
