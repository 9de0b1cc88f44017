import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { openWorld, type Visit, type World } from './doors.ts';
import { MqttJsClient, type MqttJsVersion, mqttJsVersions } from './mqttjs-client.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

suite('MQTT.js receives through the gateway what it receives without it', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of mqttJsVersions) {
    for (const qos of [0, 1, 2] as const) {
      test(`MQTT ${version} QoS ${qos}: both ways, packet for packet`, async () => {
        const { messages } = await world.sameAtEveryDoor((visit) => converse(visit, version, qos));
        assert.deepEqual(messages, ['one', '', 'Grüße', 'x'.repeat(300)]);
      });
    }

    test(`MQTT ${version}: delivered at the lower of both QoS`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => lowerQos(visit, version));
      assert.deepEqual(seen, [
        '0/0 q0',
        '0/1 q0',
        '0/2 q0',
        '1/0 q0',
        '1/1 q1',
        '1/2 q1',
        '2/0 q0',
        '2/1 q1',
        '2/2 q2',
      ]);
    });

    test(`MQTT ${version}: retained is kept, replaced, cleared`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => retain(visit, version));
      assert.deepEqual(seen.kept, ['TAG/a second r1', 'TAG/b other r1', 'TAG/end end r0']);
      assert.deepEqual(seen.cleared, ['TAG/b other r1', 'TAG/end end r0']);
    });

    test(`MQTT ${version}: 100 kB of QoS 2 arrive byte for byte, both ways at once`, async () => {
      const payloads = [randomBytes(100_000), randomBytes(100_000)];
      const digests = await world.sameAtEveryDoor((visit) => exchangeLarge(visit, version, payloads));
      assert.deepEqual(digests, payloads.map(digestOf).sort());
    });

    test(`MQTT ${version}: sixty filters in one SUBSCRIBE, and in one UNSUBSCRIBE`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => manyFilters(visit, version));
      assert.equal(seen.granted.length, 60);
      assert.deepEqual(seen.received, ['TAG/f/1', 'TAG/f/33', 'TAG/f/60', 'TAG/left']);
    });

    test(`MQTT ${version}: what is unsubscribed no longer comes`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => unsubscribe(visit, version));
      assert.deepEqual(seen.messages, ['TAG/stay 1', 'TAG/go 2', 'TAG/stay 4']);
    });

    test(`MQTT ${version}: two hundred at once with identifiers of its own choice, in order`, async () => {
      const { count, isInOrder } = await world.sameAtEveryDoor((visit) => burst(visit, version));
      assert.deepEqual({ count, isInOrder }, { count: 200, isInOrder: true });
    });
  }

  test('its keep alive holds the connection open, with every version', async () => {
    const seen = await world.sameAtEveryDoor((visit) =>
      Promise.all(mqttJsVersions.map((version) => stayAlive(visit, version))),
    );
    assert.deepEqual(
      seen,
      [3, 4, 5].map((version) => ({ version, closes: 0, acknowledged: 1 })),
    );
  });
});

async function converse(visit: Visit, version: MqttJsVersion, qos: 0 | 1 | 2) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  await subscriber.client.subscribeAsync(`${visit.tag}/+/x`, { qos });
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  for (const payload of ['one', '', 'Grüße', 'x'.repeat(300)]) {
    await publisher.client.publishAsync(`${visit.tag}/a/x`, payload, { qos });
  }
  await subscriber.received(4);
  // The exchange of the last message ends with the broker's PUBREL.
  await subscriber.until('PUBRELs', () => subscriber.count('pubrel') === (qos === 2 ? 4 : 0));
  const messages = subscriber.messages.map(({ payload }) => payload);
  // Whether a PUBREL comes before the next PUBLISH is chance.
  const ofKind = (isPubrel: boolean) => subscriber.packets.filter((packet) => isPubrel === isPubrelPacket(packet));
  return { messages, subscriber: [ofKind(false), ofKind(true)], publisher: publisher.packets };
}

async function stayAlive(visit: Visit, version: MqttJsVersion) {
  const device = await MqttJsClient.open(visit, version, { name: `k${version}`, keepalive: 1 });
  await device.until('two PINGRESPs', () => device.count('pingresp') >= 2);
  await device.client.publishAsync(`${visit.tag}/alive`, 'x', { qos: 1 });
  return { version, closes: device.closes, acknowledged: device.count('puback') };
}

async function lowerQos(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  for (const granted of [0, 1, 2] as const) {
    await subscriber.client.subscribeAsync(`${visit.tag}/${granted}/+`, { qos: granted });
    for (const qos of [0, 1, 2] as const) {
      await publisher.client.publishAsync(`${visit.tag}/${granted}/${qos}`, 'x', { qos });
    }
  }
  await subscriber.received(9);
  return subscriber.messages.map(({ topic, qos }) => `${topic.slice(visit.tag.length + 1)} q${qos}`).sort();
}

