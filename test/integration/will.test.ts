import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import { openWorld, plainPacket, type Visit, type World } from './doors.ts';

const everything = '%t q%q r%r %p';

suite('A will fires exactly when the broker would fire it', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
    for (const qos of ['0', '1', '2']) {
      test(`${version} QoS ${qos}: when the device’s process is killed, retained for those who come later`, async () => {
        const seen = await world.sameAtEveryDoor(async (visit) => {
          const watcher = await visit.subscribe('w', ['-q', '2', '-t', 'TAG/will', '-C', '1', '-F', everything]);
          const will = ['--will-topic', 'TAG/will', '--will-payload', 'gone', '--will-qos', qos, '--will-retain'];
          const device = await visit.subscribe('dev', ['-V', version, '-t', 'TAG/in', ...will]);
          device.kill('SIGKILL');
          await watcher.exited;
          const later = ['-i', 'TAG-l', '-q', '2', '-t', 'TAG/will', '-C', '1', '-F', everything];
          const { lines } = await visit.run('mosquitto_sub', later);
          await visit.run('mosquitto_pub', ['-t', 'TAG/will', '-r', '-n']);
          return { live: watcher.lines, later: lines };
        });
        assert.deepEqual(seen, { live: [`TAG/will q${qos} r0 gone`], later: [`TAG/will q${qos} r1 gone`] });
      });
    }

    test(`${version}: not at DISCONNECT`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-C', '2', '-F', everything]);
        const will = ['--will-topic', 'TAG/will', '--will-payload', 'gone'];
        await visit.run('mosquitto_pub', ['-V', version, '-i', 'TAG-dev', '-t', 'TAG/x', '-m', 'last', ...will]);
        await visit.logged('Client TAG-dev disconnected');
        await visit.run('mosquitto_pub', ['-t', 'TAG/end', '-m', 'end']);
        await watcher.exited;
        return watcher.lines;
      });
      assert.deepEqual(seen, ['TAG/x q0 r0 last', 'TAG/end q0 r0 end']);
    });
  }

  test('at DISCONNECT with will, and after its delay', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-C', '2', '-F', everything]);
      const properties = { willDelayInterval: 1 };
      const asked = await visit.dial(5);
      asked.connect(`${visit.tag}-1`, { will: { ...willOf(visit), payload: Buffer.from('at once') } });
      await asked.inbox.packet('connack');
      const late = await visit.dial(5);
      const session = { properties: { sessionExpiryInterval: 30 } };
      late.connect(`${visit.tag}-2`, { ...session, will: { ...willOf(visit), properties } });
      await late.inbox.packet('connack');
      late.socket.destroy();
      asked.send({ cmd: 'disconnect', reasonCode: 4 });
      await watcher.exited;
      return watcher.lines;
    });
    assert.deepEqual(seen, ['TAG/will q1 r0 at once', 'TAG/will q1 r0 gone']);
  });

  test('when the keep alive runs out on a silent socket, which the broker cuts', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-C', '1', '-F', everything]);
      const device = await visit.dial(4);
      device.connect(`${visit.tag}-dev`, { keepalive: 1, will: willOf(visit) });
      await device.inbox.closed();
      await watcher.exited;
      return { watched: watcher.lines, device: device.inbox.commands(), sawEnd: device.inbox.sawEnd };
    });
    assert.deepEqual(seen, { watched: ['TAG/will q1 r0 gone'], device: ['connack'], sawEnd: true });
  });

  for (const version of [4, 5] as const) {
    for (const [older, newer] of [
      ['clean', 'clean'],
      ['clean', 'lasting'],
      ['lasting', 'clean'],
      ['lasting', 'lasting'],
    ] as const) {
      test(`MQTT ${version}: when a ${newer} CONNECT takes over a ${older} session`, async () => {
        const { newerPackets } = await world.sameAtEveryDoor((visit) => takeOver(visit, version, { older, newer }));
        assert.equal(newerPackets.length, 2);
      });
    }
  }
});

type Session = 'clean' | 'lasting';

/** A device comes back on a second connection; a third party watches its will. */
async function takeOver(visit: Visit, version: 4 | 5, { older, newer }: { older: Session; newer: Session }) {
  const watcher = await visit.subscribe('w', ['-q', '1', '-t', 'TAG/#', '-F', everything]);
  const first = await visit.dial(version);
  first.connect(`${visit.tag}-dev`, { ...sessionOf(version, older), will: willOf(visit) });
  await first.inbox.packet('connack');
  const second = await visit.dial(version);
  second.connect(`${visit.tag}-dev`, sessionOf(version, newer));
  await Promise.all([first.inbox.closed(), second.inbox.packet('connack')]);
  second.send({
    cmd: 'publish',
    topic: `${visit.tag}/end`,
    payload: 'end',
    qos: 1,
    messageId: 9,
    dup: false,
    retain: false,
  });
  await second.inbox.packet('puback');
  await watcher.line('/end ');
  second.send({ cmd: 'disconnect' });
  await second.inbox.closed();
  return {
    watched: [...watcher.lines],
    // MQTT 5 wants a DISCONNECT 0x8E here [MQTT-3.1.4-3], which Mosquitto 2.0.11 leaves out and the gateway does not.
    olderPackets: first.inbox.packets.map(plainPacket).filter((packet) => !isTakenOver(packet)),
    olderSawEnd: first.inbox.sawEnd,
    newerPackets: second.inbox.packets.map(plainPacket),
  };
}

function isTakenOver(packet: unknown): boolean {
  return typeof packet === 'object' && packet !== null && 'reasonCode' in packet && packet.reasonCode === 0x8e;
}

function sessionOf(version: 4 | 5, session: Session): Partial<IConnectPacket> {
  if (session === 'clean') return { clean: true };
  return version === 4 ? { clean: false } : { clean: false, properties: { sessionExpiryInterval: 30 } };
}

function willOf(visit: Visit) {
  return { topic: `${visit.tag}/will`, payload: Buffer.from('gone'), qos: 1 as const, retain: false };
}
