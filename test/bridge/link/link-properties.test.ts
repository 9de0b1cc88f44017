import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../../mqtt/mutation.ts';
import { anyRing, ringViolation } from './bridge-schedule.ts';
import { anySetting, linkViolation } from './link-schedule.ts';

const firstSeed = 1;
const schedules = 150;
const rings = 60;

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

describe('rules that come round between failing brokers', () => {
  test("B2 B6: nothing goes twice over the bridge, and what is kept from it is nobody else's message", () => {
    for (let seed = firstSeed; seed < firstSeed + rings; seed += 1) {
      const random = randomOf(seed);
      const violation = ringViolation(anyRing(random), random, 300);
      assert.equal(violation, undefined, `seed ${seed}: ${violation}`);
    }
  });
});
