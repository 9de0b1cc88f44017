import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { BridgeDelays, HandoverSettings } from '../../src/gateway/gateway-ports.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { type BrokerLeg, connackAccepted, connackAccepted5, type ScriptedBroker } from './scripted-broker.ts';
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
const brokers = { legacy: { profile: 'mqtt', endpoints }, target: { profile: 'mqtt', endpoints } };

async function start(handover: Partial<HandoverSettings> = {}, bridgeDelays?: BridgeDelays): Promise<void> {
  world = await createGatewayWorld({
    settings: {
      clientIdPolicy: 'any',
      brokers,
      handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000, ...handover },
    },
    random: () => 0.1,
    ...(bridgeDelays !== undefined && { bridgeDelays }),
  });
}

async function attach(clientId: string, options = {}, version: 4 | 5 = 4): Promise<TestDevice> {
  for (const broker of [world.legacy, world.target]) {
    broker.grants = 1;
    broker.onConnect = version === 5 ? connackAccepted5 : connackAccepted;
    broker.protocolVersion = version;
  }
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect(clientId, { will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false }, ...options });
  await device.inbox.packet('connack');
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
  await device.inbox.packet('suback');
  return device;
}

function ask(question: Partial<HandoverQuestion> = {}): HandoverReply {
  return world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', ...question });
}

