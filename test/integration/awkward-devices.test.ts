import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { connectBytes, TestDevice } from '../gateway/test-device.ts';
import { openWorld, plainPacket, type Visit, type World } from './doors.ts';

suite('Devices that do what the standard lets them', { timeout: 150_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld({ mosquitto: { configuration: ['max_keepalive 300'] } });
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of [4, 5] as const) {
    test(`MQTT ${version}: everything in one write, before CONNACK`, async () => {
      const packets = await world.sameAtEveryDoor(async (visit) => {
        const device = await visit.dial(version);
        device.socket.write(Buffer.concat(wholeLife(visit, version)));
        await device.inbox.closed();
        return pongsLast(device.inbox.packets.map(plainPacket));
      });
      assert.deepEqual(packets.map(commandOf).sort(), lifeAnswers);
    });

    test(`MQTT ${version}: one byte at a time`, async () => {
      const packets = await world.sameAtEveryDoor(async (visit) => {
        const device = await visit.dial(version);
        device.socket.setNoDelay(true);
        for (const byte of Buffer.concat(wholeLife(visit, version))) {
          await new Promise((resolve) => device.socket.write(Buffer.from([byte]), resolve));
        }
        await device.inbox.closed();
        return pongsLast(device.inbox.packets.map(plainPacket));
      });
      assert.deepEqual(packets.map(commandOf).sort(), lifeAnswers);
    });

    test(`MQTT ${version}: a FIN or a reset without DISCONNECT is a loss`, async () => {
      for (const leave of ['fin', 'reset'] as const) {
        await world.sameAtEveryDoor(async (visit) => {
          const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-C', '1', '-F', '%t %p']);
          const device = await connected(visit, version, { will: willOf(visit) });
          if (leave === 'fin') device.socket.end();
          else if (visit.door.tls === undefined) device.socket.resetAndDestroy();
          // A TLS socket has no reset of its own.
          else device.socket.destroy();
          const { code } = await watcher.exited;
          return { code, lines: watcher.lines };
        });
      }
    });

    test(`MQTT ${version}: a take-over from a device whose old connection hangs`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-F', '%t %p']);
        const will = ['--will-topic', 'TAG/will', '--will-payload', 'gone', '-V', version === 4 ? '311' : '5'];
        const hanging = await visit.subscribe('dev', ['-t', 'TAG/in', ...will]);
        hanging.kill('SIGSTOP');
        const device = await connected(visit, version);
        device.send({ ...publication, topic: `${visit.tag}/end`, qos: 1, messageId: 1 });
        await watcher.line('/end ');
        return watcher.lines;
      });
      assert.deepEqual(seen, ['TAG/will gone', 'TAG/end x']);
    });

    test(`MQTT ${version}: a take-over that passes the gateway by is one more lost connection, and repaired`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-F', '%t %p']);
        const older = await connected(visit, version, { will: willOf(visit) });
        const newer = await TestDevice.dial(visit.broker.port, version);
        newer.connect(`${visit.tag}-dev`);
        await newer.inbox.packet('connack');
        // A broker before MQTT 5, and this Mosquitto, do not say why they close.
        const [stays, goes] = visit.door.name === 'broker' ? [newer, older] : [older, newer];
        await goes.inbox.closed();
        stays.send({ ...publication, topic: `${visit.tag}/end`, qos: 1, messageId: 1 });
        await watcher.line('/end ');
        stays.socket.destroy();
        return watcher.lines.slice(0, 2);
      });
      assert.deepEqual(seen, ['TAG/will gone', 'TAG/end x']);
    });
  }

  test('a burst of QoS 0 that ends with DISCONNECT arrives whole', async () => {
    const received = await world.sameAtEveryDoor(async (visit) => {
      const subscriber = await visit.subscribe('sub', ['-t', 'TAG/#', '-C', '501', '-F', '%p']);
      const options = ['-q', '0', '-t', 'TAG/b', '-m', 'x', '--repeat', '500', '--repeat-delay', '0'];
      const { code } = await visit.run('mosquitto_pub', ['-i', 'TAG-p', ...options]);
      await visit.logged('Client TAG-p disconnected');
      await visit.run('mosquitto_pub', ['-t', 'TAG/end', '-m', 'end']);
      await subscriber.exited;
      return { code, count: subscriber.lines.length, last: subscriber.lines.at(-1) };
    });
    assert.deepEqual(received, { code: 0, count: 501, last: 'end' });
  });

  test('a slow reader of large messages loses nothing', async () => {
    const payload = randomBytes(1_000_000).toString('base64');
    const whole = await world.sameAtEveryDoor(async (visit) => {
      const reader = await connected(visit, 4);
      reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${visit.tag}/#`, qos: 1 }] });
      await reader.inbox.packet('suback');
      reader.socket.pause();
      const publisher = await visit.dial(4);
      publisher.connect(`${visit.tag}-pub`);
      for (let messageId = 1; messageId <= 5; messageId++) {
        publisher.send({ ...publication, topic: `${visit.tag}/l`, qos: 1, messageId, payload });
      }
      await publisher.inbox.until(() => publisher.inbox.commands().filter((cmd) => cmd === 'puback').length === 5);
      reader.socket.resume();
      await reader.inbox.until(() => reader.inbox.commands().filter((cmd) => cmd === 'publish').length === 5);
      const isWhole = (packet: Packet) => packet.cmd === 'publish' && packet.payload.toString() === payload;
      return reader.inbox.packets.filter(isWhole).length;
    });
    assert.equal(whole, 5);
  });

  test('MQTT 5: the broker’s word on packet size and authentication stands', async () => {
    const answers = await world.sameAtEveryDoor(async (visit) => {
      const seen: unknown[] = [];
      for (const fields of [
        { properties: { maximumPacketSize: 64, requestResponseInformation: true, requestProblemInformation: false } },
        { properties: { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=user') } },
        { will: { ...willOf(visit), retain: true, qos: 2 as const } },
      ]) {
        const device = await connected(visit, 5, fields);
        seen.push(plainPacket(device.inbox.packets[0] ?? { cmd: 'pingreq' }));
        device.send({ cmd: 'disconnect' });
        await device.inbox.closed();
      }
      return seen;
    });
    assert.match(JSON.stringify(answers[1]), /"reasonCode":140/);
  });

  test('MQTT 5: a keep alive beyond the broker’s is kept by the gateway', async () => {
    for (const keepalive of [0, 600]) {
      await world.sameAtEveryDoor(async (visit) => {
        const device = await connected(visit, 5, { keepalive });
        const { properties } = device.inbox.find('connack') ?? {};
        const told = Reflect.get(Object(properties), 'serverKeepAlive');
        assert.equal(told, visit.door.name === 'broker' ? 300 : undefined, visit.door.name);
        return device.inbox.commands();
      });
    }
  });

  test('MQTT 5: a message beyond the device’s packet size is kept from it, and the rest comes', async () => {
    const received = await world.sameAtEveryDoor(async (visit) => {
      const device = await connected(visit, 5, { properties: { maximumPacketSize: 100 } });
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${visit.tag}/#`, qos: 0 }] });
      await device.inbox.packet('suback');
      await visit.run('mosquitto_pub', ['-t', 'TAG/big', '-m', 'x'.repeat(200)]);
      await visit.run('mosquitto_pub', ['-t', 'TAG/small', '-m', 'x']);
      await device.inbox.packet('publish');
      return device.inbox.packets.map(plainPacket);
    });
    assert.deepEqual(received.map(commandOf), ['connack', 'suback', 'publish']);
  });

  test('MQTT 5: a session’s expiry that is changed at DISCONNECT', async () => {
    const presents = await world.sameAtEveryDoor(async (visit) => {
      const seen: unknown[] = [];
      for (const atDisconnect of [60, 0, undefined]) {
        const device = await connected(visit, 5, { clean: false, properties: { sessionExpiryInterval: 30 } });
        seen.push(device.inbox.find('connack')?.['sessionPresent']);
        const properties = atDisconnect === undefined ? {} : { properties: { sessionExpiryInterval: atDisconnect } };
        device.send({ cmd: 'disconnect', reasonCode: 0, ...properties });
        await device.inbox.closed();
      }
      return seen;
    });
    assert.deepEqual(presents, [false, true, false]);
  });
});

