import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import type { HandoverQuestion, SecondLegUse } from '../../src/gateway/live-session.ts';
import { showSecondLegs } from '../../src/gateway/second-legs.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

const endpoints = [{ host: '127.0.0.1', tls: false }];
const handover = { overlapMs: 20, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 };

async function startWithDevices(...clientIds: readonly string[]): Promise<void> {
  const brokers = { legacy: { profile: 'mqtt', endpoints }, target: { profile: 'mqtt', endpoints } };
  world = await createGatewayWorld({ settings: { clientIdPolicy: 'any', brokers, handover }, random: () => 0.1 });
  for (const broker of [world.legacy, world.target]) {
    broker.grants = 1;
    broker.onConnect = connackAccepted;
  }
  for (const clientId of clientIds) {
    const device = await TestDevice.dial(world.port, 4);
    devices.push(device);
    device.connect(clientId, { clean: false });
    await device.inbox.packet('connack');
    device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
    await device.inbox.packet('suback');
  }
}

const prepare = { cohort: 'everyone', weightBps: 10_001 };

function ask(question: Partial<HandoverQuestion> = {}): void {
  world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', ...question });
}

async function comesToBe(broker: string, use: SecondLegUse, legs: number, question?: Partial<HandoverQuestion>) {
  await until(() => {
    if (question !== undefined) ask(question);
    const found = world.gateway.counts().secondLegs;
    return found.some((each) => each.broker === broker && each.use === use && each.legs === legs);
  }, `${legs} ${use} at ${broker}`);
  const { secondLegs } = world.gateway.counts();
  assert.deepEqual(secondLegs, [{ broker, cohort: 'everyone', use, legs }]);
}

const movingNow = () => world.gateway.counts().byCohort['everyone']?.moving;

it('is counted while it is dialled, prepared, and warm behind the switch, and no more when it is taken back', async () => {
  await startWithDevices('meter-1', 'meter-2');
  assert.deepEqual(world.gateway.counts().secondLegs, []);
  ask({ prepare });
  await comesToBe('target', 'under-way', 2);
  await comesToBe('target', 'prepared', 2, { prepare });
  assert.equal(movingNow(), 0, 'the plan wants them where they are');
  world.gateway.abortHandovers('m');
  await until(() => world.gateway.counts().secondLegs.length === 0, 'no second leg');
  await world.cutOver('target');
  assert.equal(movingNow(), 2, 'also persistent ones, and before anything moves them');
  await comesToBe('legacy', 'warm', 2, {});
  assert.equal(movingNow(), 0);
});

it('shows in the metrics, by broker, cohort and use, and goes from there', async () => {
  await startWithDevices('meter-1');
  const { secondLegs: gauge } = world.metrics;
  await comesToBe('target', 'prepared', 1, { prepare });
  const labels = { broker: 'target', cohort: 'everyone', use: 'prepared' };
  showSecondLegs(gauge, world.gateway.counts().secondLegs);
  assert.equal(await metricValue(gauge, labels), 1);
  world.gateway.abortHandovers('m');
  await until(() => world.gateway.counts().secondLegs.length === 0, 'no second leg');
  showSecondLegs(gauge, world.gateway.counts().secondLegs);
  assert.deepEqual((await gauge.get()).values, []);
});
