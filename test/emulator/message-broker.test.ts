import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { WireVersion } from '../integration/wire-frames.ts';
import { EmulatorWorld } from './emulator-world.ts';

const versions: readonly WireVersion[] = [4, 5];

suite('The message broker over TLS', { timeout: 30_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of versions) {
    for (const qos of [0, 1] as const) {
      test(`MQTT ${version}: a message at QoS ${qos} reaches a subscriber of each version`, async () => {
        const topic = world.newClientId('topic');
        const publisher = await world.connected(version);
        const subscribers = await Promise.all(versions.map((other) => world.connected(other)));
        for (const subscriber of subscribers) {
          assert.deepEqual(await subscriber.subscribe([{ topic: `${topic}/+`, qos: 1 }]), [1]);
        }
        await publisher.publish({ topic: `${topic}/a`, payload: 'hello', qos });
        for (const subscriber of subscribers) {
          const message = await subscriber.receive();
          assert.equal(message.topic, `${topic}/a`);
          assert.equal(message.payload.toString(), 'hello');
          assert.equal(message.qos, qos);
          assert.equal(message.retain, false);
          assert.equal(message.dup, false);
        }
      });
    }

    test(`MQTT ${version}: PINGREQ is answered, DISCONNECT ends it`, async () => {
      const device = await world.connected(version);
      device.send({ cmd: 'pingreq' });
      await device.next('pingresp');
      await device.disconnect();
      const event = await world.event(device.clientId, 'disconnected');
      assert.equal(event.disconnectReason, 'CLIENT_INITIATED_DISCONNECT');
      assert.equal(event['clientInitiatedDisconnect'], true);
    });
  }
});