const publication = { cmd: 'publish', payload: 'x', dup: false, retain: false } as const;
const lifeAnswers = ['connack', 'pingresp', 'puback', 'publish', 'suback'];

/** From CONNECT to DISCONNECT; the device's own message comes back to it. */
function wholeLife(visit: Visit, version: 4 | 5): Buffer[] {
  const packets: Packet[] = [
    { cmd: 'subscribe', messageId: 10, subscriptions: [{ topic: `${visit.tag}/own`, qos: 0 }] },
    { ...publication, topic: `${visit.tag}/own`, qos: 1, messageId: 11 },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  ];
  const connect = connectBytes(`${visit.tag}-dev`, { protocolVersion: version });
  return [connect, ...packets.map((packet) => mqtt.generate(packet, { protocolVersion: version }))];
}

/** The gateway answers a ping at once; nothing says in which order with the broker's answers. */
function pongsLast(packets: readonly unknown[]): unknown[] {
  const isPong = (packet: unknown) => commandOf(packet) === 'pingresp';
  return [...packets.filter((packet) => !isPong(packet)), ...packets.filter(isPong)];
}

function commandOf(packet: unknown): unknown {
  return typeof packet === 'object' && packet !== null && 'cmd' in packet ? packet.cmd : undefined;
}

async function connected(visit: Visit, version: 4 | 5, options: Partial<IConnectPacket> = {}): Promise<TestDevice> {
  const device = await visit.dial(version);
  device.connect(`${visit.tag}-dev`, options);
  await device.inbox.packet('connack');
  return device;
}

function willOf(visit: Visit) {
  return { topic: `${visit.tag}/will`, payload: Buffer.from('gone'), qos: 1 as const, retain: false };
}
