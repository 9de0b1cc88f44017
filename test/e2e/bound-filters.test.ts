import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Device } from './device.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

const [fleet, filtersEach, filtersPerSecond] = [20, 3, 30];
const world = await FaultWorld.start({
  brokers: { target: { filtersPerSecond } },
  sections: { workers: 2, handover: { overlapMs: 100, settleMs: 20 } },
});
after(() => world[Symbol.asyncDispose]());
const { admin } = world.gateway;

const devices = await Promise.all(
  Array.from({ length: fleet }, async (_, index) => {
    const device = await Device.connect({ clientId: `meter-${index}`, to: world.gateway.port });
    const filters = Array.from({ length: filtersEach }, (__, at) => `orders/meter-${index}/${at}`);
    await device.client.subscribeAsync(filters, { qos: 1 });
    return device;
  }),
);
after(() => Promise.all(devices.map((device) => device[Symbol.asyncDispose]())));

/** A bucket keeps a tenth of its rate for bursts. */
const soonestMs = ((fleet * filtersEach - filtersPerSecond / 10) / filtersPerSecond) * 1_000;

test('a prepared cohort is cut no faster than its new broker takes filters, and comes back at once', async () => {
  const preparation = answerOf(
    await admin.cutover('everyone', { weight: '100%', live: 'handover', prepareOnly: true, pacePerSecond: 100 }),
  );
  assert.equal((await world.ended(preparation.move.id)).prepared, fleet);
  const { dryRun } = answerOf(await admin.dryRunCutover('everyone', { weight: '100%', live: 'handover' }));
  assert.deepEqual(dryRun.quotas['target'], {
    connectsPerSecond: null,
    filtersPerSecond,
    filters: fleet * filtersEach,
  });
  assert.ok(dryRun.estimatedSeconds * 1_000 >= soonestMs, `${dryRun.estimatedSeconds} s`);

  const beganMs = performance.now();
  const cutover = answerOf(await admin.cutover('everyone', { weight: '100%', live: 'handover' }));
  const moved = await world.ended(cutover.move.id);
  const tookMs = performance.now() - beganMs;
  assert.deepEqual([moved.state, moved.moved, moved.refused], ['done', fleet, []]);
  assert.ok(tookMs >= soonestMs, `${fleet * filtersEach} filters within ${tookMs} ms`);

  const rollback = answerOf(await admin.rollback('everyone', { live: 'handover' }));
  const back = await world.ended(rollback.move.id);
  assert.deepEqual([back.state, back.moved], ['done', fleet]);
  assert.ok((back.durationMs ?? 0) < soonestMs, `back after ${back.durationMs} ms`);
  assert.deepEqual(
    devices.map(({ closes }) => closes),
    devices.map(() => 0),
  );
});