/** Asks as a move does until the reply is as wanted. */
async function askUntil(
  check: (reply: HandoverReply) => boolean,
  question: Partial<HandoverQuestion> = {},
): Promise<HandoverReply> {
  const deadline = Date.now() + 8_000;
  for (;;) {
    const reply = ask(question);
    if (check(reply)) return reply;
    assert.ok(Date.now() < deadline, JSON.stringify(reply));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const isDone = ({ remaining }: HandoverReply) => remaining === 0;
const prepareAll: Partial<HandoverQuestion> = { prepare: { cohort: 'everyone', weightBps: 10_001 } };
const isPrepared = ({ prepared }: HandoverReply) => prepared === 1;

let messageId = 10;

async function assertPublishesTo(device: TestDevice, broker: ScriptedBroker): Promise<void> {
  messageId += 1;
  const payload = `p${messageId}`;
  device.send({ cmd: 'publish', topic: 't', payload, qos: 1, messageId, dup: false, retain: false });
  const isIt = (packet: mqtt.Packet) => packet.cmd === 'publish' && String(packet.payload) === payload;
  await until(() => broker.legs.some(({ inbox }) => inbox.packets.some(isIt)), `${payload} at its broker`);
  await device.inbox.until(() => device.inbox.packets.some((p) => p.cmd === 'puback' && p.messageId === messageId));
}

function deliver({ socket }: BrokerLeg, payload: string): void {
  socket.write(mqtt.generate({ cmd: 'publish', topic: 'commands', payload, qos: 0, dup: false, retain: false }));
}

const homeOf = () => world.gateway.sessions({ limit: 1 })[0]?.home;

/** Over to the target, its former leg standing by. */
async function handOver(): Promise<void> {
  await world.cutOver('target');
  await askUntil(isDone);
  const leg = await world.legacy.leg();
  await leg.inbox.packet('unsubscribe');
}

describe('a live handover', () => {
  it('changes the broker and nothing else: no close, no will, no message lost', async () => {
    await start();
    const device = await attach('meter-1');
    const former = await world.legacy.leg();
    await handOver();
    const leg = await world.target.leg();
    assert.deepEqual(leg.inbox.commands().slice(0, 2), ['connect', 'subscribe']);
    assert.ok('will' in (await leg.inbox.packet('connect')));
    await assertPublishesTo(device, world.target);
    deliver(leg, 'from the target');
    await device.inbox.packet('publish');
    assert.equal(homeOf(), 'target');
    assert.equal(former.inbox.isClosed, false);
    assert.ok(!former.inbox.commands().includes('disconnect'));
    assert.deepEqual(world.registry.ends, []);
    assert.equal(world.registry.attachments.at(-1)?.broker, 'target');
    assert.equal(await metricValue(world.metrics.handovers, { result: 'switched' }), 1);
    assert.equal(await metricValue(world.metrics.sessions, { broker: 'target', cohort: 'everyone' }), 1);
  });

  it('goes back over the leg that stands by, without a further CONNECT', async () => {
    await start();
    const device = await attach('meter-1');
    await handOver();
    await world.cutOver('legacy');
    const reply = await askUntil(isDone, { move: 'back' });
    await until(() => homeOf() === 'legacy');
    assert.equal(reply.begun, 0);
    assert.equal(world.dials.length, 2);
    await assertPublishesTo(device, world.legacy);
  });

  it('is told once as moved', async () => {
    await start();
    await attach('meter-1');
    await world.cutOver('target');
    let moved = 0;
    await askUntil((reply) => {
      moved += reply.moved;
      return isDone(reply);
    });
    moved += ask().moved;
    assert.equal(moved, 1);
  });

  it('lets the former leg go when the window is over', async () => {
    await start({ rollbackWindowMs: 50 });
    const device = await attach('meter-1');
    await handOver();
    const former = await world.legacy.leg();
    await former.inbox.closed();
    assert.equal(former.inbox.commands().at(-1), 'disconnect');
    await assertPublishesTo(device, world.target);
  });

  it('only makes legs for the weight to come when it prepares', async () => {
    await start();
    const device = await attach('meter-1');
    await askUntil(isPrepared, prepareAll);
    assert.deepEqual((await world.target.leg()).inbox.commands(), ['connect']);
    await assertPublishesTo(device, world.legacy);
    await world.cutOver('target');
    assert.equal(ask({ begin: 0 }).underWay, 1);
    await askUntil(isDone);
    assert.equal(world.dials.length, 2);
  });

  it('makes legs and switches nobody while its switches are held', async () => {
    await start();
    const device = await attach('meter-1');
    await world.cutOver('target');
    const reply = await askUntil(isPrepared, { holdsSwitches: true });
    assert.deepEqual([reply.remaining, reply.moved], [1, 0]);
    assert.deepEqual((await world.target.leg()).inbox.commands(), ['connect']);
    await assertPublishesTo(device, world.legacy);
    await askUntil(isDone);
    assert.equal(world.dials.length, 2, 'over the leg that stood by');
    await assertPublishesTo(device, world.target);
  });

  it('lets both brokers deliver as long as the bridge between them is late', async () => {
    const asked: (readonly string[])[] = [];
    const overlapMs = (...brokers: readonly string[]) => {
      asked.push(brokers);
      return 300;
    };
    await start({}, { overlapMs });
    const device = await attach('meter-1');
    await world.cutOver('target');
    await askUntil(isDone);
    const beganMs = performance.now();
    const former = await world.legacy.leg();
    deliver(former, 'late over the bridge');
    await device.inbox.packet('publish');
    await former.inbox.packet('unsubscribe');
    assert.ok(performance.now() - beganMs >= 250, 'not the 30 ms that are configured');
    assert.deepEqual(asked, [['legacy', 'target']]);
  });

  it('counts all live sessions of its cohorts, and where the remaining ones go', async () => {
    await start();
    await attach('meter-1');
    const before = ask({ isPaused: true });
    assert.deepEqual([before.sessions, before.destinations], [1, {}]);
    await world.cutOver('target');
    const reply = ask({ isPaused: true });
    assert.deepEqual([reply.sessions, reply.remaining, reply.destinations], [1, 1, { target: 1 }]);
    assert.equal(ask({ isPaused: true, cohorts: ['nobody'] }).sessions, 0);
    await handOver();
    assert.equal(ask().sessions, 1);
  });

  it('begins nothing while it is paused', async () => {
    await start();
    await attach('meter-1');
    await world.cutOver('target');
    const reply = ask({ isPaused: true });
    assert.deepEqual([reply.begun, reply.remaining, reply.underWay], [0, 1, 0]);
    assert.equal(world.dials.length, 1);
  });

  it('leaves what another move has under way alone while it only asks', async () => {
    await start();
    await attach('meter-1');
    await askUntil(isPrepared, prepareAll);
    const rehearsal = { move: 'rehearsal', isPaused: true, prepare: { cohort: 'everyone', weightBps: 0 } };
    assert.equal(ask(rehearsal).remaining, 0);
    assert.equal(ask({ move: 'rehearsal', isPaused: true, ...prepareAll }).prepared, 1);
    await world.cutOver('target');
    let moved = 0;
    await askUntil((reply) => {
      moved += reply.moved;
      return isDone(reply);
    });
    assert.equal(moved + ask().moved, 1);
    assert.equal(world.dials.length, 2);
  });

  it('leaves a persistent session whose subscriptions nobody knows, and says so', async () => {
    await start();
    for (const broker of [world.legacy, world.target]) broker.onConnect = Buffer.from([0x20, 0x02, 0x01, 0x00]);
    const device = await TestDevice.dial(world.port);
    devices.push(device);
    device.connect('meter-1', { clean: false });
    await device.inbox.packet('connack');
    await world.cutOver('target');
    const reply = ask();
    assert.equal(reply.remaining, 0);
    assert.equal(reply.unknownSubscriptions, 1);
    assert.match(reply.waiting[0]?.reason ?? '', /not known/);
    assert.deepEqual(reply.staying, [], 'pending, and not refused too');
    const terms = { name: 'everyone', source: 'legacy', target: 'target' };
    assert.deepEqual(world.gateway.misplacedPersistent([{ ...terms, weightBps: 10_000 }]), { everyone: 1 });
    assert.deepEqual(world.gateway.misplacedPersistent([{ ...terms, weightBps: 0 }]), {});
    assert.deepEqual(world.gateway.misplacedPersistent([{ ...terms, name: 'other', weightBps: 10_000 }]), {});
  });
});

describe('a live handover of a persistent session', () => {
  it('begins a new one at the target, by a purge before MQTT 5', async () => {
    await start();
    await attach('meter-1', { clean: false });
    await handOver();
    const [purge, leg] = [await world.target.leg(0), await world.target.leg(1)];
    assert.deepEqual(purge.inbox.commands(), ['connect', 'disconnect']);
    assert.equal((await purge.inbox.packet('connect'))['clean'], true);
    assert.equal((await leg.inbox.packet('connect'))['clean'], false);
    const moved = world.registry.attachments.at(-1);
    assert.deepEqual([moved?.broker, moved?.persistent], ['target', true]);
  });

  it('begins a new one at the target by Clean Start in MQTT 5', async () => {
    await start();
    await attach('meter-1', { properties: { sessionExpiryInterval: 600 } }, 5);
    await handOver();
    const connect = await (await world.target.leg()).inbox.packet('connect');
    assert.equal(connect['clean'], true);
    assert.deepEqual(connect['properties'], { sessionExpiryInterval: 600 });
  });

  it('leaves nothing at the former broker behind the window', async () => {
    await start({ rollbackWindowMs: 50 });
    await attach('meter-1', { clean: false });
    await handOver();
    const purge = await world.legacy.leg(1);
    await purge.inbox.closed();
    assert.equal((await purge.inbox.packet('connect'))['clean'], true);
    assert.deepEqual(purge.inbox.commands(), ['connect', 'disconnect']);
    await until(() => world.registry.purges.length === 1);
    assert.deepEqual(world.registry.purges, [{ clientId: 'meter-1', broker: 'legacy' }]);
  });
});

describe('a session that moved before', () => {
  const claim = { granted: true, hasHome: true, tookOver: false } as const;

  it('is purged where it was, behind the CONNACK of its device', async () => {
    await start();
    world.registry.answer = (request, epoch) => ({ ...claim, epoch, broker: request.desired, former: ['target'] });
    const device = await attach('meter-1', { clean: false });
    const purge = await world.target.leg();
    await purge.inbox.closed();
    assert.deepEqual(purge.inbox.commands(), ['connect', 'disconnect']);
    await until(() => world.registry.purges.length === 1);
    await assertPublishesTo(device, world.legacy);
  });

  it('begins anew where an old one of it may lie', async () => {
    await start();
    world.registry.answer = (request, epoch) => ({ ...claim, epoch, broker: request.desired, isStale: true });
    await attach('meter-1', { clean: false });
    const purge = await world.legacy.leg(0);
    assert.equal((await purge.inbox.packet('connect'))['clean'], true);
    assert.equal((await (await world.legacy.leg(1)).inbox.packet('connect'))['clean'], false);
  });
});

describe('a live handover that ends before its switch', () => {
  async function assertUntouched(device: TestDevice): Promise<void> {
    assert.equal(homeOf(), 'legacy');
    await assertPublishesTo(device, world.legacy);
    const leg = await world.legacy.leg();
    deliver(leg, 'still here');
    await device.inbox.packet('publish');
    assert.deepEqual(leg.inbox.commands().slice(0, 2), ['connect', 'subscribe']);
    assert.ok(!leg.inbox.commands().includes('unsubscribe'));
    assert.deepEqual(world.registry.ends, []);
  }

  it('is tried again later when the target has no room, and not again when it refuses for good', async () => {
    await start();
    const device = await attach('meter-1');
    await world.cutOver('target');
    world.target.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x03]);
    const { aborted } = await askUntil((reply) => reply.aborted.length > 0);
    assert.deepEqual(aborted, [{ clientId: 'meter-1', reason: 'CONNACK 0x03' }]);
    assert.deepEqual([ask().begun, ask().remaining], [0, 1]);
    world.target.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x05]);
    const { staying } = await askUntil((reply) => reply.staying.length > 0);
    assert.deepEqual(staying, [{ clientId: 'meter-1', reason: 'CONNACK 0x05' }]);
    assert.equal(ask().remaining, 0);
    await assertUntouched(device);
  });

  it('leaves the session when the target denies a subscription', async () => {
    await start();
    const device = await attach('meter-1');
    world.target.grants = 0x80;
    await world.cutOver('target');
    await askUntil((reply) => reply.aborted.length > 0);
    const leg = await world.target.leg();
    await leg.inbox.closed();
    assert.equal(leg.inbox.commands().at(-1), 'disconnect');
    await assertUntouched(device);
  });

  it('leaves the session when the target goes away, standing by or half way', async () => {
    await start();
    const device = await attach('meter-1');
    await askUntil(isPrepared, prepareAll);
    (await world.target.leg()).socket.destroy();
    await askUntil(({ prepared, underWay }) => prepared + underWay === 0 || world.dials.length === 3, prepareAll);
    await askUntil(isPrepared, prepareAll);
    world.target.grants = undefined;
    await world.cutOver('target');
    ask();
    const leg = await world.target.leg(1);
    await leg.inbox.packet('subscribe');
    leg.socket.destroy();
    await askUntil((reply) => reply.aborted.length > 0);
    await assertUntouched(device);
  });

  it('takes too long', async () => {
    await start({ attemptMs: 100 });
    const device = await attach('meter-1');
    world.target.grants = undefined;
    await world.cutOver('target');
    const { aborted } = await askUntil((reply) => reply.aborted.length > 0);
    assert.equal(aborted[0]?.reason, 'it took too long');
    await assertUntouched(device);
  });

  for (const phase of ['dialling', 'standing', 'cutting'] as const) {
    for (const end of ['the operator takes it back', 'the plan changes'] as const) {
      it(`is as if it had never been when ${end} while it is ${phase}`, async () => {
        await start();
        const device = await attach('meter-1');
        const leg = await bringTo(phase);
        if (end === 'the plan changes') {
          await world.cutOver('legacy');
          ask();
        } else world.gateway.abortHandovers('m');
        await leg.inbox.closed();
        assert.equal(leg.inbox.commands().at(-1), 'disconnect');
        await assertUntouched(device);
        assert.deepEqual(ask({ isPaused: true }).aborted, []);
      });
    }
  }
});

