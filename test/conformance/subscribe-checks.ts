import assert from 'node:assert/strict';
import { type Check, lasting, type Meeting, refuses, textOf, textsUntil } from './check.ts';

/** SUBSCRIBE and UNSUBSCRIBE: their form, options and Subscription Identifiers. */
export const subscribeChecks: readonly Check[] = [
  {
    clause: 'MQTT-3.8.1-1',
    name: 'SUBSCRIBE with the wrong flags ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('800700010000017801');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-3.8.3-2',
    name: 'SUBSCRIBE without a filter ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('8203000100');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-3.8.3-5',
    name: 'reserved subscription options end the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('820700010000017841');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: '§3.8.3.1',
    name: 'QoS 3 and Retain Handling 3 end the connection',
    run: async (meeting) => {
      for (const options of ['03', '30']) {
        const device = await meeting.connect(options);
        device.sendBytes(`8207000100000178${options}`);
        await refuses(device, 0x81, 0x82);
      }
    },
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'SUBACK has one code for each filter, in their order',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const qosOf = (index: number) => ((index * 2) % 3) as 0 | 1 | 2;
      const filters = Array.from({ length: 30 }, (_, index) => ({
        topic: meeting.topic(`${index}`),
        qos: qosOf(index),
      }));
      assert.deepEqual(
        await device.subscribe(filters),
        filters.map(({ qos }) => qos),
      );
    },
  },
  {
    clause: 'MQTT-3.8.4-8',
    name: 'a message is delivered at the lower of its QoS and the granted one',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      for (const granted of [0, 1, 2] as const) {
        await device.subscribe([{ topic: meeting.topic(`${granted}`), qos: granted }]);
        for (const qos of [0, 1, 2] as const) {
          await device.publish({ topic: meeting.topic(`${granted}`), qos });
          assert.equal((await device.receive()).qos, Math.min(qos, granted));
        }
      }
    },
  },
  {
    clause: 'MQTT-3.8.4-3',
    name: 'the same filter again replaces the subscription',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      for (const qos of [2, 0] as const) await device.subscribe([{ topic: meeting.topic('x'), qos }]);
      await device.publish({ topic: meeting.topic('x'), payload: 'one', qos: 2 });
      await device.publish({ topic: meeting.topic('x'), payload: 'end', qos: 2 });
      const messages = [await device.receive(), await device.receive()];
      assert.deepEqual(
        messages.map((message) => `${textOf(message)} ${message.qos}`),
        ['one 0', 'end 0'],
      );
    },
  },
  {
    clause: 'MQTT-3.3.4-2',
    name: 'overlapping filters deliver at the highest granted QoS',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([
        { topic: meeting.topic('x'), qos: 0 },
        { topic: meeting.topic('+'), qos: 2 },
      ]);
      await device.publish({ topic: meeting.topic('x'), qos: 2 });
      await device.publish({ topic: meeting.topic('end'), payload: 'end', qos: 0 });
      const qos: number[] = [];
      for (let message = await device.receive(); textOf(message) !== 'end'; message = await device.receive()) {
        qos.push(message.qos);
      }
      assert.equal(Math.max(...qos), 2);
    },
  },
  {
    clause: 'MQTT-3.8.3-3',
    name: 'No Local keeps the client’s own messages away, and nobody else’s',
    run: async (meeting) => {
      const [device, other] = [await meeting.connect('a'), await meeting.connect('other')];
      await device.subscribe([{ topic: meeting.topic('x'), nl: true }]);
      for (const qos of [0, 1, 2] as const) await device.publish({ topic: meeting.topic('x'), payload: 'own', qos });
      await other.publish({ topic: meeting.topic('x'), payload: 'other', qos: 1 });
      assert.deepEqual(await textsUntil(device, 'other'), ['other']);
    },
  },
  {
    clause: 'MQTT-3.8.3-4',
    name: 'No Local on a shared subscription ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const subscription = { topic: `$share/g/${meeting.topic('x')}`, qos: 1, nl: true, rap: false, rh: 0 } as const;
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription] });
      await refuses(device, 0x82);
    },
  },
  {
    clause: 'MQTT-3.3.1-9',
    name: 'Retain Handling 0 sends what is retained at every SUBSCRIBE',
    run: async (meeting) => assert.deepEqual(await retainedAt(meeting, [0, 0]), [1, 1]),
  },
  {
    clause: 'MQTT-3.3.1-10',
    name: 'Retain Handling 1 sends what is retained at the first SUBSCRIBE alone',
    run: async (meeting) => assert.deepEqual(await retainedAt(meeting, [1, 1, 1]), [1, 0, 0]),
  },
  {
    clause: 'MQTT-3.3.1-11',
    name: 'Retain Handling 2 sends nothing that is retained',
    run: async (meeting) => assert.deepEqual(await retainedAt(meeting, [2, 2]), [0, 0]),
  },
  {
    clause: 'MQTT-3.3.1-12',
    name: 'without Retain As Published a live message has RETAIN 0',
    run: async (meeting) => assert.deepEqual(await liveRetain(meeting, false), [false, false]),
  },
  {
    clause: 'MQTT-3.3.1-13',
    name: 'with Retain As Published a live message keeps its RETAIN',
    run: async (meeting) => assert.deepEqual(await liveRetain(meeting, true), [true, false]),
  },
  {
    clause: 'MQTT-3.3.4-3',
    name: 'a message has the Subscription Identifier of its subscription, and none where there is none',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: meeting.topic('a') }], { subscriptionIdentifier: 1 });
      await device.subscribe([{ topic: meeting.topic('b/#') }], { subscriptionIdentifier: 268_435_455 });
      await device.subscribe([{ topic: meeting.topic('c') }]);
      for (const [topic, identifier] of [
        ['a', 1],
        ['b/x', 268_435_455],
        ['b', 268_435_455],
        ['c', undefined],
      ] as const) {
        await device.publish({ topic: meeting.topic(topic), qos: 1 });
        assert.deepEqual(
          identifiersOf((await device.receive()).properties),
          identifier === undefined ? [] : [identifier],
        );
      }
    },
  },
  {
    clause: 'MQTT-3.3.4-4',
    name: 'copies for overlapping subscriptions name every Subscription Identifier',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: meeting.topic('x') }], { subscriptionIdentifier: 1 });
      await device.subscribe([{ topic: meeting.topic('+') }], { subscriptionIdentifier: 2 });
      await device.publish({ topic: meeting.topic('x'), qos: 1 });
      await device.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      const named: number[] = [];
      for (let message = await device.receive(); textOf(message) !== 'end'; message = await device.receive()) {
        named.push(...identifiersOf(message.properties));
      }
      assert.deepEqual(named.sort(), [1, 2]);
    },
  },
  {
    clause: '§3.8.2.1.2',
    name: 'the same filter with another Subscription Identifier replaces it; 0 ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      for (const subscriptionIdentifier of [5, 6]) {
        await device.subscribe([{ topic: meeting.topic('x') }], { subscriptionIdentifier });
      }
      await device.publish({ topic: meeting.topic('x'), qos: 1 });
      assert.deepEqual(identifiersOf((await device.receive()).properties), [6]);
      device.sendBytes('82090001020b0000017801');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-3.1.2-5',
    name: 'subscription options and identifiers outlive the connection',
    run: async (meeting) => {
      const first = await meeting.connect('a', lasting());
      await first.subscribe([{ topic: meeting.topic('x'), qos: 1, nl: true }], { subscriptionIdentifier: 11 });
      await first.disconnect();
      const [back, other] = [await meeting.connect('a', lasting()), await meeting.connect('other')];
      await back.publish({ topic: meeting.topic('x'), payload: 'own', qos: 1 });
      await other.publish({ topic: meeting.topic('x'), payload: 'other', qos: 1 });
      const message = await back.receive();
      assert.deepEqual([textOf(message), identifiersOf(message.properties)], ['other', [11]]);
    },
  },
  {
    clause: 'MQTT-3.10.3-2',
    name: 'UNSUBSCRIBE without a filter, or with the wrong flags, ends the connection',
    run: async (meeting) => {
      for (const bytes of ['a203000100', 'a006000100000178']) {
        const device = await meeting.connect(bytes);
        device.sendBytes(bytes);
        await refuses(device, 0x81, 0x82);
      }
    },
  },
  {
    clause: 'MQTT-3.10.4-2',
    name: 'after UNSUBACK nothing more comes, and only the very filter goes',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: meeting.topic('x') }, { topic: meeting.topic('y') }]);
      await device.unsubscribe(meeting.topic('y'), meeting.topic('+'));
      for (const name of ['y', 'x']) await device.publish({ topic: meeting.topic(name), payload: name, qos: 1 });
      assert.deepEqual(await textsUntil(device, 'x'), ['x']);
    },
  },
  {
    clause: 'MQTT-3.11.3-1',
    name: 'UNSUBACK has one code for each filter, in their order: 0x11 where there was none',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const held = Array.from({ length: 12 }, (_, index) => meeting.topic(`${index}`));
      await device.subscribe(held.map((topic) => ({ topic })));
      const filters = [meeting.topic('never'), ...held, meeting.topic('nor'), held[0] ?? ''];
      const codes = await device.unsubscribe(...filters);
      assert.deepEqual(codes, [0x11, ...held.map(() => 0), 0x11, 0x11]);
    },
  },
];

