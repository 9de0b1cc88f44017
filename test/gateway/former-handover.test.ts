import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { GatewaySettings, HandoverSettings } from '../../src/gateway/gateway-ports.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { type BrokerLeg, connackAccepted, connackAccepted5 } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

async function start(
  handover: Partial<HandoverSettings> = {},
  { onDown = 'hold', repairMs = 30_000 }: { onDown?: 'hold' | 'source'; repairMs?: number } = {},
): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], onDown };
  const settings: GatewaySettings = {
    clientIdPolicy: 'any',
    brokers: { legacy: broker, target: broker },
    handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000, ...handover },
  };
  world = await createGatewayWorld({ settings, limits: { repairMs }, random: () => 0.1 });
}

async function attach(options = {}, version: 4 | 5 = 4): Promise<TestDevice> {
  for (const broker of [world.legacy, world.target]) {
    broker.grants = 1;
    broker.onConnect = version === 5 ? connackAccepted5 : connackAccepted;
    broker.protocolVersion = version;
  }
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  device.connect('meter-1', options);
  await device.inbox.packet('connack');
  await subscribe(device, 'commands', 1);
  return device;
}

async function subscribe(device: TestDevice, topic: string, messageId: number): Promise<void> {
  device.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 1 }] });
  await device.inbox.until(() => device.inbox.packets.some((p) => p.cmd === 'suback' && p.messageId === messageId));
}

function ask(question: Partial<HandoverQuestion> = {}): HandoverReply {
  return world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', ...question });
}

const homeOf = () => world.gateway.sessions({ limit: 1 })[0]?.home;

/** To the target, the former broker still subscribed or not, as `overlapMs` has it. */
async function switchOver(): Promise<void> {
  await world.cutOver('target');
  await until(() => {
    ask();
    return homeOf() === 'target';
  });
}

describe('a target that closes the legs that stand by', () => {
  const prepare = { cohort: 'everyone', weightBps: 10_001 };

  it('is left alone for a while, and told as aborted', async () => {
    await start();
    await attach();
    await until(() => ask({ prepare }).prepared === 1);
    (await world.target.leg()).socket.destroy();
    const aborted: unknown[] = [];
    await until(() => aborted.push(...ask({ prepare }).aborted) > 0);
    assert.deepEqual(aborted, [{ clientId: 'meter-1', reason: 'the broker closed the leg that stood by' }]);
    const { begun, remaining } = ask({ prepare });
    assert.deepEqual([begun, remaining, world.dials.length], [0, 1, 2]);
  });

  it('is not to blame where the device leaves or the move is taken back', async () => {
    await start();
    const device = await attach();
    await until(() => ask({ prepare }).prepared === 1);
    world.gateway.abortHandovers('m');
    await until(() => ask({ prepare }).prepared === 1);
    device.socket.destroy();
    await until(() => world.registry.ends.length === 1);
    assert.deepEqual(ask({ prepare }).aborted, []);
  });
});

describe('a target that a persistent session is being brought to', () => {
  for (const end of ['is taken over', 'is drained'] as const) {
    it(`is known to hold a session of it when it ${end}`, async () => {
      await start();
      await attach({ clean: false });
      world.target.grants = undefined;
      await world.cutOver('target');
      await until(() => ask().underWay === 1 && world.target.legs.length === 2);
      await (await world.target.leg(1)).inbox.packet('subscribe');
      if (end === 'is taken over') await world.gateway.endLeg(1, 9, 'legacy');
      else await world.gateway.drain(500);
      const brokers = world.registry.attachments.map(({ broker }) => broker);
      assert.deepEqual(brokers, ['legacy', 'target', 'legacy']);
    });
  }
});

