import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IClientOptions } from 'mqtt';
import { openWorld, type Visit, type World } from './doors.ts';
import { MqttJsClient, type MqttJsVersion, mqttJsVersions } from './mqttjs-client.ts';

suite('An MQTT.js session lives through the gateway as it does at the broker', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of mqttJsVersions) {
    for (const qos of [1, 2] as const) {
      test(`MQTT ${version} QoS ${qos}: what was queued while it was away comes in order`, async () => {
        const seen = await world.sameAtEveryDoor((visit) => queueWhileAway(visit, version, qos));
        assert.deepEqual(seen.messages, ['1', '2', '3', '4', '5', 'live']);
      });
    }

    test(`MQTT ${version}: lost between PUBREC and PUBREL as publisher, it finishes its exchange once`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => loseAsPublisher(visit, version));
      assert.deepEqual(seen.received, ['once', 'end']);
    });

    test(`MQTT ${version}: lost between PUBLISH and PUBREC as publisher, it sends again and is heard once`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => loseBeforePubrec(visit, version));
      assert.deepEqual(seen.received, ['once', 'end']);
    });

    test(`MQTT ${version}: lost between PUBREL and PUBCOMP as subscriber, it hears the message once`, async () => {
      const seen = await world.sameAtEveryDoor((visit) => loseAsSubscriber(visit, version));
      assert.deepEqual(seen.messages, ['once', 'end']);
    });

    for (const [name, qos, isRetained] of [
      ['QoS 0', 0, false],
      ['QoS 1, retained', 1, true],
      ['QoS 2', 2, false],
    ] as const) {
      test(`MQTT ${version}: a will of ${name} at loss, none at DISCONNECT`, async () => {
        const seen = await world.sameAtEveryDoor((visit) => leaveWill(visit, version, { qos, retain: isRetained }));
        assert.deepEqual(seen.watched, [`TAG/will lost q${qos}`, 'TAG/end x q0']);
        assert.equal(seen.later, isRetained ? 'lost' : 'none');
      });
    }
  }

  // They wait for the broker's clock, and do so at the same time.
  suite('by the clock', { concurrency: true }, () => {
    test('MQTT 5: a will waits for its delay, and is taken back by a return in time', async () => {
      const seen = await world.sameAtEveryDoor(delayWills);
      assert.deepEqual(seen, ['TAG/will/late late']);
    });

    test('MQTT 5: a will is due when the session ends before its delay', async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const watcher = await watch(visit);
        await lose(visit, 'short', { sessionExpiryInterval: 1, willDelayInterval: 60 });
        await watcher.received(1);
        return watcher.messages.map(({ payload }) => payload);
      });
      assert.deepEqual(seen, ['short']);
    });

    test('MQTT 5: a session ends when its expiry has passed, and not before', async () => {
      const seen = await world.sameAtEveryDoor(async (visit) => {
        const watcher = await watch(visit);
        const away = async (name: string, sessionExpiryInterval: number) => {
          const options = { name, clean: false, properties: { sessionExpiryInterval } };
          await (await MqttJsClient.open(visit, 5, options)).end();
          return options;
        };
        const short = await away('a', 1);
        const long = await away('b', 60);
        // Its will comes three seconds of the broker's clock later.
        await lose(visit, 'clock', { sessionExpiryInterval: 60, willDelayInterval: 3 });
        await watcher.received(1);
        const presents = [];
        for (const options of [short, long]) {
          const { packets } = await MqttJsClient.open(visit, 5, options);
          presents.push((packets[0] as { sessionPresent: boolean }).sessionPresent);
        }
        return presents;
      });
      assert.deepEqual(seen, [false, true]);
    });
  });
});

/** A session that outlives its connection. */
function lasting(version: MqttJsVersion): Partial<IClientOptions> {
  return { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) };
}

async function queueWhileAway(visit: Visit, version: MqttJsVersion, qos: 1 | 2) {
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  const publish = (payload: string) => publisher.client.publishAsync(`${visit.tag}/q`, payload, { qos });
  const device = await MqttJsClient.open(visit, version, { name: 'd', ...lasting(version) });
  await device.client.subscribeAsync(`${visit.tag}/q`, { qos });
  await device.vanish();
  await visit.logged('Client TAG-d closed its connection');
  for (const payload of ['1', '2', '3', '4', '5']) await publish(payload);
  await device.reopen();
  await device.received(5);
  await publish('live');
  await device.received(6);
  return { messages: device.messages.map(({ payload }) => payload), packets: device.packets.filter(isNotPubrel) };
}

async function loseAsPublisher(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  await subscriber.client.subscribeAsync(`${visit.tag}/x`, { qos: 2 });
  const device = await MqttJsClient.open(visit, version, { name: 'd', ...lasting(version) });
  // Before MQTT.js has dealt with the PUBREC: its PUBREL does not go out.
  device.client.once('packetreceive', () => device.client.stream.destroy());
  const published = device.client.publishAsync(`${visit.tag}/x`, 'once', { qos: 2 });
  await device.until('its end', () => device.closes === 1);
  await visit.logged('Client TAG-d closed its connection');
  await device.reopen();
  await published;
  await device.client.publishAsync(`${visit.tag}/x`, 'end', { qos: 2 });
  await subscriber.received(2);
  return { received: subscriber.messages.map(({ payload }) => payload), packets: device.packets };
}

