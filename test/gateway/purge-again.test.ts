import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { GatewaySettings } from '../../src/gateway/gateway-ports.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';
import { TravellingClock } from './travelling-clock.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let clock: TravellingClock;
let devices: TestDevice[] = [];

before(() => {
  clock = new TravellingClock();
});
after(() => clock.stop());
afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

const window = 100_000;

async function start(random: () => number): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }] };
  const settings: GatewaySettings = {
    clientIdPolicy: 'any',
    brokers: { legacy: broker, target: broker },
    handover: { overlapMs: 0, settleMs: 0, rollbackWindowMs: window, attemptMs: 5_000 },
  };
  world = await createGatewayWorld({ settings, clock, random });
  for (const each of [world.legacy, world.target]) each.grants = 1;
}

async function attach(clientId: string): Promise<void> {
  const device = await TestDevice.dial(world.port);
  devices.push(device);
  device.connect(clientId, { clean: false, keepalive: 0 });
  await device.inbox.packet('connack');
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
  await device.inbox.packet('suback');
}

/** All sessions to the target, their former legs unsubscribed and standing by. */
async function move(count: number): Promise<void> {
  await world.cutOver('target');
  await until(() => {
    clock.travel(1);
    return (
      world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: count, order: 'first-first' }).remaining === 0
    );
  });
  const left = () => world.legacy.legs.filter(({ inbox }) => inbox.commands().includes('unsubscribe')).length;
  // Their homes are written down before that.
  await until(() => {
    clock.travel(10);
    return left() === count;
  });
  await until(() => {
    clock.travel(1);
    return world.gateway.sessions({ limit: count }).every(({ inFlight }) => inFlight === 0);
  });
}

const failures = () => metricValue(world.metrics.connects, { broker: 'legacy', result: 'purge-failed' });

async function untilFailed(times: number): Promise<void> {
  for (let turns = 0; (await failures()) < times; turns += 1) {
    assert.ok(turns < 100_000, `${await failures()} of ${times} failures`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the rollback windows of a cohort', () => {
  it('end apart, the last one a tenth later than the first', async () => {
    let drawn = 0;
    await start(() => (drawn++ % 10) / 10);
    for (let index = 0; index < 10; index += 1) await attach(`meter-${index}`);
    await move(10);
    // The gateway's own ends: what it has let go it has let go in the same turn.
    const letGo = () => world.upstreams.slice(0, 10).filter(({ writableEnded }) => writableEnded).length;
    const counts: number[] = [];
    clock.travel(window - 1_000);
    for (let step = 0; step < 12; step += 1) {
      clock.travel(1_000);
      counts.push(letGo());
    }
    assert.equal(counts.at(-1), 10, counts.join());
    assert.ok(new Set(counts).size > 4, counts.join());
  });
});

describe('a purge of a session that has moved', () => {
  it('is tried again where it fails, until it succeeds', async () => {
    await start(() => 0.5);
    await attach('meter-1');
    await move(1);
    world.legacy.onConnect = 'close';
    clock.travel(window * 1.1);
    await until(() => world.legacy.legs.length === 2, 'the purge');
    await untilFailed(1);
    clock.travel(35_000);
    await until(() => world.legacy.legs.length === 3, 'the second try');
    await untilFailed(2);
    world.legacy.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x00]);
    clock.travel(65_000);
    await until(() => world.registry.purges.length === 1, 'the third try');
    assert.deepEqual(world.registry.purges, [{ clientId: 'meter-1', broker: 'legacy' }]);
    clock.travel(3_600_000);
    assert.equal(world.legacy.legs.length, 4);
  });

  it('is left to the next CONNECT after five more, and when the device leaves', async () => {
    await start(() => 0);
    await attach('meter-1');
    await attach('meter-2');
    await move(2);
    world.down.add('legacy');
    clock.travel(window);
    let tries = 0;
    for (let step = 0; step < 20; step += 1) {
      for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      tries = await failures();
      if (step === 2) devices[1]?.socket.destroy();
      clock.travel(6_000);
    }
    // Once and five times, and of the other one while its device was there.
    assert.ok(tries > 6 && tries < 12, `${tries}`);
    assert.deepEqual(world.registry.purges, []);
  });
});
