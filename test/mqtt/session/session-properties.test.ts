import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { playSchedule } from './schedule.ts';
import { settingOf, versions } from './session-setting.ts';

/** Schedules of one run; `explore.ts` plays more. */
const runs = 13_000;

const anyNumber = fc.nat(0xffff_ffff);
const anySchedule = fc.tuple(anyNumber, fc.array(anyNumber, { minLength: 20, maxLength: 60, size: 'max' }));

describe('the session machine between a model device and a model broker', () => {
  test('keeps U1 to U9, D1 to D8, S11 and S12, and comes to rest, in every interleaving', (context) => {
    const startMs = performance.now();
    fc.assert(
      fc.property(anySchedule, ([setting, moves]) => {
        playSchedule(setting, moves);
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    );
    const perMinute = (runs / (performance.now() - startMs)) * 60_000;
    context.diagnostic(`${Math.round(perMinute)} schedules a minute`);
  });

  test('the settings have all nine pairs of versions, and both profiles where AWS has the version', () => {
    const seen = new Set<string>();
    for (let bits = 0; bits < 2_000; bits += 1) {
      const { device, upstream, isAws } = settingOf(Math.imul(bits, 0x9e37_79b1) >>> 0);
      seen.add(`${device.protocol} to ${upstream.protocol} ${isAws ? 'aws-iot-core' : 'mqtt'}`);
    }
    assert.equal(seen.size, versions.length * (3 + 2));
  });
});
