import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedMachine } from './machine-input.ts';
import { settingOf } from './session-setting.ts';

/** PUBLISH at QoS 0 whose header declares `bytes` behind it; nothing of them has come. */
function headerOf(bytes: number): Buffer {
  return Buffer.from([0x30, (bytes % 128) | 0x80, (Math.floor(bytes / 128) % 128) | 0x80, Math.floor(bytes / 16_384)]);
}

test('a packet above the limit ends the device at its header; only the broker’s own limit is an obstacle', () => {
  const setting = settingOf(1);
  for (const [profileBytes, isObstacle] of [
    [1_048_576, true], // what `recordedMachine` lets a packet have
    [2_097_152, false],
  ] as const) {
    const profile = { ...setting.upstream.profile, maxPacketBytes: profileBytes };
    const { machine, effects } = recordedMachine({ ...setting, upstream: { ...setting.upstream, profile } }, true);
    machine.handleDeviceData(headerOf(1_500_000), 0);
    assert.equal(effects.said.includes('payload-size'), isObstacle);
    assert.ok(effects.said.some((word) => word.includes('packet-too-large')));
  }
});