/** Counts of retained messages that each SUBSCRIBE with these Retain Handlings brings. */
async function retainedAt(meeting: Meeting, handlings: readonly (0 | 1 | 2)[]): Promise<readonly number[]> {
  const [device, other] = [await meeting.connect('a'), await meeting.connect('other')];
  const topic = meeting.topic('r');
  await other.publish({ topic, payload: 'kept', qos: 1, retain: true });
  const counts: number[] = [];
  for (const rh of handlings) {
    await device.subscribe([{ topic, qos: 1, rh }]);
    await other.publish({ topic, payload: 'live', qos: 1 });
    counts.push((await textsUntil(device, 'live')).length - 1);
  }
  await other.publish({ topic, payload: '', qos: 1, retain: true });
  return counts;
}

/** RETAIN of two live messages, published with RETAIN 1 and 0. */
async function liveRetain(meeting: Meeting, rap: boolean): Promise<readonly boolean[]> {
  const device = await meeting.connect('a');
  const topic = meeting.topic('r');
  await device.subscribe([{ topic, rap }]);
  const flags: boolean[] = [];
  for (const retain of [true, false]) {
    await device.publish({ topic, qos: 1, retain });
    flags.push((await device.receive()).retain);
  }
  await device.publish({ topic, payload: '', qos: 1, retain: true });
  return flags;
}

function identifiersOf(properties: { subscriptionIdentifier?: number | number[] } | undefined): readonly number[] {
  return [properties?.subscriptionIdentifier ?? []].flat();
}
