import assert from 'node:assert/strict';
import { type Check, type Meeting, textsUntil } from './check.ts';

/** Which topics a filter matches, and shared subscriptions. */
export const filterChecks: readonly Check[] = [
  {
    clause: 'MQTT-4.7.1-1',
    name: 'a filter with a misplaced wildcard is not granted',
    run: async (meeting) => {
      for (const [index, filter] of ['a/#/b', 'a#', 'a+/b'].entries()) {
        const device = await meeting.connect(`${index}`);
        device.send({
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [{ topic: filter, qos: 0, nl: false, rap: false, rh: 0 }],
        });
        await device.until('an answer', () => device.isClosed || device.count('suback') > 0);
        const [suback] = device.packets.flatMap(({ packet }) => (packet.cmd === 'suback' ? [packet.granted] : []));
        assert.ok(suback === undefined || Number(suback[0]) >= 0x80, filter);
      }
    },
  },
  {
    clause: '§4.7.1.2',
    name: 'wildcards match what they should, and the parent level',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([
        { topic: meeting.topic('m/#') },
        { topic: meeting.topic('s/+') },
        { topic: meeting.topic('s/+/z') },
      ]);
      for (const name of ['m', 'm/x', 'm/', 'm/x/y', 's', 's/x', 's/', 's/x/y', 's/x/z', 'M/x', 'end']) {
        if (name === 'end') await device.subscribe(meeting.topic('end'));
        await device.publish({ topic: meeting.topic(name), payload: name, qos: 1 });
      }
      assert.deepEqual(await textsUntil(device, 'end'), ['m', 'm/x', 'm/', 'm/x/y', 's/x', 's/', 's/x/z', 'end']);
    },
  },
  {
    clause: 'MQTT-4.7.2-1',
    name: 'a wildcard at the first level does not match a topic that begins with $',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: '+/broker/version' }, { topic: meeting.topic('end') }]);
      await device.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      assert.deepEqual(await textsUntil(device, 'end'), ['end']);
    },
  },
  {
    clause: 'MQTT-4.8.2-1',
    name: 'a shared subscription without a share name or filter is not granted',
    run: async (meeting) => {
      for (const [index, filter] of ['$share//a', '$share/g', '$share/g/', '$share/+/a'].entries()) {
        const device = await meeting.connect(`${index}`);
        device.send({
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [{ topic: filter, qos: 0, nl: false, rap: false, rh: 0 }],
        });
        await device.until('an answer', () => device.isClosed || device.count('suback') > 0);
        const [suback] = device.packets.flatMap(({ packet }) => (packet.cmd === 'suback' ? [packet.granted] : []));
        assert.ok(suback === undefined || Number(suback[0]) >= 0x80, filter);
      }
    },
  },
  {
    clause: '§4.8.2',
    name: 'each message of a shared subscription goes to one member',
    run: async (meeting) => {
      const [one, two] = await shareMembers(meeting);
      const other = await meeting.connect('other');
      const payloads = Array.from({ length: 10 }, (_, index) => `${index}`);
      for (const payload of payloads) await other.publish({ topic: meeting.topic('s'), payload, qos: 2 });
      await other.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      const texts = [...(await textsUntil(one, 'end')), ...(await textsUntil(two, 'end'))];
      assert.deepEqual(texts.sort(), [...payloads, 'end', 'end']);
    },
  },
  {
    clause: 'MQTT-4.8.2-3',
    name: 'a shared subscription delivers at its granted QoS at most',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe([{ topic: `$share/g/${meeting.topic('s')}`, qos: 1 }]);
      await device.publish({ topic: meeting.topic('s'), qos: 2 });
      assert.equal((await device.receive()).qos, 1);
    },
  },
  {
    clause: '§3.3.1.3',
    name: 'a shared subscription gets no retained messages when it is made',
    run: async (meeting) => {
      const other = await meeting.connect('other');
      await other.publish({ topic: meeting.topic('s'), payload: 'retained', qos: 1, retain: true });
      const [one] = await shareMembers(meeting);
      await other.publish({ topic: meeting.topic('s'), payload: '', qos: 1, retain: true });
      await other.publish({ topic: meeting.topic('end'), payload: 'end', qos: 1 });
      const texts = await textsUntil(one, 'end');
      assert.ok(!texts.includes('retained'), texts.join());
    },
  },
];

/** Two members of one group, which also hear each a topic of its own accord. */
async function shareMembers(meeting: Meeting) {
  const members = [await meeting.connect('one'), await meeting.connect('two')] as const;
  for (const member of members) {
    await member.subscribe([{ topic: `$share/g/${meeting.topic('s')}`, qos: 1 }, { topic: meeting.topic('end') }]);
  }
  return members;
}
