import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FirstContactWorld } from './first-contact-world.ts';

const fleet = 30;
const world = await FirstContactWorld.start('on-sight');
after(() => world[Symbol.asyncDispose]());

test('an account that registers nobody by itself is told of each device behind its first close; none is refused', async () => {
  await world.connect(Array.from({ length: fleet }, (_, index) => `meter-${index}`));
  await world.onTarget(fleet, 60_000);
  for (const { clientId, connects, closes } of world.devices) {
    assert.deepEqual([clientId, connects, closes], [clientId, 1, 0]);
  }
  assert.equal(await world.count('crossfade_registrations_total', ['result="registered"']), fleet);
  assert.equal(world.target.account.certificates.size, fleet);
});
