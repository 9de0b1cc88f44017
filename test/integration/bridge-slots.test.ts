import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { Bridge } from '../../src/bridge/bridge.ts';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { eventually } from '../e2e/eventually.ts';
import { BridgeWorld, bridgeRule, Hearing } from './bridge-world.ts';

const timeout = 60_000;
const keys = 12;

/** Publishes in order per key, without a pause, until it is told to stop; gives what the broker acknowledged. */
function beginFlow(client: MqttClient, prefix: string): { end(): Promise<readonly string[]> } {
  const texts: string[] = [];
  let isOver = false;
  const running = (async () => {
    for (let number = 0; !isOver; number += 1) {
      const text = `${prefix} ${String(number).padStart(6, '0')}`;
      texts.push(text);
      await client.publishAsync(`${prefix}/k${number % keys}/x`, text, { qos: 1 });
      if (number % 20 === 0) await wait(1);
    }
  })();
  return {
    async end() {
      isOver = true;
      await running;
      return texts;
    },
  };
}

async function publishMany(client: MqttClient, count: number): Promise<readonly string[]> {
  const texts = Array.from({ length: count }, (_, number) => `dt ${String(number).padStart(6, '0')}`);
  await Promise.all(texts.map((text, number) => client.publishAsync(`dt/k${number % keys}/x`, text, { qos: 1 })));
  return texts;
}

function assertInOrder(hearing: Hearing): void {
  for (const [topic, texts] of hearing.firstByTopic()) assert.deepEqual(texts, texts.toSorted(), topic);
}

function slots(bridge: Bridge): readonly SlotStatus[] {
  return bridge.board.readStatuses().flatMap((status) => status.slots);
}

function running(bridge: Bridge): readonly SlotStatus[] {
  return slots(bridge).filter(({ state, isSubscribed }) => state === 'running' && isSubscribed);
}

function received(all: readonly SlotStatus[]): number {
  return all.reduce((sum, { messages }) => sum + messages.received, 0);
}

describe('members of a share group', { timeout }, () => {
  test('come and go under load: 1, 3, 0 and 2, and no message is lost or comes twice', async () => {
    const rule = bridgeRule('billing', 'up', 'dt/#', { share: 'billing', order: 'parallel' });
    await using world = await BridgeWorld.start([rule]);
    const { board } = world.bridge;
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    // With no member of the bridge the group needs somebody.
    const plain = await world.client('legacy');
    const atPlain = await Hearing.begin(plain, '$share/billing/dt/#');
    const atTarget = await Hearing.begin(backend, 'dt/#');
    const flow = beginFlow(device, 'dt');
    for (const members of [3, 0, 2]) {
      board.changeWish('billing', { members });
      await eventually(
        `${members} members`,
        () => slots(world.bridge).length === members && running(world.bridge).length === members,
      );
      const before = received(slots(world.bridge));
      if (members > 0)
        await eventually('each has a share', () =>
          slots(world.bridge).every(({ messages }) => messages.received > before / members + 20),
        );
    }
    const texts = await flow.end();
    await eventually('everything is heard', () => {
      const heard = new Set([...atPlain.heard, ...atTarget.heard].map(({ text }) => text));
      return texts.every((text) => heard.has(text));
    });
    assert.equal(atPlain.heard.length + atTarget.heard.length, texts.length);
    assert.deepEqual((await readdir(join(world.directory, 'slots'))).length, 2);
  });
});

describe('processes of one bridge', { timeout }, () => {
  test('divide the partitions of a rule; when one goes, the other has all of them, in order, and nothing is missing', async () => {
    await using world = await BridgeWorld.start([bridgeRule('commands', 'down', 'cmd/#', { partitions: 4 })]);
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const hearing = await Hearing.begin(device, 'cmd/#');
    const flow = beginFlow(backend, 'cmd');
    await eventually('one process has four', () => running(world.bridge).length === 4);
    const other = await world.startAnother();
    await eventually('they have two each', () => {
      const counts = world.bridge.board
        .readStatuses()
        .map((status) => status.slots.filter((slot) => slot.isSubscribed).length);
      return counts.length === 2 && counts.every((count) => count === 2);
    });
    await eventually('both carry', () => slots(world.bridge).every(({ messages }) => messages.carried > 20));
    await other.stop();
    await eventually('one has four again', () => running(world.bridge).length === 4);
    const texts = await flow.end();
    await hearing.all(texts);
    assertInOrder(hearing);
    const places = slots(world.bridge).map(({ place }) => place.index);
    assert.deepEqual(places.toSorted(), [0, 1, 2, 3]);
  });
});

