import assert from 'node:assert/strict';
import { brokerSeconds, type Check, lasting, lose, type Meeting, textOf, textsUntil } from './check.ts';

/** Session state, session expiry and wills. */
export const sessionChecks: readonly Check[] = [
  {
    clause: 'MQTT-3.1.2-4',
    name: 'Clean Start 1 throws the session away',
    run: async (meeting) => {
      const first = await meeting.connect('a', lasting());
      await first.subscribe(meeting.topic('x'));
      await first.disconnect();
      const again = await meeting.enter('a', { ...lasting(), clean: true });
      assert.equal(again.connack.sessionPresent, false);
      await again.device.subscribe(meeting.topic('end'));
      await again.device.publish({ topic: meeting.topic('x'), payload: 'stale', qos: 1 });
      await again.device.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      assert.deepEqual(await textsUntil(again.device, 'end'), ['end']);
    },
  },
  {
    clause: 'MQTT-3.1.2-5',
    name: 'Clean Start 0 takes the session up: subscriptions and what was queued',
    run: async (meeting) => {
      const first = await meeting.connect('a', lasting());
      await first.subscribe([{ topic: meeting.topic('x'), qos: 1 }]);
      await first.disconnect();
      const other = await meeting.connect('other');
      for (const payload of ['1', '2', '3']) await other.publish({ topic: meeting.topic('x'), payload, qos: 1 });
      const { device, connack } = await meeting.enter('a', lasting());
      assert.equal(connack.sessionPresent, true);
      assert.deepEqual(await textsUntil(device, '3'), ['1', '2', '3']);
    },
  },
  {
    clause: 'MQTT-3.1.2-6',
    name: 'Clean Start 0 without a session begins one',
    run: async (meeting) => assert.equal((await meeting.enter('a', lasting())).connack.sessionPresent, false),
  },
  {
    clause: 'MQTT-3.1.2-23',
    name: 'a session without an expiry interval ends with its connection',
    run: async (meeting) => {
      const first = await meeting.connect('a', { clean: false });
      await first.subscribe(meeting.topic('x'));
      await first.disconnect();
      assert.equal((await meeting.enter('a', { clean: false })).connack.sessionPresent, false);
    },
  },
  {
    clause: '§3.1.2.11.2',
    name: 'a session ends when its expiry interval has passed',
    run: async (meeting) => {
      await (await meeting.connect('a', lasting(1))).disconnect();
      await (await meeting.connect('b', lasting(60))).disconnect();
      await brokerSeconds(meeting, 3);
      assert.equal((await meeting.enter('a', lasting(1))).connack.sessionPresent, false);
      assert.equal((await meeting.enter('b', lasting(60))).connack.sessionPresent, true);
    },
  },
  {
    clause: '§3.14.2.2.2',
    name: 'DISCONNECT changes the session’s expiry',
    run: async (meeting) => {
      const presents: boolean[] = [];
      for (const sessionExpiryInterval of [30, 0, 30]) {
        const { device, connack } = await meeting.enter('a', lasting());
        presents.push(connack.sessionPresent);
        await device.disconnect({ reasonCode: 0, properties: { sessionExpiryInterval } });
      }
      assert.deepEqual(presents, [false, true, false]);
    },
  },
  {
    clause: '§3.14.2.2.2',
    name: 'an expiry that was 0 cannot be raised by DISCONNECT',
    run: async (meeting) => {
      const device = await meeting.connect('a', { clean: false });
      await device.disconnect({ reasonCode: 0, properties: { sessionExpiryInterval: 30 } });
      assert.equal((await meeting.enter('a', lasting())).connack.sessionPresent, false);
    },
  },
  {
    clause: 'MQTT-4.4.0-1',
    name: 'unacknowledged PUBLISH and PUBREL come again after a reconnect, with their identifiers',
    run: async (meeting) => {
      const device = await meeting.connect('a', lasting());
      await device.subscribe(meeting.topic('#'));
      const other = await meeting.connect('other');
      await other.publish({ topic: meeting.topic('1'), payload: 'one', qos: 1 });
      await other.publish({ topic: meeting.topic('2'), payload: 'two', qos: 2 });
      const [one, two] = [await device.next('publish'), await device.next('publish')];
      device.send({ cmd: 'pubrec', messageId: two.messageId ?? 0 });
      await device.next('pubrel');
      lose(device);
      const { device: back, connack } = await meeting.enter('a', lasting());
      assert.equal(connack.sessionPresent, true);
      const again = await back.next('publish');
      assert.deepEqual([again.messageId, again.dup, textOf(again)], [one.messageId, true, 'one']);
      assert.equal((await back.next('pubrel')).messageId, two.messageId);
    },
  },
  {
    clause: 'MQTT-4.3.3-10',
    name: 'a QoS 2 PUBLISH that is sent again after a reconnect is delivered once',
    run: async (meeting) => {
      const watcher = await meeting.connect('w');
      await watcher.subscribe(meeting.topic('#'));
      const device = await meeting.connect('a', lasting());
      const publish = {
        cmd: 'publish',
        topic: meeting.topic('x'),
        payload: 'once',
        qos: 2,
        messageId: 77,
        retain: false,
      } as const;
      device.send({ ...publish, dup: false });
      await device.next('pubrec');
      lose(device);
      const back = await meeting.connect('a', lasting());
      back.send({ ...publish, dup: true });
      assert.equal((await back.next('pubrec')).messageId, 77);
      back.send({ cmd: 'pubrel', messageId: 77 });
      assert.equal((await back.next('pubcomp')).messageId, 77);
      await back.publish({ topic: meeting.topic('x'), payload: 'end', qos: 2 });
      assert.deepEqual(await textsUntil(watcher, 'end'), ['once', 'end']);
    },
  },
  {
    clause: 'MQTT-4.1.0-1',
    name: 'the session is kept while its connection is open, whatever its expiry',
    run: async (meeting) => {
      const device = await meeting.connect('a', { ...lasting(0) });
      await device.subscribe(meeting.topic('x'));
      await brokerSeconds(meeting, 1);
      await device.publish({ topic: meeting.topic('x'), payload: 'here', qos: 1 });
      assert.equal(textOf(await device.receive()), 'here');
    },
  },
  {
    clause: 'MQTT-3.1.2-8',
    name: 'a will is published when the connection is lost',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      for (const qos of [0, 1, 2] as const) {
        lose(await meeting.connect(`${qos}`, willOf(meeting, { qos })));
        const will = await watcher.receive();
        assert.deepEqual([textOf(will), will.qos, will.retain], ['gone', qos, false]);
      }
    },
  },
  {
    clause: 'MQTT-3.1.2-10',
    name: 'no will is published at DISCONNECT',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      await (await meeting.connect('a', willOf(meeting))).disconnect();
      await watcher.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      assert.deepEqual(await textsUntil(watcher, 'end'), ['end']);
    },
  },
  {
    clause: '§3.14.2.1',
    name: 'DISCONNECT with 0x04 publishes the will',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      await (await meeting.connect('a', willOf(meeting))).disconnect({ reasonCode: 0x04 });
      assert.equal(textOf(await watcher.receive()), 'gone');
    },
  },
  {
    clause: 'MQTT-3.1.2-15',
    name: 'a will is retained where it says so',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      lose(await meeting.connect('a', willOf(meeting, { retain: true, qos: 1 })));
      await watcher.receive();
      const later = await meeting.connect('later');
      await later.subscribe(meeting.topic('will'));
      const will = await later.receive();
      assert.deepEqual([textOf(will), will.retain], ['gone', true]);
      await later.publish({ topic: meeting.topic('will'), payload: '', retain: true, qos: 1 });
    },
  },
  {
    clause: 'MQTT-3.1.3-9',
    name: 'a will waits for its delay, and a client that is back in time takes it back',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      const will = (payload: string) => willOf(meeting, { payload, properties: { willDelayInterval: 1 } });
      lose(await meeting.connect('a', { ...lasting(), ...will('taken back') }));
      await meeting.connect('a', lasting());
      const startMs = performance.now();
      lose(await meeting.connect('b', { ...lasting(), ...will('late') }));
      assert.equal(textOf(await watcher.receive()), 'late');
      assert.ok(performance.now() - startMs > 500);
    },
  },
  {
    clause: '§3.1.3.2.2',
    name: 'a will is due when the session ends, though its delay is longer',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      lose(
        await meeting.connect('a', { ...lasting(1), ...willOf(meeting, { properties: { willDelayInterval: 30 } }) }),
      );
      assert.equal(textOf(await watcher.receive()), 'gone');
    },
  },
  {
    clause: '§3.1.3.2.2',
    name: 'a will with a delay is due at once where the session ends with the connection',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      lose(await meeting.connect('a', willOf(meeting, { properties: { willDelayInterval: 30 } })));
      assert.equal(textOf(await watcher.receive()), 'gone');
    },
  },
  {
    clause: '§3.1.3.2',
    name: 'the properties of a will are its message’s',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      const properties = {
        payloadFormatIndicator: true,
        messageExpiryInterval: 60,
        contentType: 'text/plain',
        responseTopic: meeting.topic('answer'),
        correlationData: Buffer.from('c'),
      };
      lose(await meeting.connect('a', willOf(meeting, { properties })));
      const { properties: received } = await watcher.receive();
      assert.deepEqual(
        [
          received?.payloadFormatIndicator,
          received?.contentType,
          received?.responseTopic,
          `${received?.correlationData}`,
        ],
        [true, 'text/plain', meeting.topic('answer'), 'c'],
      );
      assert.ok((received?.messageExpiryInterval ?? 0) > 55);
    },
  },
  {
    clause: 'MQTT-3.1.3-10',
    name: 'the user properties of a will keep their order',
    run: async (meeting) => {
      const watcher = await watch(meeting);
      const userProperties = { b: ['1', '2'], a: '3' };
      lose(await meeting.connect('a', willOf(meeting, { properties: { userProperties } })));
      const { bytes } = await watcher.nextWire('publish');
      assert.ok(bytes.includes(Buffer.from('260001620001312600016200013226000161000133', 'hex')));
    },
  },
];

function willOf(
  meeting: Meeting,
  fields: { payload?: string; qos?: 0 | 1 | 2; retain?: boolean; properties?: object } = {},
) {
  return { will: { topic: meeting.topic('will'), payload: 'gone', qos: 1, retain: false, ...fields } } as const;
}

async function watch(meeting: Meeting) {
  const watcher = await meeting.connect('watcher');
  await watcher.subscribe(meeting.topic('#'));
  return watcher;
}