async function retain(visit: Visit, version: MqttJsVersion) {
  const { client } = await MqttJsClient.open(visit, version, { name: 'p' });
  const publish = (topic: string, payload: string, isRetained = true) =>
    client.publishAsync(`${visit.tag}/${topic}`, payload, { qos: 1, retain: isRetained });
  const look = async (name: string, count: number) => {
    const subscriber = await MqttJsClient.open(visit, version, { name });
    await subscriber.client.subscribeAsync(`${visit.tag}/#`, { qos: 1 });
    await publish('end', 'end', false);
    const messages = await subscriber.received(count);
    return messages
      .map(({ topic, payload, retain: isRetained }) => `${topic} ${payload} r${isRetained ? 1 : 0}`)
      .sort();
  };
  await publish('a', 'first');
  await publish('b', 'other');
  await publish('a', 'second');
  const kept = await look('s1', 3);
  await publish('a', '');
  const cleared = await look('s2', 2);
  await publish('b', '');
  return { kept, cleared };
}

async function exchangeLarge(visit: Visit, version: MqttJsVersion, payloads: readonly Buffer[]) {
  const digests: string[] = [];
  const sides = await Promise.all(payloads.map((_, side) => MqttJsClient.open(visit, version, { name: `${side}` })));
  for (const [side, { client }] of sides.entries()) {
    client.on('message', (_topic: string, payload: Buffer) => digests.push(digestOf(payload)));
    await client.subscribeAsync(`${visit.tag}/to/${side}`, { qos: 2 });
  }
  await Promise.all(
    sides.map((sender, side) => sender.publishAll(`${visit.tag}/to/${1 - side}`, [payloads[side] ?? ''], 2)),
  );
  await Promise.all(sides.map((side) => side.received(1)));
  return digests.sort();
}

async function manyFilters(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  const filters = numbers(60).map((number) => `${visit.tag}/f/${number}`);
  // QoS 0, 1 and 2 in turn, so that the order of the granted codes tells.
  const granted = await subscriber.client.subscribeAsync(
    Object.fromEntries(filters.map((filter, index) => [filter, { qos: (index % 3) as 0 | 1 | 2 }])),
  );
  await subscriber.client.subscribeAsync(`${visit.tag}/left`, { qos: 1 });
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  for (const number of [60, 1, 33]) await publisher.client.publishAsync(`${visit.tag}/f/${number}`, 'x', { qos: 2 });
  await subscriber.received(3);
  await subscriber.client.unsubscribeAsync(filters);
  for (const filter of filters) await publisher.client.publishAsync(filter, 'late', { qos: 0 });
  await publisher.client.publishAsync(`${visit.tag}/left`, 'x', { qos: 1 });
  await subscriber.received(4);
  const acknowledgements = subscriber.packets.filter((packet) => /^(un)?suback$/.test((packet as { cmd: string }).cmd));
  return {
    granted: granted.map(({ qos }) => qos),
    acknowledgements,
    received: subscriber.messages.map(({ topic }) => topic).sort(),
  };
}

async function unsubscribe(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  const publish = (topic: string, payload: string) =>
    publisher.client.publishAsync(`${visit.tag}/${topic}`, payload, { qos: 2 });
  await subscriber.client.subscribeAsync([`${visit.tag}/stay`, `${visit.tag}/go`], { qos: 2 });
  await publish('stay', '1');
  await publish('go', '2');
  await subscriber.received(2);
  await subscriber.client.unsubscribeAsync([`${visit.tag}/go`, `${visit.tag}/never`]);
  await publish('go', '3');
  await publish('stay', '4');
  await subscriber.received(3);
  const [unsuback] = subscriber.packets.filter((packet) => (packet as { cmd: string }).cmd === 'unsuback');
  return { messages: subscriber.messages.map(({ topic, payload }) => `${topic} ${payload}`), unsuback };
}

async function burst(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  await subscriber.client.subscribeAsync(`${visit.tag}/n`, { qos: 1 });
  await publisher.publishAll(`${visit.tag}/n`, numbers(200).map(String), 1);
  const messages = await subscriber.received(200);
  const acknowledged = publisher.packets.filter((packet) => (packet as { cmd: string }).cmd === 'puback');
  return {
    count: messages.length,
    isInOrder: messages.every(({ payload }, index) => payload === `${index + 1}`),
    acknowledged: acknowledged.length,
  };
}

function isPubrelPacket(packet: unknown): boolean {
  return (packet as { cmd: string }).cmd === 'pubrel';
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