describe('a former leg', () => {
  it('goes at the end of its window also when a cut back to it could not begin', async () => {
    await start({ rollbackWindowMs: 700 });
    await attach();
    await switchOver();
    const former = await world.legacy.leg();
    await former.inbox.packet('unsubscribe');
    world.target.grants = undefined;
    (await world.target.leg()).socket.destroy();
    await (await world.target.leg(1)).inbox.packet('subscribe');
    await world.cutOver('legacy');
    assert.equal(ask({ move: 'back' }).underWay, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await world.cutOver('target');
    await former.inbox.closed();
    assert.equal(former.inbox.commands().at(-1), 'disconnect');
  });
});

describe('a session whose broker is lost in the rollback window', () => {
  it('goes to the source over the leg that stands by, where `onDown` says so', async () => {
    await start({}, { onDown: 'source', repairMs: 100 });
    const device = await attach({ will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false } });
    await switchOver();
    const former = await world.legacy.leg();
    await former.inbox.packet('unsubscribe');
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await until(() => homeOf() === 'legacy');
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await device.inbox.packet('puback');
    assert.deepEqual(former.inbox.commands().slice(0, 6), [
      'connect',
      'subscribe',
      'pingreq',
      'unsubscribe',
      'subscribe',
      'publish',
    ]);
    assert.equal(world.legacy.legs.length, 1);
  });
});

describe('a session whose new broker is lost while the former one still delivers', () => {
  it('goes back over the leg that it had just left, where `onDown` says so', async () => {
    await start({ overlapMs: 60_000 }, { onDown: 'source', repairMs: 100 });
    const device = await attach();
    await switchOver();
    const former = await world.legacy.leg();
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await until(() => homeOf() === 'legacy');
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await device.inbox.packet('puback');
    assert.deepEqual(former.inbox.commands(), ['connect', 'subscribe', 'publish']);
    assert.equal(world.legacy.legs.length, 1);
  });
});

describe('a session that goes to its source while a move wants it on the target', () => {
  it('is not left without a broker half way', async () => {
    await start({}, { onDown: 'source', repairMs: 100 });
    const device = await attach();
    await switchOver();
    const former = await world.legacy.leg();
    await former.inbox.packet('unsubscribe');
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await until(() => {
      ask();
      return homeOf() === 'legacy';
    });
    world.gateway.abortHandovers('m');
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await device.inbox.packet('puback');
    assert.equal(former.inbox.commands().includes('disconnect'), false);
    assert.equal(world.legacy.legs.length, 1);
  });

  it('stays on its way there when the operator takes the move back', async () => {
    await start({}, { onDown: 'source', repairMs: 100 });
    await attach();
    await switchOver();
    const former = await world.legacy.leg();
    await former.inbox.packet('unsubscribe');
    world.legacy.grants = undefined;
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await former.inbox.until(() => former.inbox.commands().filter((command) => command === 'subscribe').length === 2);
    world.gateway.abortHandovers('m');
    const messageId = Number(former.inbox.packets.at(-1)?.messageId);
    former.socket.write(mqtt.generate({ cmd: 'suback', messageId, granted: [1] }));
    await until(() => homeOf() === 'legacy');
    assert.equal(world.legacy.legs.length, 1);
  });
});

describe('a persistent session whose former broker has a queue for it', () => {
  const lastHome = () => world.registry.attachments.at(-1)?.broker;

  /** On the target, with a message of the former broker that the device has not acknowledged. */
  async function move(
    handover: Partial<HandoverSettings> = {},
  ): Promise<{ device: TestDevice; former: BrokerLeg; messageId: number }> {
    await start(handover);
    const device = await attach({ clean: false });
    const former = await world.legacy.leg();
    const message = { cmd: 'publish', topic: 'commands', qos: 1, messageId: 9, dup: false, retain: false } as const;
    former.socket.write(mqtt.generate({ ...message, payload: 'queued' }));
    const { messageId } = await device.inbox.packet('publish');
    await switchOver();
    return { device, former, messageId: Number(messageId) };
  }

  it('is found there whatever becomes of the gateway, until the queue is dry and that is on disk', async () => {
    const { device, former, messageId } = await move();
    assert.equal(homeOf(), 'target');
    assert.equal(lastHome(), 'legacy');
    const everyone = { name: 'everyone', source: 'legacy', target: 'target', weightBps: 10_000 };
    const misplaced = () => world.gateway.misplacedPersistent([everyone]);
    assert.deepEqual(misplaced(), { everyone: 1 }, 'by what is written down, as those of devices that are away');
    device.send({ cmd: 'puback', messageId });
    await until(() => lastHome() === 'target', 'the new home');
    assert.deepEqual(misplaced(), {});
    assert.ok(!former.inbox.commands().includes('unsubscribe'));
    const toldAtMs = performance.now();
    await former.inbox.packet('unsubscribe');
    assert.ok(performance.now() - toldAtMs > 500, `${performance.now() - toldAtMs} ms`);
    assert.deepEqual(world.registry.purges, []);
  });

  it('is found at its new broker from the first subscription on that only this one has', async () => {
    const { device } = await move();
    assert.equal(lastHome(), 'legacy');
    await subscribe(device, 'more', 2);
    await until(() => lastHome() === 'target', 'the new home');
  });
});

