import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IPublishPacket } from 'mqtt-packet';
import { openWorld, type Visit, type World } from './doors.ts';
import { MqttJsClient, mqttJsVersions } from './mqttjs-client.ts';

suite('What MQTT 5 added works for MQTT.js through the gateway as it does without it', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  test('No Local keeps own messages away, and nobody else’s', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const [device, other] = await two(visit);
      await device.client.subscribeAsync(`${visit.tag}/nl`, { qos: 1, nl: true });
      await device.client.subscribeAsync(`${visit.tag}/all`, { qos: 1, nl: false });
      for (const [sender, payload] of [
        [device, 'own'],
        [other, 'other'],
      ] as const) {
        await sender.client.publishAsync(`${visit.tag}/nl`, payload, { qos: 1 });
        await sender.client.publishAsync(`${visit.tag}/all`, payload, { qos: 1 });
      }
      const messages = await device.received(3);
      return messages.map(({ topic, payload }) => `${topic} ${payload}`);
    });
    assert.deepEqual(seen, ['TAG/all own', 'TAG/nl other', 'TAG/all other']);
  });

  test('Retain As Published keeps the flag, and its absence clears it', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const [device, other] = await two(visit);
      await device.client.subscribeAsync(`${visit.tag}/rap`, { qos: 1, rap: true });
      await device.client.subscribeAsync(`${visit.tag}/not`, { qos: 1, rap: false });
      for (const retain of [true, false]) {
        for (const topic of ['rap', 'not']) {
          await other.client.publishAsync(`${visit.tag}/${topic}`, 'x', { qos: 1, retain });
        }
      }
      const messages = await device.received(4);
      for (const topic of ['rap', 'not']) {
        await other.client.publishAsync(`${visit.tag}/${topic}`, '', { qos: 1, retain: true });
      }
      return messages.slice(0, 4).map(({ topic, retain }) => `${topic} r${retain ? 1 : 0}`);
    });
    assert.deepEqual(seen, ['TAG/rap r1', 'TAG/not r0', 'TAG/rap r0', 'TAG/not r0']);
  });

  test('Retain Handling 0, 1 and 2', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const [device, other] = await two(visit);
      await other.client.publishAsync(`${visit.tag}/r`, 'kept', { qos: 1, retain: true });
      const counts: number[] = [];
      for (const rh of [2, 0, 0, 1, 'away', 1, 2] as const) {
        if (rh === 'away') {
          await device.client.unsubscribeAsync(`${visit.tag}/r`);
          continue;
        }
        const before = device.messages.length;
        await device.client.subscribeAsync(`${visit.tag}/r`, { qos: 1, rh });
        // Behind whatever the subscription brings.
        await other.client.publishAsync(`${visit.tag}/r`, 'live', { qos: 1 });
        await device.until('the live message', () =>
          device.messages.slice(before).some(({ payload }) => payload === 'live'),
        );
        counts.push(device.messages.length - before - 1);
      }
      await other.client.publishAsync(`${visit.tag}/r`, '', { qos: 1, retain: true });
      return counts;
    });
    assert.deepEqual(seen, [0, 1, 1, 0, 1, 0]);
  });

  test('Subscription Identifiers: of each subscription, of overlapping ones, changed and taken away', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const [device, other] = await two(visit);
      const subscribe = (filter: string, subscriptionIdentifier?: number) =>
        device.client.subscribeAsync(`${visit.tag}/${filter}`, {
          qos: 1,
          ...(subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }),
        });
      await subscribe('a', 1);
      await subscribe('a/#', 268_435_455);
      await subscribe('b', 3);
      await subscribe('c');
      const publish = (topic: string) => other.client.publishAsync(`${visit.tag}/${topic}`, topic, { qos: 1 });
      for (const topic of ['a/x', 'b', 'c']) await publish(topic);
      await device.received(3);
      await subscribe('b', 4);
      await subscribe('c', 5);
      await subscribe('a/#');
      for (const topic of ['b', 'c', 'a/y']) await publish(topic);
      await device.received(6);
      return publishes(device).map(({ payload, properties }) => [payload, properties?.subscriptionIdentifier]);
    });
    assert.deepEqual(seen.slice(0, 3), [
      ['a/x', 268_435_455],
      ['b', 3],
      ['c', null],
    ]);
  });

  test('topic aliases of MQTT.js’s own choice, and those of the broker', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const device = await MqttJsClient.open(visit, 5, { name: 'd', properties: { topicAliasMaximum: 3 } });
      const other = await MqttJsClient.open(visit, 5, { name: 'o', autoAssignTopicAlias: true });
      await device.client.subscribeAsync(`${visit.tag}/#`, { qos: 1 });
      for (const topic of ['a', 'b', 'a', 'c', 'a', 'b', 'd', 'd']) {
        await other.client.publishAsync(`${visit.tag}/${topic}`, topic, { qos: 1 });
      }
      const messages = await device.received(8);
      return messages.map(({ topic, payload }) => `${topic} ${payload}`);
    });
    assert.deepEqual(
      seen,
      ['a', 'b', 'a', 'c', 'a', 'b', 'd', 'd'].map((topic) => `TAG/${topic} ${topic}`),
    );
  });

  for (const qos of [0, 1, 2] as const) {
    test(`QoS ${qos}: user properties in their order, and all other properties`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const [device, other] = await two(visit);
        await device.client.subscribeAsync(`${visit.tag}/p`, { qos });
        const raw: Buffer[] = [];
        device.client.stream.on('data', (chunk: Buffer) => raw.push(chunk));
        await other.client.publishAsync(`${visit.tag}/p`, 'x', {
          qos,
          properties: {
            payloadFormatIndicator: true,
            contentType: 'text/plain',
            responseTopic: `${visit.tag}/answer`,
            correlationData: Buffer.from([0, 1, 255]),
            userProperties: { z: ['1', '2'], a: 'ä', m: ['', '1'] },
          },
        });
        await device.received(1);
        const bytes = Buffer.concat(raw).toString('hex');
        const [publish] = publishes(device);
        // MQTT.js loses the order of user properties; the bytes have it.
        const names = [...bytes.matchAll(/260001([0-9a-f]{2})000[0-2]/g)].map(([, name = '']) => name);
        const order = names.map((name) => Buffer.from(name, 'hex').toString());
        return { properties: publish?.properties, order };
      });
      assert.deepEqual(seen.order, ['z', 'z', 'a', 'm', 'm']);
    });
  }

  test('an expired message is not delivered, another says what is left', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const other = await MqttJsClient.open(visit, 5, { name: 'o' });
      const device = await MqttJsClient.open(visit, 5, {
        name: 'd',
        clean: false,
        properties: { sessionExpiryInterval: 60 },
      });
      await device.client.subscribeAsync(`${visit.tag}/+`, { qos: 1 });
      await device.vanish();
      await visit.logged('Client TAG-d closed its connection');
      for (const [topic, messageExpiryInterval] of [
        ['short', 1],
        ['long', 60],
      ] as const) {
        const properties = { messageExpiryInterval };
        await other.client.publishAsync(`${visit.tag}/${topic}`, 'x', { qos: 1, properties });
      }
      await other.client.publishAsync(`${visit.tag}/forever`, 'x', { qos: 1 });
      await threeSeconds(visit);
      await device.reopen();
      await device.received(2);
      return publishes(device).map(({ topic, properties }) => {
        const left = properties?.messageExpiryInterval;
        return `${topic} ${left === undefined ? 'without' : left < 60 && left > 50}`;
      });
    });
    assert.deepEqual(seen, ['TAG/long true', 'TAG/forever without']);
  });

  test('a Receive Maximum of 2 slows a hundred messages down, and loses none', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const device = await MqttJsClient.open(visit, 5, {
        name: 'd',
        properties: { receiveMaximum: 2 },
      });
      const other = await MqttJsClient.open(visit, 5, { name: 'o' });
      await device.client.subscribeAsync(`${visit.tag}/w`, { qos: 1 });
      // QoS 1 alone: Mosquitto 2.0.11 stops in the middle of queued QoS 2. Ten at a time: MQTT.js does not keep to the broker's own Receive Maximum.
      for (let first = 1; first <= 100; first += 10) {
        const numbers = Array.from({ length: 10 }, (_, index) => `${first + index}`);
        await other.publishAll(`${visit.tag}/w`, numbers, 1);
      }
      const messages = await device.received(100);
      return messages.map(({ payload }) => Number(payload)).sort((one, another) => one - another);
    });
    assert.deepEqual([seen.length, seen[0], seen[99]], [100, 1, 100]);
  });

  test('a message beyond its Maximum Packet Size is kept from it, and counts as delivered', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const device = await MqttJsClient.open(visit, 5, { name: 'd', properties: { maximumPacketSize: 120 } });
      const other = await MqttJsClient.open(visit, 5, { name: 'o' });
      await device.client.subscribeAsync(`${visit.tag}/+`, { qos: 2 });
      for (const [qos, size] of [
        [1, 200],
        [2, 200],
        [1, 20],
        [0, 200],
        [2, 20],
      ] as const) {
        await other.client.publishAsync(`${visit.tag}/${size}`, `${qos}`.repeat(size), { qos });
      }
      const messages = await device.received(2);
      return messages.map(({ topic, qos }) => `${topic} q${qos}`);
    });
    assert.deepEqual(seen, ['TAG/20 q1', 'TAG/20 q2']);
  });

  test('a request finds its responder, and the response its request', async () => {
    const seen = await world.sameAtEveryDoor(async (visit) => {
      const [requester, responder] = await two(visit);
      await responder.client.subscribeAsync(`${visit.tag}/ask`, { qos: 1 });
      await requester.client.subscribeAsync(`${visit.tag}/answer/#`, { qos: 2 });
      responder.client.on('message', (_topic: string, payload: Buffer, { properties }: IPublishPacket) => {
        const { responseTopic = '', correlationData = Buffer.alloc(0) } = properties ?? {};
        responder.client.publish(responseTopic, `re: ${payload}`, { qos: 2, properties: { correlationData } });
      });
      for (const number of [1, 2]) {
        await requester.client.publishAsync(`${visit.tag}/ask`, `question ${number}`, {
          qos: 1,
          properties: { responseTopic: `${visit.tag}/answer/${number}`, correlationData: Buffer.from([number, 0]) },
        });
      }
      await requester.received(2);
      return publishes(requester).map(({ topic, payload, properties }) => [topic, payload, properties]);
    });
    assert.deepEqual(seen, [
      ['TAG/answer/1', 're: question 1', { correlationData: '\x01\0' }],
      ['TAG/answer/2', 're: question 2', { correlationData: '\x02\0' }],
    ]);
  });

  for (const version of mqttJsVersions) {
    test(`MQTT ${version}: a shared subscription gives each message to one member, and what is unshared to all`, async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const members = await Promise.all(['a', 'b'].map((name) => MqttJsClient.open(visit, version, { name })));
        for (const { client } of members) {
          await client.subscribeAsync([`$share/g/${visit.tag}/work/+`, `${visit.tag}/all`], { qos: 1 });
        }
        const other = await MqttJsClient.open(visit, version, { name: 'o' });
        for (let number = 1; number <= 10; number += 1) {
          await other.client.publishAsync(`${visit.tag}/work/${number}`, `${number}`, { qos: 1 });
        }
        await other.client.publishAsync(`${visit.tag}/all`, 'all', { qos: 1 });
        const received = () => members.flatMap(({ messages }) => messages.map(({ payload }) => payload));
        for (const member of members) await member.until('all', () => member.messages.at(-1)?.payload === 'all');
        return received().sort();
      });
      assert.deepEqual(seen, ['1', '10', '2', '3', '4', '5', '6', '7', '8', '9', 'all', 'all']);
    });
  }

  test('reason codes of SUBACK, UNSUBACK and PUBACK', async () => {
    await world.sameAtEveryDoor(async (visit) => {
      const [device] = await two(visit);
      const granted = await device.client.subscribeAsync({
        [`${visit.tag}/a`]: { qos: 2 },
        [`${visit.tag}/b`]: { qos: 0 },
      });
      await device.client.unsubscribeAsync([`${visit.tag}/a`, `${visit.tag}/never`]);
      await device.client.publishAsync(`${visit.tag}/nobody`, 'x', { qos: 1 });
      await device.client.publishAsync(`${visit.tag}/nobody`, 'x', { qos: 2 });
      return { granted: granted.map(({ qos }) => qos), packets: device.packets };
    });
  });
});