type Phase = 'dialling' | 'standing' | 'cutting' | 'draining' | 'former';

/** The second leg, or the one that the session has left, in the phase. */
async function bringTo(phase: Phase): Promise<BrokerLeg> {
  if (phase === 'dialling') world.target.onConnect = 'silent';
  if (phase === 'cutting') world.target.grants = undefined;
  if (phase === 'standing') await askUntil(isPrepared, prepareAll);
  else {
    if (phase === 'draining') world.legacy.grants = undefined;
    await world.cutOver('target');
    ask();
  }
  if (phase === 'draining' || phase === 'former') {
    await until(() => homeOf() === 'target');
    const former = await world.legacy.leg();
    await former.inbox.packet('unsubscribe');
    return former;
  }
  const leg = await world.target.leg();
  await leg.inbox.packet(phase === 'cutting' ? 'subscribe' : 'connect');
  return leg;
}

const phases: readonly Phase[] = ['dialling', 'standing', 'cutting', 'draining', 'former'];

describe('a device that is lost in a handover', () => {
  for (const phase of phases) {
    it(`has its will published once, by the broker of its session: ${phase}`, async () => {
      await start();
      const device = await attach('meter-1');
      const other = await bringTo(phase);
      const hasSwitched = phase === 'draining' || phase === 'former';
      const active = await (hasSwitched ? world.target : world.legacy).leg();
      device.socket.resetAndDestroy();
      await Promise.all([active.inbox.closed(), other.inbox.closed()]);
      assert.ok(!active.inbox.commands().includes('disconnect'));
      assert.equal(other.inbox.commands().at(-1), 'disconnect');
      await until(() => world.registry.ends.length === 1);
      assert.ok(world.upstreams.every(({ closed }) => closed));
      assert.equal(world.registry.ends[0]?.sessionOver, true);
    });

    it(`says DISCONNECT to both brokers when it did: ${phase}`, async () => {
      await start();
      const device = await attach('meter-1');
      const other = await bringTo(phase);
      const hasSwitched = phase === 'draining' || phase === 'former';
      const active = await (hasSwitched ? world.target : world.legacy).leg();
      device.send({ cmd: 'disconnect' });
      await Promise.all([active.inbox.closed(), other.inbox.closed()]);
      assert.equal(active.inbox.commands().at(-1), 'disconnect');
      assert.equal(other.inbox.commands().at(-1), 'disconnect');
      await until(() => world.registry.ends.length === 1);
    });
  }
});

