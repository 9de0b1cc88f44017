import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packetLimit } from '../../src/mqtt/broker-profiles.ts';

test('packetLimit is the smaller one of the listener and the profile', () => {
  const rows: [listener: number, profile: string | undefined, expected: number][] = [
    [268_435_460, 'mqtt', 268_435_460],
    [268_435_460, undefined, 268_435_460],
    [268_435_460, 'toString', 268_435_460],
    [268_435_460, 'aws-iot-core', 149_508],
    [100_000, 'aws-iot-core', 100_000],
  ];
  for (const [listener, profile, expected] of rows) assert.equal(packetLimit(listener, profile), expected);
});
