import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Plan } from '../../src/plan/plan.ts';
import { diffPlans, renderDifferences } from '../../src/plan/plan-difference.ts';
import { plans } from './arbitrary-plan.ts';
import { sampleCohort, samplePlan } from './sample-plan.ts';

describe('diffPlans', () => {
  test('names every difference, in per cent where it is a weight', () => {
    const before: Plan = {
      ...samplePlan,
      overrides: [{ kind: 'clientid', key: 'meter-7', broker: 'aws' }],
      cohorts: [sampleCohort({ name: 'a' }), sampleCohort({ name: 'b' }), sampleCohort({ name: 'c' })],
      splits: [{ name: 'front-door', weights: { gateway: 100, bypass: 9900 } }],
    };
    const after: Plan = {
      ...samplePlan,
      default: 'aws',
      overrides: [{ kind: 'clientid', key: 'meter-8', broker: 'aws' }],
      cohorts: [
        sampleCohort({ name: 'b', weightBps: 1250 }),
        sampleCohort({ name: 'a', match: { clientIdPrefix: 'x' } }),
      ],
      splits: [{ name: 'front-door', weights: { bypass: 9000, gateway: 1000 } }],
    };
    assert.deepEqual(renderDifferences(diffPlans(before, after)).split('\n'), [
      '~ default: legacy → aws',
      '- override clientid meter-7: aws',
      '+ override clientid meter-8: aws',
      '~ cohort a match: {"all":true} → {"clientIdPrefix":"x"}',
      '~ cohort b weightBps: 5% → 12.5%',
      '- cohort c: {"name":"c","match":{"all":true},"source":"legacy","target":"aws","weightBps":500,"announce":"source"}',
      '~ cohorts order: ["a","b"] → ["b","a"]',
      '~ split front-door gateway: 1% → 10%',
      '~ split front-door bypass: 99% → 90%',
      '',
    ]);
  });

  test('is empty for equal plans, however they were written, and only for those', () => {
    fc.assert(
      fc.property(plans, plans, (one, other) => {
        assert.deepEqual(diffPlans(one, structuredClone(one)), []);
        assert.equal(renderDifferences(diffPlans(one, one)), '');
        assert.equal(diffPlans(one, other).length === 0, isEqual(one, other));
      }),
    );
    const reordered = { ...sampleCohort({}), match: { hash: { to: 5, from: 1 } } };
    const written = { ...sampleCohort({}), match: { hash: { from: 1, to: 5 } } };
    assert.deepEqual(diffPlans({ ...samplePlan, cohorts: [reordered] }, { ...samplePlan, cohorts: [written] }), []);
  });
});

/** Equal but for the order of splits, which are looked up by name. */
function isEqual(one: Plan, other: Plan): boolean {
  const sorted = (plan: Plan) => ({ ...plan, splits: [...plan.splits].sort((a, b) => (a.name < b.name ? -1 : 1)) });
  try {
    assert.deepEqual(sorted(one), sorted(other));
    return true;
  } catch {
    return false;
  }
}
