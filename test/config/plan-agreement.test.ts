import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parsePlan } from '../../src/plan/plan-document.ts';
import { changed, load, loadRight } from './loading.ts';

const fleet = { salt: '2026-fleet', identity: ['mqtt.clientId'] } as const;
const brokers = ['legacy', 'successor'];

const withPlan = (plan: string) =>
  changed(
    'default: legacy\n  cohorts:\n    - { name: everyone, match: { all: true }, source: legacy, target: successor, weightBps: 0 }',
    plan,
  );

const cohort = (fields: string) =>
  `default: legacy\n  cohorts: [ { name: a, source: legacy, target: successor, ${fields} } ]`;

const right = [
  'default: legacy',
  cohort('match: { all: true }'),
  cohort('match: { clientIds: [a, b], clientIdPrefix: g }, weightBps: 10000, announce: common'),
  cohort('match: { certificate: { organizationalUnit: x }, hash: { from: 0.5, to: 10000 } }'),
  'default: legacy\n  overrides: [ { kind: serial, key: "0", broker: successor } ]',
  'default: legacy\n  splits: [ { name: s, weights: { a: 1, b: 9999 } } ]',
];

const wrong = [
  'default: nowhere',
  'cohorts: []',
  'default: legacy\n  cohort: []',
  cohort('match: {}'),
  cohort('match: { all: false }'),
  cohort('match: { certificate: {} }'),
  cohort('match: { hash: { from: 5, to: 5 } }'),
  cohort('match: { hash: { from: 0, to: 10001 } }'),
  cohort('match: { all: true }, weightBps: 10001'),
  cohort('match: { all: true }, weightBps: 0.5'),
  cohort('match: { all: true }, weightBps: "5%"'),
  cohort('match: { all: true }, announce: both'),
  'default: legacy\n  cohorts: [ { name: a/b, match: { all: true }, source: legacy, target: successor } ]',
  'default: legacy\n  cohorts: [ { name: "", match: { all: true }, source: legacy, target: successor } ]',
  'default: legacy\n  overrides: [ { kind: serial, key: "0A", broker: successor } ]',
  'default: legacy\n  overrides: [ { kind: clientid, key: a, broker: legacy }, { kind: clientid, key: a, broker: successor } ]',
  'default: legacy\n  splits: [ { name: s, weights: { a: 1, b: 9998 } } ]',
  'default: legacy\n  splits: [ { name: s, weights: {} } ]',
];

const parsed = (plan: string) => parsePlan((parse(`plan:\n  ${plan}`) as { plan: unknown }).plan, { brokers, fleet });

for (const plan of right) {
  test(`the file and a plan document agree on what is right: ${plan.slice(0, 120)}`, () => {
    const document = parsed(plan);
    assert.ok(document.ok);
    assert.deepEqual(loadRight(withPlan(plan)).configuration.plan, document.value);
  });
}

for (const plan of wrong) {
  test(`the file and a plan document agree on what is wrong: ${plan.slice(0, 120)}`, () => {
    assert.equal(parsed(plan).ok, false);
    assert.equal(load(withPlan(plan)).ok, false);
  });
}
