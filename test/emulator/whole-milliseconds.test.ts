import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmulatorWorld } from './emulator-world.ts';

test('what accounts and rules are told of the time is in whole milliseconds, as their documents are', async () => {
  await using world = await EmulatorWorld.start();
  const device = await world.connected(4);
  for (let count = 0; count < 5; count += 1) await device.publish({ topic: 'a', qos: 1 });
  const times = [...world.gate.questions, ...world.accepted].map(({ wallMs }) => wallMs);
  assert.ok(times.length >= 7);
  assert.deepEqual(
    times.filter((ms) => !Number.isInteger(ms)),
    [],
  );
});
