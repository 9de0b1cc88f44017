import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from './eventually.ts';
import { FirstContactWorld, forbidden, meetTarget } from './first-contact-world.ts';

/** `npm run soak:first-contact` does it with a thousand. */
const fleet = 200;
const world = await FirstContactWorld.start();
after(() => world[Symbol.asyncDispose]());

test('devices that the target does not know work on their source until it does; none is ever refused or closed', async (t) => {
  t.diagnostic(await meetTarget(world, fleet));
});

test('a gateway that knows nobody brings the fleet to the target at once, without a first contact', async (t) => {
  await world.disconnect();
  await world.gateway.stop();
  // Quicker than anybody who still waits for a registration would like.
  await world.startGateway({ refusedAfterCloses: 3, refusedAfterMs: 4_000 });
  const beganMs = performance.now();
  await world.connect(Array.from({ length: fleet }, (_, index) => `meter-${index}`));
  t.diagnostic(`${fleet} on the target after ${Math.round(performance.now() - beganMs)} ms`);
  assert.deepEqual(await world.sessions(), { source: 0, target: fleet, moving: 0 });
  assert.equal(await world.count('crossfade_first_contacts_total', ['result="closed"']), 0);
});

test('one that a policy forbids stays on its source, is listed as refused, and counted once', async () => {
  await world.connect([forbidden]);
  await eventually('the refusal', async () => /^refused by aws/.test((await world.reasonOf(forbidden)) ?? ''), 30_000);
  assert.equal(await world.count('crossfade_first_contacts_total', ['result="refused"']), 1);
  assert.deepEqual(await world.sessions(), { source: 1, target: fleet, moving: 1 });
});
