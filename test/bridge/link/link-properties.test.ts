import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../../mqtt/mutation.ts';
import { anySetting, linkViolation } from './link-schedule.ts';

const firstSeed = 1;
const schedules = 150;

describe('a link between failing brokers, on a failing disk', () => {
  test('B1 B3 B4 B5 B6 B8: nothing is lost, keys keep their order and their lane, rates hold, poison is a dead letter', () => {
    for (let seed = firstSeed; seed < firstSeed + schedules; seed += 1) {
      const random = randomOf(seed);
      const setting = anySetting(random);
      const violation = linkViolation(setting, random, 400);
      assert.equal(violation, undefined, `seed ${seed}: ${violation}`);
    }
  });
});
