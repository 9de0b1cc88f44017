import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as nextTurn } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { BridgeWorld, bridgeRule, Hearing } from './bridge-world.ts';

const keys = ['a', 'b', 'c', 'd', 'e'];
const both = [bridgeRule('telemetry', 'up', 'dt/#'), bridgeRule('commands', 'down', 'cmd/#')];
const timeout = 60_000;

/** QoS 1, in order per key; gives the texts that the broker acknowledged. */
async function publish(client: MqttClient, kind: string, from: number, count: number): Promise<readonly string[]> {
  const texts = Array.from({ length: count }, (_, index) => `${kind} ${from + index}`);
  await Promise.all(
    texts.map((text, index) => client.publishAsync(`${kind}/${keys[index % keys.length]}/x`, text, { qos: 1 })),
  );
  return texts;
}

function assertInOrder(hearing: Hearing): void {
  for (const [topic, texts] of hearing.firstByTopic()) {
    const numbers = texts.map((text) => Number(text.split(' ')[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
      topic,
    );
  }
}

for (const protocol of ['5', '3.1.1'] as const) {
  describe(`a bridge between two Mosquittos, MQTT ${protocol}`, { timeout }, () => {
    test('carries both ways, each message once, in the order of its key', async () => {
      await using world = await BridgeWorld.start(both, protocol);
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const [atBackend, atDevice] = [await Hearing.begin(backend, 'dt/#'), await Hearing.begin(device, 'cmd/#')];
      const [up, down] = await Promise.all([publish(device, 'dt', 0, 500), publish(backend, 'cmd', 0, 500)]);
      await Promise.all([atBackend.all(up), atDevice.all(down)]);
      assert.deepEqual([atBackend.heard.length, atDevice.heard.length], [500, 500]);
      assertInOrder(atBackend);
      assertInOrder(atDevice);
    });

    test('a target that is killed and comes back gets all that was acknowledged meanwhile, in order', async () => {
      await using world = await BridgeWorld.start(both, protocol);
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const before = await Hearing.begin(backend, 'dt/#');
      await before.all(await publish(device, 'dt', 0, 50));
      await world.aws.kill();
      const meanwhile = await publish(device, 'dt', 50, 400);
      await world.restartAws();
      const again = await world.client('aws');
      const after = await Hearing.begin(again, 'dt/#');
      await after.all([...meanwhile, ...(await publish(device, 'dt', 450, 50))].slice(-50));
      assertInOrder(after);
    });

    test('a target that freezes: the source keeps publishing, and nothing is missing when it thaws', async () => {
      await using world = await BridgeWorld.start(both, protocol);
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const hearing = await Hearing.begin(backend, 'dt/#');
      await hearing.all(await publish(device, 'dt', 0, 50));
      world.aws.freeze();
      const texts = await publish(device, 'dt', 50, 1_000);
      const link = world.bridge.links.find(({ slot }) => slot.rule.name === 'telemetry');
      while (link?.link.isSpooling !== true) await nextTurn(10);
      world.aws.thaw();
      await hearing.all(texts);
      assertInOrder(hearing);
    });

    test('a bridge that starts anew goes on where it was', async () => {
      await using world = await BridgeWorld.start(both, protocol);
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const hearing = await Hearing.begin(backend, 'dt/#');
      const first = publish(device, 'dt', 0, 300);
      const restarted = world.restartBridge();
      const texts = [...(await first), ...(await publish(device, 'dt', 300, 200))];
      await restarted;
      await hearing.all(texts);
      assertInOrder(hearing);
    });
  });
}

describe('what a bridge does not carry', { timeout }, () => {
  test('a rule that matches everything, both ways: marks keep each message from going round', async () => {
    const all = { order: 'parallel', lanes: { least: 1, most: 1 } } as const;
    const rules = [bridgeRule('up', 'up', '#', all), bridgeRule('down', 'down', '#', all)];
    await using world = await BridgeWorld.start(rules);
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const [atBackend, atDevice] = [await Hearing.begin(backend, '#'), await Hearing.begin(device, '#')];
    const [up, down] = await Promise.all([publish(device, 'dt', 0, 50), publish(backend, 'cmd', 0, 50)]);
    await Promise.all([atBackend.all([...up, ...down]), atDevice.all([...up, ...down])]);
    // An echo would be carried before what is published behind it.
    const last = await publish(device, 'last', 0, 1);
    await Promise.all([atBackend.all(last), atDevice.all(last)]);
    assert.deepEqual([atBackend.heard.length, atDevice.heard.length], [101, 101]);
    const echoes = world.bridge.links.map(({ link }) => link.counts.echoes);
    assert.deepEqual(
      echoes.reduce((sum, count) => sum + count, 0),
      101,
    );
  });

  test('without marks digests do the same', async () => {
    const all = { order: 'parallel', lanes: { least: 1, most: 1 } } as const;
    const rules = [bridgeRule('up', 'up', '#', all), bridgeRule('down', 'down', '#', all)];
    await using world = await BridgeWorld.start(rules, '3.1.1');
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const [atBackend, atDevice] = [await Hearing.begin(backend, '#'), await Hearing.begin(device, '#')];
    const [up, down] = await Promise.all([publish(device, 'dt', 0, 50), publish(backend, 'cmd', 0, 50)]);
    await Promise.all([atBackend.all([...up, ...down]), atDevice.all([...up, ...down])]);
    const last = await publish(device, 'last', 0, 1);
    await Promise.all([atBackend.all(last), atDevice.all(last)]);
    assert.deepEqual([atBackend.heard.length, atDevice.heard.length], [101, 101]);
  });

  test('what is too large is a dead letter, and what is behind it goes on', async () => {
    await using world = await BridgeWorld.start([bridgeRule('telemetry', 'up', '#')]);
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const hearing = await Hearing.begin(backend, 'dt/#');
    await device.publishAsync('dt/a/x', 'dt 0', { qos: 1 });
    await device.publishAsync('dt/a/y', Buffer.alloc(17 * 1_048_576), { qos: 1 });
    await hearing.all(['dt 0', ...(await publish(device, 'dt', 1, 20))]);
    // Acknowledged to its source: then it is on disk.
    const leg = world.bridge.links[0]?.link.leg;
    while (leg?.pendingCount !== 0) await nextTurn(10);
    const folder = join(world.directory, 'dead-letters');
    const [file] = await readdir(folder);
    const lines = (await readFile(join(folder, file as string), 'utf8')).trimEnd().split('\n');
    const [letter] = lines.map((line) => JSON.parse(line) as { reason: string; topic: string });
    assert.deepEqual([lines.length, letter?.reason, letter?.topic], [1, 'payload-size', 'dt/a/y']);
  });
});
