import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Plan } from '../../src/plan/plan.ts';
import { checkSuccession, cutover, rollback } from '../../src/plan/plan-change.ts';
import { plans, weights } from './arbitrary-plan.ts';
import { sampleCohort, samplePlan } from './sample-plan.ts';

const plan: Plan = {
  ...samplePlan,
  cohorts: [
    sampleCohort({ name: 'canary', weightBps: 10_000 }),
    sampleCohort({ name: 'wave', weightBps: 500 }),
    sampleCohort({ name: 'rest', weightBps: 0 }),
  ],
};

function weightsOf(result: ReturnType<typeof cutover>): readonly number[] {
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value.cohorts.map(({ weightBps }) => weightBps);
}

function refusalOf(result: ReturnType<typeof cutover>): readonly [string, string] {
  assert.ok(!result.ok);
  return [result.error.kind, result.error.message];
}

describe('cutover', () => {
  test('sets the weight of its cohort, up or down, and nothing else', () => {
    assert.deepEqual(weightsOf(cutover(plan, { cohort: 'rest', weightBps: 100 })), [10_000, 500, 100]);
    assert.deepEqual(weightsOf(cutover(plan, { cohort: 'wave', weightBps: 5 })), [10_000, 5, 0]);
    fc.assert(
      fc.property(plans, weights, (any, weightBps) => {
        for (const { name } of any.cohorts) {
          const changed = cutover(any, { cohort: name, weightBps });
          assert.ok(changed.ok);
          const cohorts = any.cohorts.map((cohort) => (cohort.name === name ? { ...cohort, weightBps } : cohort));
          assert.deepEqual(changed.value, { ...any, cohorts });
        }
      }),
    );
  });

  test('an unknown cohort is refused and the known ones are named', () => {
    assert.deepEqual(refusalOf(cutover(plan, { cohort: 'wavve', weightBps: 1 })), [
      'unknown-cohort',
      'expected a cohort of the plan (canary, wave, rest), got "wavve"',
    ]);
  });
});

describe('rollback', () => {
  test('takes a cohort to 0, or down to the weight that was asked', () => {
    assert.deepEqual(weightsOf(rollback(plan, { cohort: 'canary' })), [0, 500, 0]);
    assert.deepEqual(weightsOf(rollback(plan, { cohort: 'canary', to: 500 })), [500, 500, 0]);
    assert.deepEqual(weightsOf(rollback(plan, { cohort: 'wave', to: 500 })), [10_000, 500, 0]);
  });

  test('takes all cohorts, and leaves those that are lower where they are', () => {
    assert.deepEqual(weightsOf(rollback(plan, {})), [0, 0, 0]);
    assert.deepEqual(weightsOf(rollback(plan, { to: 1000 })), [1000, 500, 0]);
  });

  test('goes back to the weights of an earlier revision', () => {
    const earlier = {
      ...plan,
      cohorts: [sampleCohort({ name: 'canary', weightBps: 100 }), sampleCohort({ name: 'wave', weightBps: 700 })],
    };
    assert.deepEqual(weightsOf(rollback(plan, { to: earlier })), [100, 500, 0]);
    assert.deepEqual(weightsOf(rollback(plan, { cohort: 'canary', to: earlier })), [100, 500, 0]);
    assert.match(refusalOf(rollback(plan, { cohort: 'rest', to: earlier }))[1], /"rest" did not exist in the revision/);
  });

  test('never raises a weight', () => {
    assert.deepEqual(refusalOf(rollback(plan, { cohort: 'wave', to: 501 })), [
      'would-raise',
      'a rollback cannot raise cohort wave from 5% to 5.01%: use cutover',
    ]);
    fc.assert(
      fc.property(plans, fc.oneof(weights, plans), (any, to) => {
        for (const cohort of [undefined, ...any.cohorts.map(({ name }) => name)]) {
          const result = rollback(any, { to, ...(cohort === undefined ? {} : { cohort }) });
          if (!result.ok) continue;
          result.value.cohorts.forEach(({ weightBps }, index) => {
            assert.ok(weightBps <= (any.cohorts[index]?.weightBps ?? -1));
          });
        }
      }),
    );
  });

  test('an unknown cohort is refused', () => {
    assert.equal(refusalOf(rollback(plan, { cohort: 'x' }))[0], 'unknown-cohort');
  });
});

describe('checkSuccession', () => {
  const at = (weightBps: number, name = 'wave'): Plan => ({
    ...samplePlan,
    cohorts: [sampleCohort({ name, weightBps })],
  });
  const messages = (previous: Plan, next: Plan) => {
    const checked = checkSuccession(previous, next);
    return checked.ok ? [] : checked.error.map(({ message }) => message);
  };

  test('a cohort at 0 % or 100 % may be renamed or removed', () => {
    for (const weightBps of [0, 10_000]) {
      assert.deepEqual(messages(at(weightBps), at(500, 'other')), []);
      assert.deepEqual(messages(at(weightBps), { ...samplePlan, cohorts: [] }), []);
    }
  });

  test('a cohort under way may not, and the message says what to do', () => {
    for (const next of [at(500, 'other'), at(0, 'other'), { ...samplePlan, cohorts: [] }]) {
      assert.deepEqual(messages(at(500), next), [
        'cohort wave is at 5% and cannot be renamed or removed: expected it at 0% or 100% first, else its devices would be drawn anew',
      ]);
    }
  });

  test('salt and identity stay while a cohort is under way or was drawn by hash', () => {
    const next = (previous: Plan): Plan => ({ ...previous, salt: 'other', identity: ['mqtt.username'] });
    assert.equal(messages(at(500), next(at(500))).length, 2);
    assert.deepEqual(messages(at(10_000), next(at(10_000))), []);
    const byHash = {
      ...samplePlan,
      cohorts: [sampleCohort({ match: { hash: { from: 0, to: 5 } }, weightBps: 10_000 })],
    };
    assert.equal(messages(byHash, next(byHash)).length, 2);
  });

  test('every verb may follow every plan', () => {
    fc.assert(
      fc.property(plans, weights, (any, weightBps) => {
        for (const { name: cohort } of any.cohorts) {
          const changed = cutover(any, { cohort, weightBps });
          assert.ok(changed.ok && checkSuccession(any, changed.value).ok);
        }
      }),
    );
  });
});