describe('a session that is still in the overlap', () => {
  it('goes back at once, over the leg that it had just left', async () => {
    await start({ overlapMs: 60_000 });
    const device = await attach();
    await switchOver();
    await world.cutOver('legacy');
    await until(() => {
      ask({ move: 'back' });
      return homeOf() === 'legacy';
    });
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await device.inbox.packet('puback');
    assert.deepEqual((await world.legacy.leg()).inbox.commands(), ['connect', 'subscribe', 'publish']);
    assert.equal(world.dials.length, 2);
  });

  it('goes back on the word of the operator when its new broker is gone', async () => {
    await start({ overlapMs: 60_000 });
    await attach();
    await switchOver();
    world.down.add('target');
    (await world.target.leg()).socket.destroy();
    await world.cutOver('legacy');
    await until(() => {
      ask({ move: 'back' });
      return homeOf() === 'legacy';
    });
    assert.equal(world.legacy.legs.length, 1);
  });
});

describe('a device that leaves while its former broker still has something for it', () => {
  /** It was given a message in the old broker's turn, which it has not acknowledged. */
  async function leaveQueue(options = {}, version: 4 | 5 = 4): Promise<TestDevice> {
    await start({ overlapMs: 60_000 });
    const device = await attach({ clean: false, ...options }, version);
    const { socket } = await world.legacy.leg();
    const message = { cmd: 'publish', topic: 'commands', qos: 1, messageId: 9, dup: false, retain: false } as const;
    socket.write(mqtt.generate({ ...message, payload: 'queued' }, { protocolVersion: version }));
    await device.inbox.packet('publish');
    await switchOver();
    return device;
  }

  const isPurged = (broker: 'legacy' | 'target') =>
    world[broker].legs.at(-1)?.inbox.commands().join() === 'connect,disconnect';

  it('has its session there again, and the queue with it', async () => {
    const device = await leaveQueue();
    device.socket.destroy();
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.registry.attachments.at(-1)?.broker, 'legacy');
    assert.equal(world.registry.ends[0]?.sessionOver, false);
    assert.deepEqual(world.registry.purges, []);
    assert.deepEqual((await world.legacy.leg()).inbox.commands(), ['connect', 'subscribe', 'disconnect']);
    assert.equal(world.legacy.legs.length, 1);
  });

  it('does too when it says DISCONNECT', async () => {
    const device = await leaveQueue();
    device.send({ cmd: 'disconnect' });
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.registry.attachments.at(-1)?.broker, 'legacy');
    assert.equal(world.legacy.legs.length, 1);
  });

  it('does too when a newer connection takes its session over', async () => {
    await leaveQueue();
    await world.gateway.endLeg(1, 9, 'target');
    assert.equal(world.registry.attachments.at(-1)?.broker, 'legacy');
    assert.equal((await world.legacy.leg()).inbox.commands().at(-1), 'disconnect');
    assert.equal(world.legacy.legs.length, 1);
  });

  it('leaves nothing there when it ends its session', async () => {
    const device = await leaveQueue({ properties: { sessionExpiryInterval: 600 } }, 5);
    device.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await until(() => isPurged('legacy'));
    assert.equal(world.registry.attachments.at(-1)?.broker, 'target');
  });

  it('stays with the newer broker once it has subscribed there to more', async () => {
    const device = await leaveQueue();
    await subscribe(device, 'more', 2);
    device.socket.destroy();
    await until(() => isPurged('legacy'));
    assert.equal(world.registry.attachments.at(-1)?.broker, 'target');
  });
});
