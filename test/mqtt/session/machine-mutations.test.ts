import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../mutation.ts';
import { mutations } from './machine-mutations.ts';
import { anySchedule, violationOf } from './schedule.ts';

/** As many schedules as the properties play in the unit run, and no more. */
const budget = 13_000;

describe('the properties catch', () => {
  for (const { name, apply, wrap } of mutations) {
    test(name, (context) => {
      const takeOut = apply?.();
      try {
        let seed = 1;
        let violation: string | undefined;
        for (; seed <= budget && violation === undefined; seed += 1) {
          const { setting, moves } = anySchedule(randomOf(seed));
          violation = violationOf(setting, moves, wrap);
        }
        context.diagnostic(`after ${seed - 1} schedules: ${violation}`);
        assert.ok(violation !== undefined, 'no schedule noticed');
      } finally {
        takeOut?.();
      }
    });
  }
});