async function loseBeforePubrec(visit: Visit, version: MqttJsVersion) {
  const subscriber = await MqttJsClient.open(visit, version, { name: 's' });
  await subscriber.client.subscribeAsync(`${visit.tag}/x`, { qos: 2 });
  const device = await MqttJsClient.open(visit, version, { name: 'd', ...lasting(version) });
  const published = device.client.publishAsync(`${visit.tag}/x`, 'once', { qos: 2 });
  // The broker has it; whether its PUBREC was read before the end of the connection is chance, and must not matter.
  await visit.logged('Received PUBLISH from TAG-d');
  await device.vanish();
  await visit.logged('Client TAG-d closed its connection');
  await device.reopen();
  await published;
  await device.client.publishAsync(`${visit.tag}/x`, 'end', { qos: 2 });
  await subscriber.received(2);
  return { received: subscriber.messages.map(({ payload }) => payload) };
}

async function loseAsSubscriber(visit: Visit, version: MqttJsVersion) {
  const publisher = await MqttJsClient.open(visit, version, { name: 'p' });
  const device = await MqttJsClient.open(visit, version, { name: 'd', ...lasting(version) });
  await device.client.subscribeAsync(`${visit.tag}/x`, { qos: 2 });
  const lostAtPubrel = (packet: { cmd: string }) => {
    if (packet.cmd !== 'pubrel') return;
    device.client.off('packetreceive', lostAtPubrel);
    device.client.stream.destroy();
  };
  device.client.on('packetreceive', lostAtPubrel);
  await publisher.client.publishAsync(`${visit.tag}/x`, 'once', { qos: 2 });
  await device.until('its end', () => device.closes === 1);
  await visit.logged('Client TAG-d closed its connection');
  await device.reopen();
  await publisher.client.publishAsync(`${visit.tag}/x`, 'end', { qos: 2 });
  await device.until('the end', () => device.messages.at(-1)?.payload === 'end');
  return { messages: device.messages.map(({ payload }) => payload) };
}

async function leaveWill(visit: Visit, version: MqttJsVersion, options: { qos: 0 | 1 | 2; retain: boolean }) {
  const watcher = await watch(visit);
  const will = (payload: string) => ({
    will: { topic: `${visit.tag}/will`, payload: Buffer.from(payload), ...options },
  });
  const leaving = await MqttJsClient.open(visit, version, { name: 'leaving', ...will('left') });
  await leaving.end();
  await visit.logged('Client TAG-leaving disconnected');
  const lost = await MqttJsClient.open(visit, version, { name: 'lost', ...will('lost') });
  await lost.vanish();
  await watcher.received(1);
  const later = await MqttJsClient.open(visit, version, { name: 'later' });
  await later.client.subscribeAsync(`${visit.tag}/#`, { qos: 1 });
  await later.client.publishAsync(`${visit.tag}/end`, 'x', { qos: 0 });
  await watcher.received(2);
  await later.until('the end', () => later.messages.at(-1)?.payload === 'x');
  if (options.retain) await later.client.publishAsync(`${visit.tag}/will`, '', { qos: 1, retain: true });
  return {
    watched: watcher.messages.map(({ topic, payload, qos }) => `${topic} ${payload} q${qos}`).slice(0, 2),
    later: later.messages.find(({ retain }) => retain)?.payload ?? 'none',
  };
}

async function delayWills(visit: Visit) {
  const watcher = await watch(visit);
  const late = { sessionExpiryInterval: 60, willDelayInterval: 1 };
  const returning = await lose(visit, 'returning', late);
  await visit.logged('Client TAG-returning closed its connection');
  await returning.reopen();
  // Its will is due later than that of the one who came back would have been.
  await lose(visit, 'late', late);
  await watcher.received(1);
  return watcher.messages.map(({ topic, payload }) => `${topic} ${payload}`);
}

/** An MQTT 5 client with a will that says its name, gone without DISCONNECT. */
async function lose(
  visit: Visit,
  name: string,
  intervals: { readonly sessionExpiryInterval: number; readonly willDelayInterval: number },
): Promise<MqttJsClient> {
  const { sessionExpiryInterval, willDelayInterval } = intervals;
  const device = await MqttJsClient.open(visit, 5, {
    name,
    clean: false,
    properties: { sessionExpiryInterval },
    will: {
      topic: `${visit.tag}/will/${name}`,
      payload: Buffer.from(name),
      qos: 1,
      retain: false,
      properties: { willDelayInterval },
    },
  });
  await device.vanish();
  return device;
}

async function watch(visit: Visit): Promise<MqttJsClient> {
  const watcher = await MqttJsClient.open(visit, 5, { name: 'w' });
  await watcher.client.subscribeAsync(`${visit.tag}/#`, { qos: 2 });
  return watcher;
}

/** PUBRELs come in between, when PUBRECs arrive. */
function isNotPubrel(packet: unknown): boolean {
  return (packet as { cmd: string }).cmd !== 'pubrel';
}
