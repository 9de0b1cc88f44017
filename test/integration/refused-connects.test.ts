import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { connect } from 'node:tls';
import { TestDevice } from '../gateway/test-device.ts';
import { openWorld, plainPacket, type World } from './doors.ts';
import { runClient } from './mosquitto-clients.ts';
import { fleetDomain, pkiText } from './test-pki.ts';

const versions = ['mqttv31', 'mqttv311', 'mqttv5'];
const loginTopic = ['-t', 'TAG/x', '-m', 'hello', '-q', '1', '-i', 'TAG-p', '-d'];

suite('The broker decides who comes in, and the device hears it in the broker’s words', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld({ mosquitto: { passwords: { meter: 'correct horse', 'söner|+#': 'päss wörd' } } });
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of versions) {
    for (const [what, login, code] of [
      ['the right password', ['-u', 'meter', '-P', 'correct horse'], 0],
      ['another user with an odd name', ['-u', 'söner|+#', '-P', 'päss wörd'], 0],
      ['a wrong password', ['-u', 'meter', '-P', 'wrong'], version === 'mqttv5' ? 135 : 5],
      ['an unknown user', ['-u', 'nobody', '-P', 'correct horse'], version === 'mqttv5' ? 135 : 5],
      ['no name at all', [], version === 'mqttv5' ? 135 : 5],
    ] as const) {
      test(`${version}: ${what}`, async () => {
        const { code: seen } = await world.sameAtEveryDoor((visit) =>
          visit.run('mosquitto_pub', ['-V', version, ...login, ...loginTopic]),
        );
        assert.equal(seen, code);
      });
    }
  }

  test('a password that is no text', async () => {
    const refused = await world.sameAtEveryDoor(async (visit) => {
      const device = await visit.dial(4);
      device.connect(`${visit.tag}-b`, { username: 'meter', password: Buffer.from([0, 0xff, 0xfe]) });
      await device.inbox.closed();
      return device.inbox.packets.map(plainPacket);
    });
    assert.equal(refused.length, 1);
  });
});

suite('What a device leaves out or offers more is no reason to refuse it', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const [what, level, flags, properties] of [
    ['3.1.1, clean', 4, 0x02, ''],
    ['3.1.1, not clean', 4, 0x00, ''],
    ['3.1', 3, 0x02, ''],
    ['5', 5, 0x02, '00'],
    ['5 with a session that lasts', 5, 0x02, '05110000001e'],
  ] as const) {
    test(`an empty client ID: MQTT ${what}`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const device = await visit.dial(level === 5 ? 5 : 4);
        device.socket.write(namelessConnect(level, flags, properties));
        await device.inbox.until(() => device.inbox.packets.length > 0 || device.inbox.isClosed);
        const answers = JSON.stringify(device.inbox.packets.map(plainPacket));
        return answers.replace(/auto-[0-9A-F-]{36}/, 'an assigned one');
      });
      assert.match(seen, level === 5 ? /an assigned one/ : /"returnCode":[02]|^\[\]$/);
    });
  }

  for (const [offer, chosen] of [
    [undefined, false],
    [['mqtt'], 'mqtt'],
    [['x-amzn-mqtt-ca'], 'x-amzn-mqtt-ca'],
    [['h2', 'mqtt'], 'mqtt'],
    [['something-else'], 'something-else'],
  ] as const) {
    for (const servername of [undefined, fleetDomain, 'unknown.example.org']) {
      test(`ALPN ${offer ?? 'none'}, SNI ${servername ?? 'none'}`, async () => {
        const socket = connect({
          port: world.gateway.tlsPort,
          host: '127.0.0.1',
          ca: pkiText('server-ca.pem'),
          cert: pkiText('device-000001.pem'),
          key: pkiText('device-000001.key'),
          checkServerIdentity: () => undefined,
          ...(offer === undefined ? {} : { ALPNProtocols: [...offer] }),
          ...(servername === undefined ? {} : { servername }),
        });
        const device = new TestDevice(socket);
        await once(socket, 'secureConnect');
        assert.equal(socket.alpnProtocol, chosen);
        device.connect('alpn-device');
        assert.equal((await device.inbox.packet('connack'))['returnCode'], 0);
        device.send({ cmd: 'disconnect' });
        await device.inbox.closed();
      });
    }
  }

  for (const [what, more] of [
    ['a known ALPN', ['--tls-alpn', 'mqtt']],
    ['an unknown ALPN', ['--tls-alpn', 'nobody-knows']],
    ['no ALPN', []],
  ] as const) {
    test(`mosquitto_pub with ${what}`, async () => {
      const door = world.doors.find(({ name }) => name === 'tls');
      assert.ok(door);
      const outcome = await runClient('mosquitto_pub', [...door.commandLine, ...more, '-t', 'a', '-m', 'b', '-q', '1']);
      assert.deepEqual(outcome, { code: 0, lines: [] });
    });
  }
});

/** The encoder at hand refuses most of these. */
function namelessConnect(level: number, flags: number, properties: string): Buffer {
  const name = Buffer.from(level === 3 ? 'MQIsdp' : 'MQTT');
  const rest = [Buffer.from([level, flags, 0, 60]), Buffer.from(properties, 'hex'), Buffer.from([0, 0])];
  const body = Buffer.concat([Buffer.from([0, name.length]), name, ...rest]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
