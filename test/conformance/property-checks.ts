import assert from 'node:assert/strict';
import type { IPublishPacket } from 'mqtt-packet';
import { brokerSeconds, type Check, lasting, type Meeting, refuses } from './check.ts';

type Properties = NonNullable<IPublishPacket['properties']>;

/** The properties of PUBLISH. */
export const propertyChecks: readonly Check[] = [
  {
    clause: 'MQTT-3.3.2-4',
    name: 'Payload Format Indicator is handed on',
    run: async (meeting) => {
      for (const payloadFormatIndicator of [true, false]) {
        const { properties } = await passOn(meeting, { payloadFormatIndicator });
        // Absent is the same as 0.
        assert.equal(properties?.payloadFormatIndicator ?? false, payloadFormatIndicator);
      }
    },
  },
  {
    clause: 'MQTT-3.3.2-15',
    name: 'Response Topic is handed on unaltered',
    run: async (meeting) => {
      const { properties } = await passOn(meeting, { responseTopic: 'answers/to/ä' });
      assert.equal(properties?.responseTopic, 'answers/to/ä');
    },
  },
  {
    clause: 'MQTT-3.3.2-16',
    name: 'Correlation Data is handed on unaltered',
    run: async (meeting) => {
      const correlationData = Buffer.from([0, 255, 13, 10]);
      const { properties } = await passOn(meeting, { correlationData });
      assert.ok(correlationData.equals(Buffer.from(properties?.correlationData ?? [])));
    },
  },
  {
    clause: 'MQTT-3.3.2-17',
    name: 'User Properties are handed on unaltered',
    run: async (meeting) => {
      const { properties } = await passOn(meeting, { userProperties: { place: 'Gärtnerei', '': 'empty' } });
      assert.deepEqual({ ...properties?.userProperties }, { place: 'Gärtnerei', '': 'empty' });
    },
  },
  {
    clause: 'MQTT-3.3.2-18',
    name: 'User Properties keep their order, also of equal names',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe(meeting.topic('x'));
      const topic = Buffer.from(meeting.topic('x'));
      // b=1, a=2, b=3
      const pairs = Buffer.from('260001620001312600016100013226000162000133', 'hex');
      const body = Buffer.concat([
        Buffer.from([0, topic.length]),
        topic,
        Buffer.from([0, 9, pairs.length]),
        pairs,
        Buffer.from('x'),
      ]);
      device.sendBytes(Buffer.from([0x32, body.length]), body);
      await device.next('puback');
      const { bytes } = await device.nextWire('publish');
      assert.ok(bytes.includes(pairs), bytes.toString('latin1'));
    },
  },
  {
    clause: 'MQTT-3.3.2-20',
    name: 'Content Type is handed on unaltered',
    run: async (meeting) => {
      const { properties } = await passOn(meeting, { contentType: 'application/json' });
      assert.equal(properties?.contentType, 'application/json');
    },
  },
  {
    clause: 'MQTT-3.3.2-6',
    name: 'Message Expiry Interval comes less the time that the message waited',
    run: async (meeting) => {
      const device = await meeting.connect('a', lasting());
      await device.subscribe([{ topic: meeting.topic('x'), qos: 1 }]);
      await device.disconnect();
      const other = await meeting.connect('other');
      const properties = { messageExpiryInterval: 60 };
      await other.publish({ topic: meeting.topic('x'), qos: 1, properties });
      await brokerSeconds(meeting, 2);
      const back = await meeting.connect('a', lasting());
      const left = (await back.receive()).properties?.messageExpiryInterval ?? 0;
      assert.ok(left > 50 && left < 60, `${left} seconds`);
    },
  },
  {
    clause: 'MQTT-3.3.2-15',
    name: 'retained messages keep their properties',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const topic = meeting.topic('r');
      await device.publish({
        topic,
        qos: 1,
        retain: true,
        properties: { contentType: 'text/plain', responseTopic: 'a' },
      });
      await device.subscribe(topic);
      const { properties } = await device.receive();
      await device.publish({ topic, payload: '', qos: 1, retain: true });
      assert.deepEqual([properties?.contentType, properties?.responseTopic], ['text/plain', 'a']);
    },
  },
  {
    clause: 'MQTT-3.3.2-14',
    name: 'a Response Topic with wildcards ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      const publish = { cmd: 'publish', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false } as const;
      device.send({ ...publish, topic: meeting.topic('x'), properties: { responseTopic: 'a/#' } });
      await refuses(device, 0x81, 0x82, 0x90);
    },
  },
  {
    clause: 'MQTT-3.3.2-7',
    name: 'topic aliases end with their connection',
    run: async (meeting) => {
      const first = await meeting.connect('a', lasting());
      await first.publish({ topic: meeting.topic('x'), qos: 1, properties: { topicAlias: 1 } });
      await first.disconnect();
      const device = await meeting.connect('a', lasting());
      device.send(aliased(1));
      await refuses(device, 0x82, 0x94);
    },
  },
  {
    clause: 'MQTT-3.3.2-8',
    name: 'topic alias 0 ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.send({ ...aliased(0), topic: meeting.topic('x') });
      await refuses(device, 0x81, 0x82, 0x94);
    },
  },
  {
    clause: 'MQTT-3.3.2-9',
    name: 'a topic alias beyond the announced maximum ends the connection',
    run: async (meeting) => {
      const { device, connack } = await meeting.enter('a');
      const topicAlias = (connack.properties?.topicAliasMaximum ?? 0) + 1;
      device.send({ ...aliased(topicAlias), topic: meeting.topic('x') });
      await refuses(device, 0x82, 0x94);
    },
  },
  {
    clause: 'MQTT-3.3.2-12',
    name: 'a topic alias stands for its topic, until it stands for another',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe(meeting.topic('+'));
      for (const [topic, expected] of [
        ['a', 'a'],
        [undefined, 'a'],
        ['b', 'b'],
        [undefined, 'b'],
      ] as const) {
        const name = topic === undefined ? '' : meeting.topic(topic);
        await device.publish({ topic: name, qos: 1, properties: { topicAlias: 1 } });
        assert.equal((await device.receive()).topic, meeting.topic(expected));
      }
    },
  },
  {
    clause: 'MQTT-3.3.4-6',
    name: 'a Subscription Identifier in a client’s PUBLISH ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.send({ ...aliased(1), topic: meeting.topic('x'), properties: { subscriptionIdentifier: 1 } });
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: '§2.2.2.2',
    name: 'a property that does not belong to PUBLISH ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      // Receive Maximum, which is CONNECT's.
      device.sendBytes('320a00017800010321000178');
      await refuses(device, 0x81, 0x82);
    },
  },
];

function aliased(topicAlias: number) {
  const publish = { cmd: 'publish', topic: '', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false } as const;
  return { ...publish, properties: { topicAlias } };
}

/** What a subscriber gets of a message with these properties. */
async function passOn(meeting: Meeting, properties: Properties): Promise<IPublishPacket> {
  const device = await meeting.connect('a');
  await device.subscribe(meeting.topic('x'));
  await device.publish({ topic: meeting.topic('x'), qos: 1, properties });
  return device.receive();
}
