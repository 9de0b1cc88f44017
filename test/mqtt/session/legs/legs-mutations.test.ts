import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../../mutation.ts';
import { legsMutations } from './legs-mutations.ts';
import { anyLegsSchedule, legsViolation } from './legs-schedule.ts';

/** As many schedules as the properties play in the unit run, and no more. */
const budget = 30_000;

describe('the properties of several legs catch', () => {
  for (const { name, apply, wrap } of legsMutations) {
    test(name, (context) => {
      const takeOut = apply?.();
      try {
        let seed = 1;
        let violation: string | undefined;
        for (; seed <= budget && violation === undefined; seed += 1) {
          const { setting, moves } = anyLegsSchedule(randomOf(seed));
          violation = legsViolation(setting, moves, wrap);
        }
        context.diagnostic(`after ${seed - 1} schedules: ${violation}`);
        assert.ok(violation !== undefined, 'no schedule noticed');
      } finally {
        takeOut?.();
      }
    });
  }
});
