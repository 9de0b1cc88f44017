import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { brokerSeconds, type Check, lasting, type Meeting, refuses, textOf, textsUntil } from './check.ts';

const publication = { cmd: 'publish', payload: 'x', qos: 1, dup: false, retain: false } as const;

/** PUBLISH and its acknowledgements, without properties. */
export const publishChecks: readonly Check[] = [
  {
    clause: 'MQTT-3.3.4-1',
    name: 'each QoS has its acknowledgements, under the identifier of the PUBLISH',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      assert.equal(await device.publish({ topic: meeting.topic('x'), qos: 0 }), undefined);
      for (const [qos, messageId, cmd] of [
        [1, 65_535, 'puback'],
        [2, 40_000, 'pubrec'],
        [1, 1, 'puback'],
      ] as const) {
        const answer = await device.publish({ topic: meeting.topic('x'), qos, messageId });
        assert.deepEqual([answer?.cmd, answer?.messageId], [cmd, messageId]);
      }
    },
  },
  {
    clause: 'MQTT-3.4.2-1',
    name: 'PUBACK and PUBREC of what nobody receives are no failures',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      for (const qos of [1, 2] as const) {
        const answer = await device.publish({ topic: meeting.topic('nobody'), qos });
        const code = answer !== undefined && 'reasonCode' in answer ? (answer.reasonCode ?? 0) : 0;
        assert.ok(code === 0 || code === 0x10, `0x${code.toString(16)}`);
      }
    },
  },
  {
    clause: 'MQTT-3.3.1-3',
    name: 'DUP of the publisher is not handed on',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe(meeting.topic('x'));
      await device.publish({ topic: meeting.topic('x'), qos: 1, dup: true });
      assert.equal((await device.receive()).dup, false);
    },
  },
  {
    clause: 'MQTT-3.3.1-4',
    name: 'QoS 3 ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('360600017800010078');
      await refuses(device, 0x81);
    },
  },
  {
    clause: 'MQTT-2.2.1-3',
    name: 'a packet identifier of 0 ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('320700017800000078');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-3.3.2-2',
    name: 'a wildcard in a topic name ends the connection',
    run: async (meeting) => {
      for (const topic of ['23', '2b']) {
        const device = await meeting.connect(topic);
        device.sendBytes(`32070001${topic}00010078`);
        await refuses(device, 0x81, 0x82, 0x90);
      }
    },
  },
  {
    clause: 'MQTT-1.5.4-1',
    name: 'a topic name that is not UTF-8 ends the connection',
    run: async (meeting) => {
      for (const [name, topic] of [
        ['bytes', 'c328'],
        ['surrogate', 'eda080'],
      ] as const) {
        const device = await meeting.connect(name);
        const size = topic.length / 2;
        device.sendBytes(`32${(size + 6).toString(16).padStart(2, '0')}000${size}${topic}00010078`);
        await refuses(device, 0x81, 0x82, 0x90);
      }
    },
  },
  {
    clause: 'MQTT-1.5.4-2',
    name: 'a topic name with U+0000 ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('3209000361006200010078');
      await refuses(device, 0x81, 0x82, 0x90);
    },
  },
  {
    clause: 'MQTT-4.3.3-10',
    name: 'a QoS 2 PUBLISH that is repeated before PUBREL is delivered once',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const watcher = await meeting.connect('w');
      await watcher.subscribe(meeting.topic('#'));
      const publish = { ...publication, topic: meeting.topic('x'), qos: 2, messageId: 5 } as const;
      device.send({ ...publish, payload: 'once' });
      await device.next('pubrec');
      device.send({ ...publish, payload: 'once', dup: true });
      await device.next('pubrec');
      device.send({ cmd: 'pubrel', messageId: 5 });
      await device.next('pubcomp');
      await device.publish({ topic: meeting.topic('x'), payload: 'end', qos: 2, messageId: 5 });
      assert.deepEqual(await textsUntil(watcher, 'end'), ['once', 'end']);
    },
  },
  {
    clause: 'MQTT-4.3.3-11',
    name: 'PUBREL is answered by PUBCOMP, also under an identifier that is not known',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.send({ cmd: 'pubrel', messageId: 4_711 });
      const pubcomp = await device.next('pubcomp');
      assert.equal(pubcomp.messageId, 4_711);
      assert.ok([0, 0x92].includes(pubcomp.reasonCode ?? 0));
    },
  },
  {
    clause: 'MQTT-3.6.1-1',
    name: 'PUBREL with the wrong flags ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('60020001');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-4.3.2-5',
    name: 'after PUBACK the identifier stands for another message',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: meeting.topic('x'), qos: 1 }]);
      for (const payload of ['first', 'second']) {
        await device.publish({ topic: meeting.topic('x'), payload, qos: 1, messageId: 9 });
      }
      assert.deepEqual(await textsUntil(device, 'second'), ['first', 'second']);
    },
  },
  {
    clause: 'MQTT-3.3.4-9',
    name: 'no more than the client’s Receive Maximum is unacknowledged',
    run: async (meeting) => {
      const device = await meeting.connect('a', { properties: { receiveMaximum: 2 } });
      await device.subscribe(meeting.topic('#'));
      const other = await meeting.connect('other');
      for (const payload of ['1', '2', '3', '4']) await other.publish({ topic: meeting.topic('x'), payload, qos: 1 });
      const first = [await device.next('publish'), await device.next('publish')];
      // Whatever more would come is there before this answer.
      await device.subscribe('another');
      assert.equal(device.count('publish'), 2);
      for (const { messageId = 0 } of first) device.send({ cmd: 'puback', messageId });
      const rest = [await device.receive(), await device.receive()];
      assert.deepEqual([...first, ...rest].map(textOf), ['1', '2', '3', '4']);
    },
  },
  {
    clause: 'MQTT-4.9.0-3',
    name: 'pings and subscriptions are answered though the send quota is used up',
    run: async (meeting) => {
      const device = await meeting.connect('a', { properties: { receiveMaximum: 1 } });
      await device.subscribe(meeting.topic('x'));
      for (const _ of [1, 2]) await device.publish({ topic: meeting.topic('x'), qos: 1 });
      await device.next('publish');
      device.send({ cmd: 'pingreq' });
      await device.next('pingresp');
      await device.subscribe(meeting.topic('y'));
      await device.unsubscribe(meeting.topic('y'));
    },
  },
  {
    clause: 'MQTT-3.1.2-24',
    name: 'a message beyond the client’s Maximum Packet Size is left out, and the next ones come',
    run: (meeting) => leaveOutLarge(meeting, { maximumPacketSize: 100 }),
  },
  {
    clause: 'MQTT-3.1.2-25',
    name: 'what is left out counts as delivered: it does not use up the Receive Maximum',
    run: (meeting) => leaveOutLarge(meeting, { maximumPacketSize: 100, receiveMaximum: 1 }),
  },
  {
    clause: 'MQTT-4.6.0-6',
    name: 'messages of one topic and QoS come in their order',
    run: async (meeting) => {
      const watcher = await meeting.connect('w');
      await watcher.subscribe(meeting.topic('+'));
      const device = await meeting.connect('a');
      const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
      for (const qos of [0, 1, 2] as const) {
        await Promise.all(
          numbers.map((number) => device.publish({ topic: meeting.topic(`${qos}`), payload: `${number}`, qos })),
        );
      }
      const received: Record<string, string[]> = {};
      for (const _ of [0, 1, 2].flatMap(() => numbers)) {
        const message = await watcher.receive();
        received[message.topic] = [...(received[message.topic] ?? []), textOf(message)];
      }
      for (const qos of [0, 1, 2]) assert.deepEqual(received[meeting.topic(`${qos}`)], numbers.map(String));
    },
  },
  {
    clause: 'MQTT-4.6.0-2',
    name: 'PUBACKs leave in the order of the PUBLISH packets',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const ids = Array.from({ length: 15 }, (_, index) => 30 - index);
      device.send(...ids.map((messageId) => ({ ...publication, topic: meeting.topic('x'), messageId })));
      await device.until('every PUBACK', () => device.count('puback') === ids.length);
      const answered = device.packets.flatMap(({ packet }) => (packet.cmd === 'puback' ? [packet.messageId] : []));
      assert.deepEqual(answered, ids);
    },
  },
  {
    clause: 'MQTT-3.3.1-5',
    name: 'a retained message is kept and replaced',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const topic = meeting.topic('r');
      for (const payload of ['old', 'new']) await device.publish({ topic, payload, qos: 1, retain: true });
      await device.subscribe(topic);
      const kept = await device.receive();
      assert.deepEqual([textOf(kept), kept.retain], ['new', true]);
      await device.publish({ topic, payload: '', retain: true, qos: 1 });
    },
  },
  {
    clause: 'MQTT-3.3.1-6',
    name: 'an empty retained message clears, and is not kept',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const topic = meeting.topic('r');
      await device.publish({ topic, payload: 'kept', qos: 1, retain: true });
      await device.publish({ topic, payload: '', qos: 1, retain: true });
      await device.subscribe(topic);
      await device.publish({ topic, payload: 'end', qos: 1 });
      assert.deepEqual(await textsUntil(device, 'end'), ['end']);
    },
  },
  {
    clause: 'MQTT-3.3.1-8',
    name: 'a message without RETAIN leaves what is kept',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const topic = meeting.topic('r');
      await device.publish({ topic, payload: 'kept', qos: 1, retain: true });
      await device.publish({ topic, payload: 'passing', qos: 1 });
      await device.subscribe(topic);
      assert.equal(textOf(await device.receive()), 'kept');
      await device.publish({ topic, payload: '', retain: true, qos: 1 });
    },
  },
  {
    clause: '§3.3.3',
    name: '100 kB arrive byte for byte',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe(meeting.topic('x'));
      const payload = randomBytes(100_000);
      await device.publish({ topic: meeting.topic('x'), payload, qos: 2 });
      const received = await device.receive();
      assert.ok(payload.equals(Buffer.from(received.payload as Buffer)));
    },
  },
  {
    clause: 'MQTT-3.3.2-5',
    name: 'a message that expired before it was delivered is not',
    run: async (meeting) => {
      const device = await meeting.connect('a', lasting());
      await device.subscribe([{ topic: meeting.topic('x'), qos: 1 }]);
      await device.disconnect();
      const other = await meeting.connect('other');
      const publish = (payload: string, messageExpiryInterval: number) =>
        other.publish({ topic: meeting.topic('x'), payload, qos: 1, properties: { messageExpiryInterval } });
      await publish('expired', 1);
      await publish('end', 60);
      await brokerSeconds(meeting, 3);
      const back = await meeting.connect('a', lasting());
      assert.deepEqual(await textsUntil(back, 'end'), ['end']);
    },
  },
];

async function leaveOutLarge(
  meeting: Meeting,
  properties: { readonly maximumPacketSize: number; readonly receiveMaximum?: number },
): Promise<void> {
  const device = await meeting.connect('a', { properties });
  await device.subscribe(meeting.topic('#'));
  const other = await meeting.connect('other');
  for (const qos of [0, 1, 2] as const) {
    await other.publish({ topic: meeting.topic('x'), payload: 'x'.repeat(100), qos });
  }
  for (const payload of ['1', '2']) await other.publish({ topic: meeting.topic('x'), payload, qos: 1 });
  assert.deepEqual(await textsUntil(device, '2'), ['1', '2']);
  assert.ok(device.packets.every(({ bytes }) => bytes.length <= 100));
}
