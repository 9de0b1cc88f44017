import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MoveDocument } from '../../src/admin/admin-api.ts';
import { Devices } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

const count = 24;
const world = await FaultWorld.start({
  sections: { handover: { overlapMs: 50, settleMs: 20, rollbackWindowMs: 0 } },
});
after(() => world[Symbol.asyncDispose]());

const connectAll = (name: string) =>
  Devices.connect(count, (index) => ({ clientId: `${name}-${index}`, to: world.gateway.port, clean: index % 2 === 0 }));

async function movesNow(): Promise<readonly MoveDocument[]> {
  return answerOf(await world.gateway.admin.moves());
}

/** Kills the control process, and waits for the next one for as long as a busy machine may need to start it. */
async function replaceControl(): Promise<void> {
  const pid = await world.gateway.pidOfControl();
  const from = world.gateway.process.lines.length;
  process.kill(pid, 'SIGKILL');
  await world.gateway.process.line('The control process is away', from);
  await eventually('a control process', async () => (await world.gateway.admin.status()).ok, 60_000);
  await world.gateway.wholeStatus();
}

/** A cutover of everyone that is slow enough to be interrupted, with some sessions moved and written down. */
async function interruptible(): Promise<string> {
  const { move } = answerOf(await world.gateway.admin.cutover('everyone', { weight: '100%', pacePerSecond: 2 }));
  await eventually('some have moved', async () => answerOf(await world.gateway.admin.move(move.id)).moved > 6);
  return move.id;
}

test('moves are listed and shown as they ended, also behind the death of the control process', async () => {
  await using devices = await connectAll('meter');
  await Promise.all(devices.all.map((device) => device.client.subscribeAsync(`orders/${device.clientId}`, { qos: 1 })));
  const cutover = answerOf(await world.gateway.admin.cutover('everyone', { weight: '100%' }));
  assert.equal((await world.ended(cutover.move.id)).moved, count);
  const rollback = answerOf(await world.gateway.admin.rollback('everyone', {}));
  assert.equal((await world.ended(rollback.move.id)).moved, count);
  const before = await movesNow();
  await replaceControl();
  assert.deepEqual(await movesNow(), before);
  assert.deepEqual(answerOf(await world.gateway.admin.move(cutover.move.id)), before[1]);

  // One that is under way goes on with its figures.
  const id = await interruptible();
  await replaceControl();
  const ended = await world.ended(id, 60_000);
  assert.deepEqual([ended.state, ended.eligible], ['done', count]);
  assert.equal((await world.gateway.status()).brokers['target']?.sessions, count);
  assert.equal(ended.message === null, ended.moved === count, JSON.stringify(ended));
  answerOf(await world.gateway.admin.rollback('everyone', {}));
  await eventually('all are back', async () => (await world.gateway.status()).brokers['legacy']?.sessions === count);
});

test('a move that the gateway was killed in keeps its figures and waits for its devices', async () => {
  const first = await connectAll('other');
  await Promise.all(first.all.map((device) => device.client.subscribeAsync(`orders/${device.clientId}`, { qos: 1 })));
  const id = await interruptible();
  assert.equal(answerOf(await world.gateway.admin.pauseMove(id)).state, 'paused');
  await eventually('nobody is under way', async () => answerOf(await world.gateway.admin.move(id)).underWay === 0);
  process.kill(world.gateway.pid, 'SIGKILL');
  await first[Symbol.asyncDispose]();
  await world.restart();
  const kept = answerOf(await world.gateway.admin.move(id));
  assert.deepEqual([kept.state, kept.eligible, kept.moved > 6], ['paused', count, true]);
  const resumed = answerOf(await world.gateway.admin.resumeMove(id));
  assert.equal(resumed.state, 'running');
  assert.match(resumed.message ?? '', /waits for its devices to come back/);
  await using back = await connectAll('other');
  const ended = await world.ended(id, 60_000);
  assert.deepEqual([ended.state, ended.eligible], ['done', count]);
  assert.ok(ended.moved >= resumed.moved);
  const unseen = count - ended.moved;
  if (unseen > 0)
    assert.match(ended.message ?? '', new RegExp(`^${unseen} of ${count} sessions were not seen to move`));
  const { brokers } = await world.gateway.status();
  assert.deepEqual([brokers['legacy']?.sessions, brokers['target']?.sessions], [0, count]);
  assert.equal(back.all.length, count);
});
