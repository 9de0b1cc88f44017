import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { legSettingOf } from './leg-setting.ts';
import { playLegs } from './legs-schedule.ts';

/** Schedules of one run; `explore-legs.ts` plays more. */
const runs = 8_000;

const anyNumber = fc.nat(0xffff_ffff);
const anySchedule = fc.tuple(anyNumber, fc.array(anyNumber, { minLength: 20, maxLength: 80, size: 'max' }));

describe('the session machine between a model device and two model brokers', () => {
  test('keeps U1 to U9, D1 to D8, S1 to S6, S11, S12 and L1 to L3 in every interleaving', (context) => {
    const startMs = performance.now();
    fc.assert(
      fc.property(anySchedule, ([setting, moves]) => {
        playLegs(setting, moves);
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    );
    const perMinute = (runs / (performance.now() - startMs)) * 60_000;
    context.diagnostic(`${Math.round(perMinute)} schedules a minute`);
  });

  test('the settings have all pairs of brokers, with and without faults, mirror and persistence', () => {
    const seen = new Set<string>();
    for (let bits = 0; bits < 4_000; bits += 1) {
      const { brokers, hasFaults } = legSettingOf(Math.imul(bits, 0x9e37_79b1) >>> 0);
      const [first, second] = brokers.map(({ protocol, isAws }) => `${protocol}${isAws ? ' aws-iot-core' : ''}`);
      seen.add(`${first} to ${second} ${hasFaults ? 'with' : 'without'} faults`);
    }
    assert.equal(seen.size, 5 * 5 * 2);
  });
});
