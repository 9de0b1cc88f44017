import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import type { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import { recordedMachine } from './machine-input.ts';
import { acknowledgementBytes, publishBytes } from './model-packets.ts';
import { settingOf } from './session-setting.ts';

const publication = { qos: 1, topic: 't', payload: Buffer.from('x') } as const;

/** A 3.1.1 device on an AWS-like broker of 3.1.1, and what each side was sent. */
function pair(): { machine: SessionMachine; effects: ReturnType<typeof recordedMachine>['effects'] } {
  for (let seed = 0; ; seed += 1) {
    const setting = settingOf(seed);
    const { device, upstream } = setting;
    if (setting.isAws && device.protocol === '3.1.1' && upstream.protocol === '3.1.1') {
      return recordedMachine({ ...setting, device: { ...device, keepAliveSeconds: 0 } }, true);
    }
  }
}

describe('a broker that has lost a PUBLISH', () => {
  test('is left after half a minute, so that the device sends it again on a new connection', () => {
    const { machine, effects } = pair();
    for (const id of [1, 2]) machine.handleDeviceData(publishBytes('3.1.1', { ...publication, id }), 0);
    machine.handleBrokerData(acknowledgementBytes(4, 2), 1_000, firstLeg);
    assert.ok(machine.nextDeadlineMs() <= 31_000);
    machine.handleTick(30_999);
    assert.ok(!effects.said.some((word) => word.includes('not answered')));
    machine.handleTick(31_000);
    assert.ok(effects.said.some((word) => word.includes('a PUBLISH was not answered')));
  });

  test('is left after five minutes without any answer', () => {
    const { machine, effects } = pair();
    machine.handleDeviceData(publishBytes('3.1.1', { ...publication, id: 1 }), 0);
    machine.handleTick(299_999);
    assert.ok(!effects.said.some((word) => word.includes('a PUBLISH was not answered')));
    machine.handleBrokerData(Buffer.from([0xd0, 0]), 299_999, firstLeg);
    machine.handleTick(300_000);
    assert.ok(effects.said.some((word) => word.includes('a PUBLISH was not answered')));
  });
});