type WirePublish = {
  readonly topic: string;
  readonly payload: string;
  readonly properties?: { readonly subscriptionIdentifier?: unknown; readonly messageExpiryInterval?: number };
};

/** PUBLISH packets as they came, acknowledged or not. */
function publishes(device: MqttJsClient): readonly WirePublish[] {
  return device.packets.filter((packet) => (packet as { cmd: string }).cmd === 'publish') as unknown as WirePublish[];
}

function two(visit: Visit): Promise<[MqttJsClient, MqttJsClient]> {
  return Promise.all([MqttJsClient.open(visit, 5, { name: 'one' }), MqttJsClient.open(visit, 5, { name: 'two' })]);
}

/** By the broker's clock: a will with that delay. */
async function threeSeconds(visit: Visit): Promise<void> {
  const watcher = await MqttJsClient.open(visit, 5, { name: 'watch' });
  await watcher.client.subscribeAsync(`${visit.tag}-clock`);
  const clock = await MqttJsClient.open(visit, 5, {
    name: 'clock',
    clean: false,
    properties: { sessionExpiryInterval: 60 },
    will: { topic: `${visit.tag}-clock`, payload: Buffer.from('x'), properties: { willDelayInterval: 3 } },
  } as Parameters<typeof MqttJsClient.open>[2]);
  await clock.vanish();
  await watcher.received(1);
}