describe('a rule', { timeout }, () => {
  test('that is paused keeps everything in its spool, and carries it in order when it is resumed', async () => {
    await using world = await BridgeWorld.start([bridgeRule('telemetry', 'up', 'dt/#')]);
    const { board } = world.bridge;
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const hearing = await Hearing.begin(backend, 'dt/#');
    board.changeWish('telemetry', { isPaused: true });
    await eventually('it is paused', () => slots(world.bridge)[0]?.state === 'paused');
    const texts = await publishMany(device, 500);
    await eventually('the spool has it', () => slots(world.bridge)[0]?.spool.messages === 500);
    assert.deepEqual(hearing.heard, []);
    // It stays paused over a start of the bridge.
    await world.restartBridge();
    await eventually('it is paused again', () => slots(world.bridge)[0]?.state === 'paused');
    assert.deepEqual(hearing.heard, []);
    board.changeWish('telemetry', { isPaused: false });
    await hearing.all(texts);
    assertInOrder(hearing);
    await eventually('the spool is empty', () => slots(world.bridge)[0]?.spool.messages === 0);
  });

  test('that is paused is given to another process with nothing in its spool twice', async () => {
    await using world = await BridgeWorld.start([bridgeRule('telemetry', 'up', 'dt/#')]);
    const { board } = world.bridge;
    const [device, backend] = [await world.client('legacy'), await world.client('aws')];
    const hearing = await Hearing.begin(backend, 'dt/#');
    board.changeWish('telemetry', { isPaused: true });
    await eventually('it is paused', () => slots(world.bridge)[0]?.state === 'paused');
    const flow = beginFlow(device, 'dt');
    for (let start = 0; start < 3; start += 1) {
      const before = slots(world.bridge)[0]?.spool.messages ?? 0;
      await eventually('the spool grows', () => (slots(world.bridge)[0]?.spool.messages ?? 0) > before + 20);
      await world.restartBridge();
    }
    const texts = await flow.end();
    board.changeWish('telemetry', { isPaused: false });
    await hearing.all(texts);
    assertInOrder(hearing);
    await eventually('the spool is empty', () => slots(world.bridge)[0]?.spool.messages === 0);
    assert.equal(hearing.heard.length, texts.length);
  });

  test('that is taken out of the configuration while its target is away finishes its spool, and leaves its source', async () => {
    const telemetry = bridgeRule('telemetry', 'up', 'dt/#');
    await using world = await BridgeWorld.start([telemetry, bridgeRule('events', 'up', 'ev/#')]);
    const device = await world.client('legacy');
    const hearing = await Hearing.begin(await world.client('aws'), 'dt/#');
    world.aws.freeze();
    const texts = await publishMany(device, 200);
    await world.changeRules([bridgeRule('events', 'up', 'ev/#')]);
    await eventually('it is leaving', () =>
      slots(world.bridge).some(({ rule, state }) => rule === 'telemetry' && state === 'leaving'),
    );
    world.aws.thaw();
    await hearing.all(texts);
    assertInOrder(hearing);
    await eventually('it has left', () => !slots(world.bridge).some(({ rule }) => rule === 'telemetry'));
    await device.publishAsync('dt/k0/x', 'nobody', { qos: 1 });
    await device.publishAsync('ev/k0/x', 'event', { qos: 1 });
    const events = await Hearing.begin(await world.client('aws'), 'ev/#');
    await device.publishAsync('ev/k0/x', 'event 2', { qos: 1 });
    await events.all(['event 2']);
    assert.equal(
      hearing.heard.some(({ text }) => text === 'nobody'),
      false,
    );
  });
});
