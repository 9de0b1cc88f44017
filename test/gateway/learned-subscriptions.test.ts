import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { HandoverReply } from '../../src/gateway/live-session.ts';
import { decodeSubscriptions, encodeSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let device: TestDevice;

afterEach(async () => {
  device.socket.destroy();
  await world.stop();
});

const sessionPresent = Buffer.from([0x20, 0x02, 0x01, 0x00]);

/** A device whose session its broker had before there was a gateway. */
async function attachOldSession(): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }] };
  const handover = { overlapMs: 20, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 };
  const settings = { clientIdPolicy: 'any', brokers: { legacy: broker, target: broker }, handover } as const;
  world = await createGatewayWorld({ settings, random: () => 0.1 });
  world.legacy.onConnect = sessionPresent;
  world.target.onConnect = connackAccepted;
  for (const each of [world.legacy, world.target]) each.grants = 1;
  device = await TestDevice.dial(world.port, 4);
  device.connect('old-1', { clean: false });
  await device.inbox.packet('connack');
}

function ask(): HandoverReply {
  return world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first' });
}

function learn(filters: readonly string[], { subscriptionsKnown = true, epoch = 1 } = {}): void {
  const options = { noLocal: false, retainAsPublished: false, retainHandling: 0, qos: 1, granted: 1 } as const;
  const held = filters.map((filter) => ({ filter, ...options }));
  world.gateway.learn(1, epoch, encodeSubscriptions({ subscriptionsKnown, held }));
}

function pendingReasons(): readonly (string | undefined)[] {
  return world.gateway.sessions({ pending: true, withReasons: true, limit: 9 }).map(({ reason }) => reason);
}

const homeOf = () => world.gateway.sessions({ limit: 1 })[0]?.home;

/** What the target was asked for when the session moved there. */
async function filtersAtTarget(): Promise<readonly string[]> {
  await until(() => {
    ask();
    return homeOf() === 'target';
  }, 'the session on the target');
  const packets = world.target.legs.flatMap(({ inbox }) => inbox.packets);
  return packets.flatMap((packet) =>
    packet.cmd === 'subscribe' ? packet.subscriptions.map(({ topic }) => topic) : [],
  );
}

describe('what an operator knows of a live session that is older than the gateway', () => {
  it('makes it movable at once, and is the gateway’s own knowledge from its switch on', async () => {
    await attachOldSession();
    await world.cutOver('target');
    assert.equal(ask().unknownSubscriptions, 1);
    const reason = 'persistent session: what it is subscribed to is not known';
    assert.deepEqual(pendingReasons(), [reason]);
    learn(['commands', 'config/#']);
    assert.deepEqual(pendingReasons(), ['it can move, and no move has begun with it']);
    assert.equal(world.registry.remembered.length, 0, 'the import stands for it as long as it stays where it is');
    assert.deepEqual(await filtersAtTarget(), ['commands', 'config/#']);
    assert.equal(ask().unknownSubscriptions, 0);
    assert.deepEqual(pendingReasons(), []);
    await until(() => world.registry.remembered.length > 0, 'subscriptions on disk');
    const { subscriptionsKnown, held } = decodeSubscriptions(world.registry.remembered.at(-1)?.subscriptions);
    assert.deepEqual([subscriptionsKnown, held.map(({ filter }) => filter)], [true, ['commands', 'config/#']]);
    assert.deepEqual(world.registry.ends, []);
  });

  it('replaces what was told before, and counts for nothing where it is not all', async () => {
    await attachOldSession();
    await world.cutOver('target');
    learn(['wrong']);
    learn(['right'], { subscriptionsKnown: false });
    assert.equal(ask().unknownSubscriptions, 1);
    learn(['right']);
    assert.deepEqual(await filtersAtTarget(), ['right']);
    learn(['too-late']);
    await world.cutOver('legacy');
    await until(() => {
      ask();
      return homeOf() === 'legacy';
    }, 'the session back on legacy');
    const packets = world.legacy.legs.flatMap(({ inbox }) => inbox.packets);
    assert.ok(!JSON.stringify(packets).includes('too-late'), 'it has moved since: what was made then holds');
  });

  it('is older than what the device gave up on this connection', async () => {
    await attachOldSession();
    device.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['gone'] });
    await device.inbox.packet('unsuback');
    await world.cutOver('target');
    learn(['commands', 'gone']);
    assert.deepEqual(await filtersAtTarget(), ['commands']);
  });

  it('is older than what the device subscribed to', async () => {
    await attachOldSession();
    device.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: 'own', qos: 1 }] });
    await device.inbox.packet('suback');
    learn(['commands']);
    await world.cutOver('target');
    assert.deepEqual(await filtersAtTarget(), ['own']);
  });

  it('says nothing of a session that came after it', async () => {
    await attachOldSession();
    await world.cutOver('target');
    learn(['commands'], { epoch: 0 });
    assert.equal(ask().unknownSubscriptions, 1);
  });
});
