import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { HandoverReply } from '../../src/gateway/live-session.ts';
import type { FilterTokens, FilterWish } from '../../src/session/filter-tokens.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

/** Brokers that have a bound, and wishes that are granted by hand. */
class HandedTokens implements FilterTokens {
  readonly bound = new Set<string>();
  readonly spent: FilterWish[] = [];
  readonly waiting: (FilterWish & { readonly grant: () => void })[] = [];

  isBound(broker: string): boolean {
    return this.bound.has(broker);
  }

  take(wish: FilterWish, handleGranted: () => void): () => void {
    const entry = { ...wish, grant: () => [takeBack, handleGranted].forEach((each) => void each()) };
    const takeBack = () => void this.waiting.splice(this.waiting.indexOf(entry), this.waiting.includes(entry) ? 1 : 0);
    this.waiting.push(entry);
    return takeBack;
  }

  spend(wish: FilterWish): void {
    this.spent.push(wish);
  }
}

let world: GatewayWorld;
let devices: TestDevice[] = [];
let tokens: HandedTokens;

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

async function start(bound: readonly string[]): Promise<void> {
  const endpoints = [{ host: '127.0.0.1', tls: false }];
  tokens = new HandedTokens();
  for (const broker of bound) tokens.bound.add(broker);
  world = await createGatewayWorld({
    settings: {
      clientIdPolicy: 'any',
      brokers: { legacy: { profile: 'mqtt', endpoints }, target: { profile: 'mqtt', endpoints } },
      handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 },
    },
    random: () => 0.1,
    filters: tokens,
  });
  for (const broker of [world.legacy, world.target]) {
    broker.grants = 1;
    broker.onConnect = connackAccepted;
  }
}

async function attach(clientId: string): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port, 4);
  devices.push(device);
  device.connect(clientId);
  await device.inbox.packet('connack');
  const subscriptions = [1, 2, 3].map((number) => ({ topic: `commands/${number}`, qos: 1 as const }));
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  await device.inbox.packet('suback');
  return device;
}

function ask(isPrepare = false, isPaused = false): HandoverReply {
  return world.gateway.handOver({
    ...{ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', isPaused },
    ...(isPrepare && { prepare: { cohort: 'everyone', weightBps: 10_001 } }),
  });
}

async function prepare(count: number): Promise<void> {
  await world.cutOver('target');
  await until(() => ask(true).prepared === count, `${count} prepared`);
}

const homes = () => world.gateway.sessions({ limit: 10 }).map(({ home }) => home);
const targetSubscribes = () => world.target.legs.filter(({ inbox }) => inbox.commands().includes('subscribe')).length;

describe('a handover to a broker that takes only so many filters a second', () => {
  it('cuts each session when its tokens have come, prepared or not, and says how many filters it waits for', async () => {
    await start(['target']);
    for (const clientId of ['meter-1', 'meter-2']) await attach(clientId);
    await prepare(2);
    assert.deepEqual(ask(true, true).filters, { target: 6 });
    ask();
    await until(() => tokens.waiting.length === 2, 'two wishes');
    assert.deepEqual(
      tokens.waiting.map(({ broker, filters }) => `${broker} ${filters}`),
      ['target 3', 'target 3'],
    );
    assert.deepEqual([ask().underWay, targetSubscribes()], [2, 0]);
    assert.equal(tokens.waiting.length, 2, 'asked once');
    const [session] = world.gateway.sessions({ limit: 1, withReasons: true });
    assert.match(session?.reason ?? '', /^its turn comes: target takes/);
    tokens.waiting[0]?.grant();
    await until(() => homes().includes('target'), 'the first at the target');
    assert.deepEqual([homes().toSorted(), targetSubscribes()], [['legacy', 'target'], 1]);
    tokens.waiting[0]?.grant();
    await until(() => ask().remaining === 0, 'both at the target');
    assert.deepEqual(tokens.spent, [], 'what was waited for is not counted twice');
  });

  it('takes the wish back where the move is taken back, and nothing has changed', async () => {
    await start(['target']);
    await attach('meter-1');
    await prepare(1);
    ask();
    await until(() => tokens.waiting.length === 1, 'the wish');
    world.gateway.abortHandovers('m');
    assert.deepEqual([tokens.waiting.length, homes(), targetSubscribes()], [0, ['legacy'], 0]);
  });

  it('waits for nothing on the way back to a broker without a bound, and asks nobody', async () => {
    await start(['target']);
    await attach('meter-1');
    await prepare(1);
    ask();
    await until(() => tokens.waiting.length === 1, 'the wish');
    tokens.waiting[0]?.grant();
    await until(() => ask().remaining === 0, 'at the target');
    await (await world.legacy.leg()).inbox.packet('unsubscribe');
    await world.cutOver('legacy');
    await until(() => ask().remaining === 0, 'back again');
    assert.deepEqual([tokens.waiting, tokens.spent, homes()], [[], [], ['legacy']]);
  });
});

describe('a broker that takes only so many filters a second', () => {
  it('is asked at once for what a device wants, and that is counted', async () => {
    await start(['legacy']);
    await attach('meter-1');
    assert.deepEqual([tokens.waiting, tokens.spent], [[], [{ broker: 'legacy', filters: 3 }]]);
  });

  it('is asked again for a repaired session when the tokens have come; the device stays', async () => {
    await start(['legacy']);
    const device = await attach('meter-1');
    const leg = await world.legacy.leg();
    leg.socket.destroy();
    await until(() => tokens.waiting.length === 1, 'the wish');
    assert.deepEqual(
      tokens.waiting.map(({ broker, filters }) => `${broker} ${filters}`),
      ['legacy 3'],
    );
    const repaired = world.legacy.legs.at(-1) ?? assert.fail('no further leg');
    assert.deepEqual(repaired.inbox.commands(), ['connect']);
    device.send({ cmd: 'pingreq' });
    await device.inbox.packet('pingresp');
    tokens.waiting[0]?.grant();
    await repaired.inbox.packet('subscribe');
    assert.deepEqual(tokens.spent, [{ broker: 'legacy', filters: 3 }], 'the device’s own alone');
  });

  it('gets its turn back from a session whose connection is lost meanwhile', async () => {
    await start(['legacy']);
    await attach('meter-1');
    (await world.legacy.leg()).socket.destroy();
    await until(() => tokens.waiting.length === 1, 'the wish');
    devices[0]?.socket.destroy();
    await until(() => tokens.waiting.length === 0, 'no wish');
  });
});
