import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let device: TestDevice;
/** Rests are over as soon as they began; without a keep alive nothing else of a session waits for so long. */
let skewMs = 0;
const clock = { monotonicMs: () => performance.now() + skewMs, wallMs: () => Date.now() };

afterEach(async () => {
  device.socket.destroy();
  await world.stop();
});

async function start(): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }] };
  const handover = { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 };
  world = await createGatewayWorld({
    settings: { clientIdPolicy: 'any', brokers: { legacy: broker, target: broker }, handover },
    clock,
    random: () => 0.1,
  });
  device = await TestDevice.dial(world.port);
  device.connect('meter-1', { keepalive: 0 });
  await device.inbox.packet('connack');
}

function ask(question: Partial<HandoverQuestion> = {}): HandoverReply {
  const standing = { move: 'm-late', cohorts: ['everyone'], begin: 10, order: 'first-first', isUpkeep: true } as const;
  return world.gateway.handOver({ ...standing, ...question });
}

/** The switch behind it is the session machine's, whose deadlines do not jump with the clock. */
async function reachesTarget(): Promise<void> {
  await until(() => {
    ask();
    return world.target.legs.length === 1;
  }, 'its connection to the target');
}

/** One more dial that fails, and its rest over. */
async function failOnce(question: Partial<HandoverQuestion> = {}): Promise<void> {
  const { length } = world.dials;
  skewMs += 130_000;
  await until(() => {
    ask(question);
    return world.dials.length > length;
  }, 'a dial');
  await until(() => world.gateway.handOver({ ...paused, ...question }).underWay === 0);
}

const paused = { move: 'm-late', cohorts: ['everyone'], begin: 0, order: 'first-first', isPaused: true } as const;

test('a session that was late goes over however often that failed', async () => {
  await start();
  await world.cutOver('target');
  world.down.add('target');
  for (let times = 0; times < 5; times += 1) await failOnce();
  skewMs += 130_000;
  assert.deepEqual(ask({ isPaused: true }).staying, []);
  world.down.delete('target');
  await reachesTarget();
});

test('a prepared connection is made again however often that failed', async () => {
  await start();
  const prepare = { prepare: { cohort: 'everyone', weightBps: 10_001 } };
  world.down.add('target');
  for (let times = 0; times < 5; times += 1) await failOnce(prepare);
  skewMs += 130_000;
  world.down.delete('target');
  await until(() => ask(prepare).prepared === 1, 'the second connection');
});

test('a broker that was down is asked again when it is heard from', async () => {
  await start();
  await world.cutOver('target');
  world.down.add('target');
  world.watches['target']?.noteUnanswered(clock.monotonicMs(), clock.monotonicMs());
  for (let times = 0; times < 4; times += 1) await failOnce();
  world.down.delete('target');
  const { length } = world.dials;
  ask();
  assert.equal(world.dials.length, length, 'it rests');
  const watch = world.watches['target'];
  if (watch !== undefined) watch.heardMs = clock.monotonicMs();
  await reachesTarget();
});

test('a session that had no connect token is put back in the line, however often, and is no attempt that was given up', async () => {
  await start();
  await world.cutOver('target');
  const { registry } = world;
  registry.connectToken = async () => {
    registry.tokens += 1;
    return false;
  };
  let [requeued, aborted] = [0, 0];
  const tokens = registry.tokens;
  await until(() => {
    const reply = ask({ isUpkeep: false });
    requeued += reply.requeued;
    aborted += reply.aborted.length + reply.staying.length;
    skewMs += reply.requeued * 10_000;
    return requeued === 4;
  }, 'four times');
  assert.deepEqual([registry.tokens - tokens, aborted], [4, 0]);
  assert.ok(ask({ isPaused: true }).connects['target'] === 1);
  registry.connectToken = async () => true;
  await reachesTarget();
});

test('while a weight is prepared, what the plan in force wants there goes there, and nothing else', async () => {
  await start();
  const prepare = { cohort: 'everyone', weightBps: 10_001 };
  await until(() => ask({ prepare, movesLate: true }).prepared === 1, 'the second connection');
  // A cut would begin in the next turn.
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const homeOf = () => world.gateway.sessions({ limit: 1 })[0]?.home;
  assert.deepEqual([ask({ prepare, movesLate: true }).prepared, homeOf()], [1, 'legacy']);
  await world.cutOver('target');
  assert.deepEqual([ask({ prepare }).prepared, homeOf()], [1, 'legacy']);
  ask({ prepare, movesLate: true });
  await until(() => homeOf() === 'target', 'its way to the target');
});
