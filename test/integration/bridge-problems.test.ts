import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../e2e/eventually.ts';
import { BridgeWorld, bridgeRule } from './bridge-world.ts';

test('a slot says why a connection of it is not open, until it is', { timeout: 60_000 }, async () => {
  await using world = await BridgeWorld.start([bridgeRule('up', 'up', 'dt/#')]);
  const problem = () => world.bridge.statuses()[0]?.problem;
  await eventually('nothing is wrong', () => problem() === undefined && world.bridge.statuses().length === 1);
  await world.aws.kill();
  await eventually('the broker cannot be reached', () => /ECONNREFUSED/.test(problem() ?? ''));
  assert.equal(world.bridge.statuses()[0]?.isSubscribed, true);
  await world.restartAws();
  await eventually('nothing is wrong any more', () => problem() === undefined);
});
