import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';

/** Soft and hard: Node raises the soft limit to the hard one. */
const descriptors = 96;
const limits = { firstPacketMs: 3_000, tlsHandshakeMs: 3_000 };
const world = await FaultWorld.start({ sections: { workers: 1, limits } });
after(() => world[Symbol.asyncDispose]());

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  return socket;
}

test('1 000 connections that say nothing are cut at the deadline while others are served', async () => {
  const { gateway } = world;
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => open(gateway.port)));
  const openedMs = performance.now();
  const closes = sockets.map((socket) => (socket.destroyed ? undefined : once(socket.resume(), 'close')));
  await eventually('all are seen', async () => (await gateway.metric('crossfade_connections')) >= 1_000);
  await using device = await world.device('served-meanwhile');
  await device.echo();
  assert.ok(performance.now() - openedMs < limits.firstPacketMs, 'the others were served too late to show anything');
  await Promise.all(closes);
  const tookMs = performance.now() - openedMs;
  assert.ok(tookMs > limits.firstPacketMs - 1_500 && tookMs < limits.firstPacketMs + 5_000, `after ${tookMs} ms`);
  await device.echo('still here');
  assert.equal(device.closes, 0);
  const refused = await gateway.metric('crossfade_connections_refused_total', { listener: 'plain', reason: 'timeout' });
  assert.equal(refused, 1_000);
  await eventually('they are gone', async () => (await gateway.metric('crossfade_connections')) === 1);
});

test('without descriptors those inside go on, newcomers are turned away, and later let in again', async () => {
  await using small = await FaultWorld.start({
    ...{ sections: { workers: 1 }, wrapper: ['prlimit', `--nofile=${descriptors}:${descriptors}`] },
  });
  const { gateway } = small;
  await using inside = await small.device('inside');
  await inside.echo();
  const devices: Device[] = [];
  const isIn = async (clientId: string): Promise<boolean> => {
    const device = new Device({ clientId, to: gateway.port });
    devices.push(device);
    await device.until('in or out', () => device.connects > 0 || device.closes > 0);
    return device.connects > 0;
  };
  let refused = 0;
  for (let index = 0; refused < 40 && index < descriptors * 2; index += 1) {
    if (!(await isIn(`crowd-${index}`))) refused += 1;
  }
  assert.equal(refused, 40);
  await inside.echo('in the crowd');
  assert.equal((await gateway.status()).brokers['legacy']?.sessions, devices.length - refused + 1);

  const warningLines = () =>
    gateway.process.lines.filter((line) => line.includes('"level":40') || line.includes('"level":50'));
  await eventually('the limit is named', async () =>
    warningLines().some((line) => line.includes('The limit of open files lets fewer devices in')),
  );
  const warnings = warningLines();
  assert.ok(warnings.length <= 4, warnings.join('\n'));
  assert.match(warnings.join('\n'), /device connections are closed at accept/);
  const counted = await gateway.metric('crossfade_connections_refused_total', { reason: 'connections' });
  assert.equal(counted, refused);

  await Promise.all(devices.map((device) => device[Symbol.asyncDispose]()));
  await eventually('there is room again', () => isIn(`later-${devices.length}`));
  await inside.echo('after the crowd');
  assert.equal(inside.closes, 0);
  await Promise.all(devices.map((device) => device[Symbol.asyncDispose]()));
});
