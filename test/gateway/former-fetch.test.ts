import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { GatewaySettings, HandoverSettings } from '../../src/gateway/gateway-ports.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import type { BrokerLeg } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

const sessionPresent = Buffer.from([0x20, 0x02, 0x01, 0x00]);

interface Start {
  readonly handover?: Partial<HandoverSettings>;
  readonly onDown?: 'hold' | 'source';
  readonly repairMs?: number;
}

function ask(question: Partial<HandoverQuestion> = {}): HandoverReply {
  return world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', ...question });
}

const homeOf = () => world.gateway.sessions({ limit: 1 })[0]?.home;
const writtenHome = () => world.registry.attachments.at(-1)?.broker;
const commandsOf = ({ inbox }: BrokerLeg) => inbox.commands().filter((command) => command !== 'pingreq');

/** A persistent session on the target, with a message of the former broker that its device has not acknowledged. */
async function move({ handover = {}, onDown = 'hold', repairMs = 30_000 }: Start = {}) {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], onDown };
  const settings: GatewaySettings = {
    clientIdPolicy: 'any',
    brokers: { legacy: broker, target: broker },
    handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000, ...handover },
  };
  world = await createGatewayWorld({ settings, limits: { repairMs }, random: () => 0.1 });
  world.legacy.grants = 1;
  world.target.grants = 1;
  const device = await TestDevice.dial(world.port, 4);
  devices.push(device);
  device.connect('meter-1', { clean: false });
  await device.inbox.packet('connack');
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
  await device.inbox.packet('suback');
  const former = await world.legacy.leg();
  deliver(former, 9, 'first');
  await device.inbox.packet('publish');
  await world.cutOver('target');
  await until(() => {
    ask();
    return homeOf() === 'target';
  });
  return { device, former };
}

function deliver({ socket }: BrokerLeg, messageId: number, payload: string, dup = false): void {
  socket.write(mqtt.generate({ cmd: 'publish', topic: 'commands', qos: 1, messageId, dup, retain: false, payload }));
}

const payloadsAt = ({ inbox }: TestDevice) =>
  inbox.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet.payload.toString()] : []));

describe('a former broker that is lost with messages for a persistent session', () => {
  it('is asked for them again, and the session is left there as if nothing had been', async () => {
    const { device, former } = await move();
    world.legacy.onConnect = sessionPresent;
    former.socket.destroy();
    device.send({ cmd: 'puback', messageId: 9 });
    const back = await world.legacy.leg(1);
    const connect = await back.inbox.packet('connect');
    assert.equal(connect['clean'], false);
    deliver(back, 9, 'first', true);
    deliver(back, 10, 'second');
    await device.inbox.until(() => payloadsAt(device).includes('second'));
    assert.deepEqual(payloadsAt(device), ['first', 'second'], 'what it has does not come again');
    assert.equal(writtenHome(), 'legacy', 'not dry yet');
    device.send({ cmd: 'puback', messageId: 10 });
    await until(() => writtenHome() === 'target', 'the new home');
    await back.inbox.packet('unsubscribe');
    await world.cutOver('legacy');
    await until(() => {
      ask({ move: 'back' });
      return homeOf() === 'legacy';
    });
    assert.equal(world.legacy.legs.length, 2, 'back over the leg that stands by');
    assert.deepEqual(world.registry.purges, []);
  });

  it('is asked at growing intervals while it does not come back, and the home stays there', async () => {
    const { device, former } = await move();
    world.down.add('legacy');
    former.socket.destroy();
    await until(() => world.dials.filter(({ broker }) => broker === 'legacy').length >= 4, 'further tries');
    assert.deepEqual([writtenHome(), homeOf()], ['legacy', 'target']);
    device.socket.destroy();
    await until(() => world.registry.ends.length === 1);
    assert.equal(writtenHome(), 'legacy');
    assert.equal(world.legacy.legs.length, 1, 'nothing has purged it');
  });

  it('is left for good when it has forgotten the session', async () => {
    const { device, former } = await move();
    former.socket.destroy();
    await until(() => writtenHome() === 'target', 'the new home');
    device.send({ cmd: 'puback', messageId: 9 });
    device.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 7, dup: false, retain: false });
    await device.inbox.packet('puback');
    assert.deepEqual(commandsOf(await world.legacy.leg(1)), ['connect']);
  });

  it('is rid of the session behind the time that it was kept there', async () => {
    const { former } = await move({ handover: { rollbackWindowMs: 100 }, repairMs: 300 });
    world.legacy.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x03]);
    former.socket.destroy();
    await until(() => writtenHome() === 'target', 'the new home');
    const cleans = () =>
      world.legacy.legs.slice(1).map(({ inbox }) => inbox.packets.map((each) => 'clean' in each && each.clean));
    await until(() => cleans().some(([isClean]) => isClean === true), 'the purge');
    assert.equal(cleans()[0]?.[0], false);
  });

  it('does not take the session back before it has given them', async () => {
    const { former } = await move();
    world.down.add('legacy');
    former.socket.destroy();
    await world.cutOver('legacy');
    const reasons = () => ask({ move: 'back' }).waiting.map(({ reason }) => reason);
    const expected = 'legacy was lost with messages for it: they are fetched first';
    await until(() => reasons().join() === expected, 'the reason');
    assert.equal(homeOf(), 'target');
  });

  it('is not begun with anew by a repair that `onDown` sends there', async () => {
    const { device, former } = await move({ onDown: 'source', repairMs: 200 });
    world.down.add('legacy').add('target');
    former.socket.destroy();
    (await world.target.leg(1)).socket.destroy();
    await until(() => world.dials.filter(({ broker }) => broker === 'legacy').length > 3, 'tries');
    world.legacy.onConnect = sessionPresent;
    world.down.delete('legacy');
    const back = await world.legacy.leg(1);
    assert.equal((await back.inbox.packet('connect'))['clean'], false);
    deliver(back, 9, 'first', true);
    deliver(back, 10, 'second');
    await device.inbox.until(() => payloadsAt(device).includes('second'));
    await until(() => homeOf() === 'legacy', 'the source');
    assert.equal(world.legacy.legs.length, 2, 'and nothing was purged');
  });
});
