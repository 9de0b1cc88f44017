import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import mqtt from 'mqtt-packet';
import type { HandoverReply } from '../../src/gateway/live-session.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { TravellingClock } from './travelling-clock.ts';

const endpoints = [{ host: '127.0.0.1', tls: false }];
const handover = { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 60_000 };

let clock: TravellingClock;
let world: GatewayWorld;

before(async () => {
  clock = new TravellingClock();
  const brokers = { legacy: { profile: 'mqtt', endpoints }, target: { profile: 'mqtt', endpoints } };
  world = await createGatewayWorld({ settings: { clientIdPolicy: 'any', brokers, handover }, clock });
  for (const broker of [world.legacy, world.target]) {
    broker.grants = 1;
    broker.onConnect = connackAccepted;
  }
});

after(async () => {
  await world.stop();
  clock.stop();
});

/** Asks as a move does, 20 ms apart, until the reply is as wanted; every reply on the way. */
async function askUntil(check: (reply: HandoverReply) => boolean): Promise<readonly HandoverReply[]> {
  const replies: HandoverReply[] = [];
  for (let times = 0; times < 2_000; times += 1) {
    const reply = world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 1, order: 'first-first' });
    replies.push(reply);
    if (check(reply)) return replies;
    clock.travel(20);
    await nextTurn();
  }
  return assert.fail(JSON.stringify(replies.at(-1)));
}

it('a device that stops in the middle of a packet is pending and not given up, and moves once the rest has come', async () => {
  const device = await TestDevice.dial(world.port);
  device.connect('meter-1');
  await device.inbox.packet('connack');
  const payload = Buffer.alloc(140_000, 'x');
  const packet = mqtt.generate({
    cmd: 'publish',
    topic: 't',
    payload,
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });
  device.socket.write(packet.subarray(0, 70_000));
  const legacy = await world.legacy.leg();
  while (legacy.received.reduce((total, { length }) => total + length, 0) < 60_000) await nextTurn();
  await world.cutOver('target');
  const replies = await askUntil(({ asleep }) => asleep === 1);
  const last = replies.at(-1);
  assert.deepEqual([last?.remaining, last?.staying], [0, []]);
  assert.match(last?.waiting[0]?.reason ?? '', /^its device stopped in the middle of a packet/);
  assert.deepEqual(
    replies.flatMap(({ aborted }) => aborted),
    [],
  );
  device.socket.write(packet.subarray(70_000));
  await device.inbox.packet('puback');
  const awake = await askUntil(({ moved }) => moved === 1);
  assert.equal(awake.at(-1)?.asleep, 0);
  assert.equal(device.inbox.isClosed, false);
  device.socket.destroy();
});
