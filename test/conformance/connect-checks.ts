import assert from 'node:assert/strict';
import { type Check, lasting, refuses, textOf } from './check.ts';

/** CONNECT, CONNACK, PINGREQ, DISCONNECT and AUTH. */
export const connectChecks: readonly Check[] = [
  {
    clause: 'MQTT-3.1.0-1',
    name: 'a first packet that is not CONNECT ends the connection',
    run: async (meeting) => {
      const device = await meeting.dial();
      device.sendBytes('c000');
      await device.closed();
      assert.equal(device.packets.length, 0);
    },
  },
  {
    clause: 'MQTT-3.1.0-2',
    name: 'a second CONNECT ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes(device.connectBytes(`${meeting.tag}-a`));
      await refuses(device, 0x82);
    },
  },
  {
    clause: 'MQTT-3.1.2-2',
    name: 'an unknown protocol version is refused',
    run: async (meeting) => {
      const device = await meeting.dial();
      const connect = device.connectBytes(`${meeting.tag}-a`);
      connect[connect.indexOf('MQTT') + 4] = 6;
      device.sendBytes(connect);
      await device.closed();
      // CONNACK is not demanded; where one comes, it is of any version and a refusal.
      assert.ok(device.packets.every(({ bytes }) => bytes[0] === 0x20 && bytes[3] !== 0));
    },
  },
  {
    clause: 'MQTT-3.1.2-3',
    name: 'a reserved connect flag is refused',
    run: async (meeting) => {
      const device = await meeting.dial();
      const connect = device.connectBytes(`${meeting.tag}-a`);
      const flags = connect.indexOf('MQTT') + 5;
      connect[flags] = (connect[flags] ?? 0) | 1;
      device.sendBytes(connect);
      await device.closed();
      assert.equal(
        device.packets.filter(({ packet }) => packet.cmd === 'connack' && packet.reasonCode === 0).length,
        0,
      );
    },
  },
  {
    clause: 'MQTT-3.1.2-12',
    name: 'a will with QoS 3 is refused',
    run: async (meeting) => {
      const device = await meeting.dial();
      const connect = device.connectBytes(`${meeting.tag}-a`, { will: { topic: 'w', payload: 'x', qos: 2 } });
      const flags = connect.indexOf('MQTT') + 5;
      connect[flags] = (connect[flags] ?? 0) | 0x18;
      device.sendBytes(connect);
      await device.closed();
      assert.equal(
        device.packets.filter(({ packet }) => packet.cmd === 'connack' && packet.reasonCode === 0).length,
        0,
      );
    },
  },
  {
    clause: 'MQTT-3.1.2-22',
    name: 'silence of one and a half times the keep alive ends the connection',
    run: async (meeting) => {
      const { device, connack } = await meeting.enter('a', { keepalive: 1 });
      assert.equal(connack.properties?.serverKeepAlive ?? 1, 1);
      const startMs = performance.now();
      await refuses(device, 0x8d);
      const waitedMs = performance.now() - startMs;
      // Mosquitto looks at its keep alives every five seconds.
      assert.ok(waitedMs > 1_000 && waitedMs < 7_500, `after ${waitedMs} ms`);
    },
  },
  {
    clause: 'MQTT-3.1.2-20',
    name: 'PINGREQ within the keep alive holds the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a', { keepalive: 1 });
      const startMs = performance.now();
      const pings = setInterval(() => device.send({ cmd: 'pingreq' }), 400);
      await device.until('PINGRESPs', () => device.count('pingresp') >= 6).finally(() => clearInterval(pings));
      assert.ok(performance.now() - startMs > 2_000);
      await device.publish({ topic: meeting.topic('x'), qos: 1 });
    },
  },
  {
    clause: 'MQTT-3.1.2-27',
    name: 'no topic alias comes to a client that offers none',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      await device.subscribe(meeting.topic('x'));
      for (const _ of [1, 2, 3]) {
        await device.publish({ topic: meeting.topic('x'), qos: 1 });
        const { topic, properties } = await device.receive();
        assert.deepEqual([topic, properties?.topicAlias], [meeting.topic('x'), undefined]);
      }
    },
  },
  {
    clause: 'MQTT-3.1.2-26',
    name: 'topic aliases to the client stay within its maximum',
    run: async (meeting) => {
      const device = await meeting.connect('a', { properties: { topicAliasMaximum: 2 } });
      await device.subscribe(meeting.topic('+'));
      const aliases = new Map<number, string>();
      for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) {
        await device.publish({ topic: meeting.topic(name), qos: 1 });
        const { topic, properties } = await device.receive();
        const alias = properties?.topicAlias;
        if (alias !== undefined) assert.ok(alias >= 1 && alias <= 2);
        if (alias !== undefined && topic !== '') aliases.set(alias, topic);
        assert.equal(topic === '' ? aliases.get(alias ?? 0) : topic, meeting.topic(name));
      }
    },
  },
  {
    clause: 'MQTT-3.1.2-28',
    name: 'no Response Information where none was asked for',
    run: async (meeting) => {
      const { connack } = await meeting.enter('a', { properties: { requestResponseInformation: false } });
      assert.equal(connack.properties?.responseInformation, undefined);
    },
  },
  {
    clause: 'MQTT-3.1.2-29',
    name: 'no Reason String or User Property on acknowledgements where problem information is not wanted',
    run: async (meeting) => {
      const device = await meeting.connect('a', { properties: { requestProblemInformation: false } });
      await device.subscribe(meeting.topic('x'));
      await device.unsubscribe(meeting.topic('never'));
      await device.publish({ topic: meeting.topic('y'), qos: 1 });
      await device.publish({ topic: meeting.topic('y'), qos: 2 });
      for (const { packet } of device.packets) {
        const properties = 'properties' in packet && packet.cmd !== 'connack' ? (packet.properties ?? {}) : {};
        assert.deepEqual(Object.keys(properties), [], packet.cmd);
      }
    },
  },
  {
    clause: 'MQTT-3.1.3-5',
    name: 'client IDs of 1 to 23 letters and digits are let in',
    run: async (meeting) => {
      for (const clientId of [meeting.tag.slice(1, 2), `${meeting.tag}ABCDEFGHIJKLMNOPQRSTUVWXYZ`.slice(0, 23)]) {
        const device = await meeting.dial();
        assert.equal((await device.connect(clientId)).reasonCode, 0);
      }
    },
  },
  {
    clause: 'MQTT-3.1.3-7',
    name: 'an empty client ID is assigned one, unlike every other, which can be come back to',
    run: async (meeting) => {
      const devices = [await meeting.dial(), await meeting.dial()];
      const ids: string[] = [];
      for (const device of devices) {
        // mqtt-packet encodes an empty client ID with Clean Start 1 alone.
        const { reasonCode, properties } = await device.connect('', { ...lasting(), clean: true });
        assert.equal(reasonCode, 0);
        ids.push(properties?.assignedClientIdentifier ?? '');
      }
      assert.ok(ids.every((id) => id !== '') && ids[0] !== ids[1], ids.join());
      await devices[0]?.disconnect();
      const back = await meeting.dial();
      assert.equal((await back.connect(ids[0] ?? '', lasting())).sessionPresent, true);
    },
  },
  {
    clause: 'MQTT-3.1.4-3',
    name: 'a take-over ends the older connection, with 0x8E',
    run: async (meeting) => {
      const older = await meeting.connect('a');
      await meeting.connect('a');
      assert.equal((await older.next('disconnect')).reasonCode, 0x8e);
      await older.closed();
    },
  },
  {
    clause: 'MQTT-3.2.0-1',
    name: 'CONNACK comes first though packets were sent behind CONNECT, and they are all acted on',
    run: async (meeting) => {
      const device = await meeting.dial();
      const topic = meeting.topic('x');
      device.sendBytes(device.connectBytes(`${meeting.tag}-a`));
      device.send(
        { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1, nl: false, rap: false, rh: 0 }] },
        { cmd: 'publish', topic, payload: 'pipelined', qos: 1, messageId: 2, dup: false, retain: false },
        { cmd: 'pingreq' },
      );
      assert.equal(textOf(await device.receive()), 'pipelined');
      await Promise.all([device.next('suback'), device.next('puback'), device.next('pingresp')]);
      assert.equal(device.packets[0]?.packet.cmd, 'connack');
      assert.equal(device.count('connack'), 1);
    },
  },
  {
    clause: 'MQTT-3.2.2-17',
    name: 'every alias up to the announced maximum is taken',
    run: async (meeting) => {
      const { device, connack } = await meeting.enter('a');
      await device.subscribe(meeting.topic('+'));
      const maximum = connack.properties?.topicAliasMaximum ?? 0;
      for (const topicAlias of maximum === 0 ? [] : [1, maximum]) {
        const topic = meeting.topic(`${topicAlias}`);
        await device.publish({ topic, qos: 1, properties: { topicAlias } });
        await device.publish({ topic: '', qos: 1, properties: { topicAlias } });
        for (const _ of [1, 2]) assert.equal((await device.receive()).topic, topic);
      }
    },
  },
  {
    clause: 'MQTT-3.12.4-1',
    name: 'PINGREQ is answered',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('c000c000');
      await device.until('two PINGRESPs', () => device.count('pingresp') === 2);
    },
  },
  {
    clause: 'MQTT-4.12.0-1',
    name: 'an authentication method that is not known is refused with 0x8C',
    run: async (meeting) => {
      const device = await meeting.dial();
      const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=u') };
      const connack = await device.connect(`${meeting.tag}-a`, { properties });
      assert.equal(connack.reasonCode, 0x8c);
      assert.equal(connack.sessionPresent, false);
      await device.closed();
    },
  },
  {
    clause: 'MQTT-3.15.1-1',
    name: 'an AUTH that nobody asked for ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('f000');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-3.14.1-1',
    name: 'DISCONNECT with reserved flags ends the connection as malformed',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('e100');
      await refuses(device, 0x81, 0x82);
    },
  },
  {
    clause: 'MQTT-2.1.3-1',
    name: 'PINGREQ with reserved flags ends the connection',
    run: async (meeting) => {
      const device = await meeting.connect('a');
      device.sendBytes('c100');
      await refuses(device, 0x81, 0x82);
    },
  },
];
