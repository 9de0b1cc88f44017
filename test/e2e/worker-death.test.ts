import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf, sumOfSamples } from './gateway-process.ts';

const world = await FaultWorld.start();
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());

test('a worker that is killed is started again on the same port and loses its own connections alone', async () => {
  const killed = await gateway.pidOfWorker(0);
  await using lost = await world.deviceInWorker(0, 'lost', { reconnectPeriod: 50 });
  await using kept = await world.deviceInWorker(1, 'kept');
  await kept.echo('before');
  process.kill(killed, 'SIGKILL');
  await lost.until('it is back', () => lost.connects === 2);
  await lost.echo('back');
  await kept.echo('after');
  assert.deepEqual({ closes: kept.closes, payloads: kept.payloads() }, { closes: 0, payloads: ['before', 'after'] });

  const status = await gateway.wholeStatus();
  assert.notEqual(status.workers.find(({ worker }) => worker === 0)?.pid, killed);
  await eventually('both sessions', async () => (await gateway.status()).brokers['legacy']?.sessions === 2);
  await using again = await world.deviceInWorker(0, 'again');
  await again.echo();
  assert.match(await gateway.process.line('A process of the gateway ended'), /"process":"worker-0".*SIGKILL/);
});

test('counters do not fall when a worker is killed, and gauges count the living alone', async () => {
  await using one = await world.deviceInWorker(0, 'one');
  await using two = await world.deviceInWorker(1, 'two');
  await one.echo();
  await two.echo();
  const counters = ['crossfade_connects_total', 'crossfade_packets_total', 'crossfade_relayed_bytes_total'];
  // Byte counts come once a second.
  await eventually('bytes are counted', async () => (await gateway.metric('crossfade_relayed_bytes_total')) > 0);
  const before = answerOf(await gateway.admin.metricsText());
  for (const worker of [0, 1]) {
    const pid = await gateway.pidOfWorker(worker);
    process.kill(pid, 'SIGKILL');
    await eventually('the worker is another one', async () => (await gateway.pidOfWorker(worker)) !== pid);
    const after = answerOf(await gateway.admin.metricsText());
    for (const name of counters) {
      const [was, is] = [sumOfSamples(before, name), sumOfSamples(after, name)];
      assert.ok(was > 0 && is >= was, `${name} fell from ${was} to ${is} when worker ${worker} died`);
    }
  }
  const sessions = await gateway.metric('crossfade_sessions', { broker: 'legacy' });
  assert.equal(sessions, 0);
  assert.equal((await gateway.status()).brokers['legacy']?.sessions, 0);
});

test('the client ID of a killed worker is free at once, and its will is published', async () => {
  await using observer = await world.device('observer', { to: world.legacy.url });
  await observer.client.subscribeAsync('wills/#', { qos: 1 });
  await using device = await world.deviceInWorker(0, 'meter', {
    will: { topic: 'wills/meter', payload: Buffer.from('lost'), qos: 1, retain: false },
  });
  process.kill(await gateway.pidOfWorker(0), 'SIGKILL');
  await device.closed();
  await observer.received('lost');
  // What the kernel still gave to the dead worker's listener is reset: a device tries again, and is let in.
  await using next = await world.device(device.clientId, { reconnectPeriod: 20 });
  await next.echo();
  assert.equal(await world.brokerOf(device.clientId), 'legacy');
});