describe('a newer connection of the client ID in a handover', () => {
  for (const phase of phases) {
    for (const newBroker of ['legacy', 'target']) {
      it(`waits for every leg that its own broker does not end: ${phase}, to ${newBroker}`, async () => {
        await start();
        const device = await attach('meter-1');
        const other = await bringTo(phase);
        const hasSwitched = phase === 'draining' || phase === 'former';
        const home = hasSwitched ? 'target' : 'legacy';
        const active = await world[home].leg();
        await world.gateway.endLeg(1, 9, newBroker);
        assert.equal(world.registry.ends.length, 1);
        await other.inbox.closed();
        assert.equal(other.inbox.commands().at(-1), 'disconnect');
        const isLeft = home === newBroker;
        if (isLeft) assert.equal(active.inbox.isClosed, false);
        else await active.inbox.closed();
        assert.equal(active.inbox.commands().includes('disconnect'), !isLeft);
        await device.inbox.closed();
        const open = world.upstreams.filter(({ closed }) => !closed);
        assert.equal(open.length, isLeft ? 1 : 0);
      });
    }
  }
});

describe('a session whose broker is lost in a move', () => {
  it('goes where the plan wants it, whichever leg stands by', async () => {
    await start();
    const device = await attach('meter-1');
    await handOver();
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await world.cutOver('legacy');
    await askUntil(isDone, { move: 'back' });
    await until(() => homeOf() === 'legacy');
    await assertPublishesTo(device, world.legacy);
    assert.deepEqual(world.registry.ends, []);
  });

  it('goes to a leg that stands by as it is, without a further CONNECT', async () => {
    await start();
    const device = await attach('meter-1');
    world.legacy.acknowledges = false;
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await (await world.legacy.leg()).inbox.packet('publish');
    await askUntil(isPrepared, prepareAll);
    world.down.add('legacy');
    (await world.legacy.leg()).socket.destroy();
    await world.cutOver('target');
    await askUntil(isDone);
    await device.inbox.packet('puback');
    assert.deepEqual((await world.target.leg()).inbox.commands().slice(0, 2), ['connect', 'subscribe']);
    assert.equal(world.target.legs.length, 1);
    await assertPublishesTo(device, world.target);
  });

  it('is home again first when that comes back first', async () => {
    await start();
    const device = await attach('meter-1');
    await world.cutOver('target');
    world.target.onConnect = 'silent';
    ask();
    await (await world.target.leg()).inbox.packet('connect');
    (await world.legacy.leg()).socket.destroy();
    await assertPublishesTo(device, world.legacy);
  });
});
