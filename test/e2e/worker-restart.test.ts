import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';

const world = await FaultWorld.start();
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());

test('a worker that is told to end hands its sessions back, without a will, and is started again', async () => {
  await using observer = await world.deviceInWorker(1, 'watcher', {});
  await observer.client.subscribeAsync('ends/#', { qos: 1 });
  const will = { topic: 'ends/meter', payload: Buffer.from('lost'), qos: 1, retain: false } as const;
  await using device = await world.deviceInWorker(0, 'ending', { will, reconnectPeriod: 50 });
  const pid = await gateway.pidOfWorker(0);
  process.kill(pid, 'SIGTERM');
  await device.until('it is back', () => device.connects === 2);
  await eventually('another worker 0', async () => ![0, pid].includes(await gateway.pidOfWorker(0)));
  await device.client.publishAsync('ends/last', 'here', { qos: 1 });
  await observer.until('the last word', () => observer.payloads().includes('here'));
  assert.deepEqual({ payloads: observer.payloads(), closes: observer.closes }, { payloads: ['here'], closes: 0 });
  const line = await gateway.process.line('A worker has drained');
  assert.match(line, /"handedBack":[1-9]\d*,.*"left":0/);
});
