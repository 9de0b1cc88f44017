import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Device, Devices } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

const cohort = (name: string, prefix: string) => ({
  ...{ name, match: { clientIdPrefix: prefix }, source: 'legacy', target: 'target', weightBps: 0 },
});
const world = await FaultWorld.start({
  sections: { plan: { default: 'legacy', cohorts: [cohort('meters', 'meter-'), cohort('pumps', 'pump-')] } },
});
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());

function fleet(prefix: string, count: number): Promise<Devices> {
  return Devices.connect(count, (index) => {
    const protocolVersion = index % 2 === 0 ? 5 : 4;
    const clientId = `${prefix}-${index}`;
    const will = { topic: `wills/${clientId}`, payload: Buffer.from('lost'), qos: 1 as const, retain: false };
    return { clientId, to: gateway.port, reconnectPeriod: 20, protocolVersion, will };
  });
}

async function move(name: string, weight: string, options: { pacePerSecond?: number; live?: 'keep' } = {}) {
  return answerOf(await gateway.admin.cutover(name, { weight, live: 'reconnect', ...options }));
}

async function reset(): Promise<void> {
  const { move: back } = answerOf(await gateway.admin.rollbackAll({ pacePerSecond: 10_000, live: 'reconnect' }));
  await world.ended(back.id);
}

async function homes(name: string): Promise<{ readonly source: number; readonly target: number }> {
  const found = (await gateway.status()).cohorts.find((one) => one.name === name);
  return { source: found?.sessions.source ?? -1, target: found?.sessions.target ?? -1 };
}

test('100 devices at 50 a second take two seconds, are closed in order and come back on the target', async () => {
  await using observer = await world.device('observer', { to: world.legacy.url });
  await observer.client.subscribeAsync('wills/#', { qos: 1 });
  await using devices = await fleet('meter', 100);
  const accepted = await move('meters', '100%', { pacePerSecond: 50 });
  const document = await world.ended(accepted.move.id);
  assert.deepEqual(
    { state: document.state, eligible: document.eligible, moved: document.moved, refused: document.refused },
    { state: 'done', eligible: 100, moved: 100, refused: [] },
  );
  // The pace bounds it from below; from above only as far as a busy machine allows.
  assert.ok(document.durationMs >= 1_900 && document.durationMs < 5_000, `it took ${document.durationMs} ms`);
  await eventually('all are back', async () => (await homes('meters')).target === 100);
  assert.deepEqual(await homes('meters'), { source: 0, target: 100 });
  for (const { clientId, client, disconnectReasons, closes } of devices.all) {
    assert.equal(closes, 1, clientId);
    assert.deepEqual(disconnectReasons, client.options.protocolVersion === 5 ? [0x98] : [], clientId);
  }
  await observer.client.publishAsync('wills/none', 'last', { qos: 1 });
  await observer.received('last');
  assert.deepEqual(observer.payloads(), ['last']);
  await devices.all[0]?.echo();
});

test('messages that were acknowledged to devices under a cutover have reached a broker', async () => {
  await reset();
  const received = new Set<string>();
  await using atLegacy = await world.device('reader-legacy', { to: world.legacy.url });
  await using atTarget = await world.device('reader-target', { to: world.target.url });
  for (const reader of [atLegacy, atTarget]) {
    await reader.client.subscribeAsync('data/#', { qos: 1 });
    reader.client.on('message', (_topic, payload) => received.add(payload.toString()));
  }
  await using devices = await fleet('meter', 20);
  const acknowledged: string[] = [];
  const publishing = new AbortController();
  const publishers = devices.all.map(async (device) => {
    for (let index = 0; !publishing.signal.aborted; index += 1) {
      const text = `${device.clientId} ${index}`;
      await device.client.publishAsync(`data/${device.clientId}`, text, { qos: 1 });
      acknowledged.push(text);
    }
  });
  const accepted = await move('meters', '100%', { pacePerSecond: 40 });
  await world.ended(accepted.move.id);
  await eventually('all are back', async () => (await homes('meters')).target === 20);
  publishing.abort();
  await Promise.all(publishers);
  await eventually('every acknowledged message', () => acknowledged.every((text) => received.has(text)));
  assert.ok(acknowledged.length > 100, `${acknowledged.length} messages`);
});

test('a rollback takes the last moved first', async () => {
  await reset();
  await using devices = await fleet('meter', 30);
  await world.ended((await move('meters', '100%')).move.id);
  await eventually('all on the target', async () => (await homes('meters')).target === 30);
  const order: string[] = [];
  for (const device of devices.all) device.client.on('close', () => order.push(device.clientId));
  const accepted = answerOf(await gateway.admin.rollback('meters', { pacePerSecond: 20, live: 'reconnect' }));
  await world.ended(accepted.move.id);
  await eventually('all closed', () => order.length === 30);
  const positions = new Map<string, number>();
  for (const { clientId } of devices.all) {
    positions.set(clientId, answerOf(await gateway.admin.where({ clientId })).position ?? -1);
  }
  // Each worker takes its own last ones first; so the first half lies above the second on the whole.
  const mean = (ids: readonly string[]) => ids.reduce((sum, id) => sum + (positions.get(id) ?? 0), 0) / ids.length;
  assert.ok(mean(order.slice(0, 10)) > mean(order.slice(-10)) + 2_000, JSON.stringify(order));
});

test('live sessions stay where they are with live: keep, and new ones follow the plan', async () => {
  await reset();
  await using devices = await fleet('meter', 4);
  const accepted = await move('meters', '100%', { live: 'keep' });
  assert.equal((await world.ended(accepted.move.id)).state, 'done');
  await using newcomer = await world.device('meter-new');
  assert.equal(await world.brokerOf(newcomer.clientId), 'target');
  assert.deepEqual(await homes('meters'), { source: 4, target: 1 });
  await Promise.all(devices.all.map((device) => device.echo()));
  assert.equal(closesOf(devices.all), 0);
});

test('two cohorts move side by side; a newer cutover supersedes the move of its own cohort alone', async () => {
  await reset();
  await using meters = await fleet('meter', 20);
  await using pumps = await fleet('pump', 10);
  const slow = await move('meters', '100%', { pacePerSecond: 2 });
  const other = await move('pumps', '100%', { pacePerSecond: 20 });
  const newer = await move('meters', '0%', { pacePerSecond: 100 });
  const superseded = await world.ended(slow.move.id);
  assert.equal(superseded.state, 'superseded');
  assert.match(superseded.message ?? '', new RegExp(`revision ${newer.revision}`));
  assert.equal((await world.ended(newer.move.id)).state, 'done');
  assert.equal((await world.ended(other.move.id)).state, 'done');
  await eventually('meters are back', async () => (await homes('meters')).source === 20);
  await eventually('pumps are moved', async () => (await homes('pumps')).target === 10);
  assert.equal(closesOf(pumps.all), 10);
  assert.ok(closesOf(meters.all) <= 8, 'only what had moved was moved back');
});

function closesOf(devices: readonly Device[]): number {
  return devices.reduce((sum, { closes }) => sum + closes, 0);
}
