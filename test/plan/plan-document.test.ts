import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type PlanOptions, parsePlan, parsePlanDocument, renderPlan } from '../../src/plan/plan-document.ts';
import { renderPlanMistake } from '../../src/plan/plan-mistake.ts';
import { plans } from './arbitrary-plan.ts';
import { sampleBrokers, samplePlan } from './sample-plan.ts';

const brokers = [...sampleBrokers];
const fleet = { salt: 'demo', identity: ['mqtt.clientId'] } as const;

function mistakesOf(document: unknown, options: PlanOptions = { brokers, fleet }): readonly string[] {
  const parsed = parsePlan(document, options);
  return parsed.ok ? [] : parsed.error.map(renderPlanMistake);
}

function withCohort(changes: object): unknown {
  return {
    default: 'legacy',
    cohorts: [{ name: 'c', match: { all: true }, source: 'legacy', target: 'aws', ...changes }],
  };
}

function withMatch(match: unknown): unknown {
  return withCohort({ match });
}

function withOverride(override: object): unknown {
  return { default: 'legacy', overrides: [{ kind: 'clientid', key: 'a', broker: 'aws', ...override }] };
}

function withWeights(weights: unknown): unknown {
  return { default: 'legacy', splits: [{ name: 'front-door', weights }] };
}

describe('parsePlan', () => {
  test('fills in the defaults and takes salt and identity from the fleet', () => {
    assert.deepEqual(parsePlan(withCohort({ name: 'everyone' }), { brokers, fleet }), {
      ok: true,
      value: { ...samplePlan, cohorts: [{ ...samplePlan.cohorts[0], weightBps: 0 }] },
    });
  });

  test('is frozen throughout', () => {
    const parsed = parsePlan(withCohort({}), { brokers, fleet });
    assert.ok(parsed.ok);
    assert.throws(() => Object.assign(parsed.value.cohorts[0]?.match ?? {}, { all: false }), TypeError);
  });

  const rows: readonly (readonly [string, unknown, string])[] = [
    ['no mapping', 'x', 'expected a mapping with'],
    ['nothing', undefined, 'got nothing'],
    ['no default', {}, 'default: expected a broker that is configured (legacy, aws, third), got nothing'],
    [
      'an unknown default',
      { default: 'old' },
      'default: expected a broker that is configured (legacy, aws, third), got "old"',
    ],
    ['an unknown source', withCohort({ source: 'old' }), 'cohorts[0].source: expected a broker that is configured'],
    [
      'an unknown target',
      withCohort({ target: 'toString' }),
      'cohorts[0].target: expected a broker that is configured',
    ],
    ['an unknown broker of an override', withOverride({ broker: 'old' }), 'overrides[0].broker: expected a broker'],
    ['an unknown key', { default: 'legacy', cohort: [] }, 'cohort: unknown key: expected one of'],
    ['an unknown key of a cohort', withCohort({ weight: 5 }), 'cohorts[0].weight: unknown key: expected one of name,'],
    ['an unknown key of a match', withMatch({ all: true, tag: 'x' }), 'cohorts[0].match.tag: unknown key'],
    [
      'an unknown key of a certificate match',
      withMatch({ certificate: { issuerCommonName: 'x', ou: 'x' } }),
      'cohorts[0].match.certificate.ou: unknown key',
    ],
    [
      'a name with |',
      withCohort({ name: 'a|b' }),
      'cohorts[0].name: expected a cohort name of 1 to 128 characters without |',
    ],
    ['a name with /', withCohort({ name: 'a/b' }), 'cohorts[0].name: expected a cohort name'],
    ['a name with a line break', withCohort({ name: 'a\nb' }), 'cohorts[0].name: expected a cohort name'],
    ['a name with a space at its end', withCohort({ name: 'a ' }), 'cohorts[0].name: expected a cohort name'],
    ['an empty name', withCohort({ name: '' }), 'cohorts[0].name: expected a cohort name'],
    [
      'a weight with a fraction',
      withCohort({ weightBps: 0.5 }),
      'cohorts[0].weightBps: expected a weight in whole basis points from 0 to 10000, got 0.5',
    ],
    ['a negative weight', withCohort({ weightBps: -1 }), 'cohorts[0].weightBps: expected a weight'],
    ['a weight above the whole', withCohort({ weightBps: 10_001 }), 'got 10001'],
    ['a weight as text', withCohort({ weightBps: '5%' }), 'got "5%"'],
    ['a weight that is no number', withCohort({ weightBps: Number.NaN }), 'cohorts[0].weightBps'],
    [
      'another announce',
      withCohort({ announce: 'target' }),
      'cohorts[0].announce: expected source or common, got "target"',
    ],
    ['an empty match', withMatch({}), 'cohorts[0].match: expected at least one field to match by'],
    ['no match', withMatch(undefined), 'cohorts[0].match: expected a mapping with all'],
    ['all: false', withMatch({ all: false }), 'cohorts[0].match.all: expected true, got false'],
    [
      'an empty certificate match',
      withMatch({ certificate: {} }),
      'cohorts[0].match.certificate: expected at least one of',
    ],
    ['an empty prefix', withMatch({ clientIdPrefix: '' }), 'cohorts[0].match.clientIdPrefix: expected the beginning'],
    [
      'client IDs that are numbers',
      withMatch({ clientIds: ['a', 7] }),
      'cohorts[0].match.clientIds[1]: expected a client ID, got 7',
    ],
    [
      'a hash range that is empty',
      withMatch({ hash: { from: 5, to: 5 } }),
      'cohorts[0].match.hash: expected from below to',
    ],
    [
      'a hash range below 0',
      withMatch({ hash: { from: -1, to: 5 } }),
      'cohorts[0].match.hash.from: expected a position from 0 to 10000, got -1',
    ],
    ['a hash range above the ring', withMatch({ hash: { from: 0, to: 10_001 } }), 'cohorts[0].match.hash.to'],
    [
      'a hash range without an end',
      withMatch({ hash: { from: 0 } }),
      'cohorts[0].match.hash.to: expected a position from 0 to 10000, got nothing',
    ],
    [
      'an override of an unknown kind',
      withOverride({ kind: 'clientId' }),
      'overrides[0].kind: expected one of cn, fingerprint',
    ],
    ['an override without a key', withOverride({ key: '' }), 'overrides[0].key: expected the key of a device, got ""'],
    [
      'a fingerprint that never matches',
      withOverride({ kind: 'fingerprint', key: 'AB:CD' }),
      'overrides[0].key: expected a fingerprint of 64 lower-case',
    ],
    [
      'a serial that never matches',
      withOverride({ kind: 'serial', key: '0A' }),
      'overrides[0].key: expected a serial number in lower-case hex',
    ],
    ['a split of 9999', withWeights({ a: 9_999 }), 'splits[0].weights: expected weights that add up to 10000'],
    [
      'a split with a fraction',
      withWeights({ a: 0.5, b: 9_999 }),
      "splits[0].weights.a: expected a part's weight in whole",
    ],
    ['a part with |', withWeights({ 'a|b': 10_000 }), 'splits[0].weights.a|b: expected a part name'],
    [
      'another salt than the fleet',
      { default: 'legacy', salt: 'x' },
      'salt: expected the fleet\'s salt ("demo"), got another',
    ],
    [
      'another identity than the fleet',
      { default: 'legacy', identity: ['mqtt.username'] },
      "identity: expected the fleet's identity (mqtt.clientId), got another",
    ],
    ['a revision outside a plan file', { default: 'legacy', revision: 3 }, 'revision: unknown key'],
  ];
  for (const [name, document, expected] of rows) {
    test(`${name} is refused`, () => {
      const mistakes = mistakesOf(document);
      assert.ok(mistakes.length === 1 && mistakes[0]?.includes(expected), `${JSON.stringify(mistakes)}`);
    });
  }

  test('what must be unique is, also where other mistakes stand', () => {
    const cohort = { name: 'c', match: {}, source: 'legacy', target: 'aws' };
    const override = { kind: 'cn', key: 'a', broker: 'old' };
    const document = {
      default: 'legacy',
      identity: ['mqtt.clientId', 'mqtt.clientId'],
      cohorts: [cohort, 5, cohort],
      overrides: [override, override, { ...override, kind: 'clientid' }],
      splits: [{ name: 's' }, { name: 's', weights: { a: 10_000 } }],
    };
    const text = mistakesOf(document, { brokers }).join('\n');
    for (const expected of [
      'cohorts[2]: expected a cohort name of its own, got c of cohorts[0] again',
      'overrides[1]: expected one override for each kind and key, got cn a of overrides[0] again',
      'splits[1]: expected a split name of its own, got s of splits[0] again',
      'identity[1]: expected every identity once, got "mqtt.clientId" again',
      'overrides[2].broker: expected a broker',
      'cohorts[1]: expected a mapping',
      "salt: expected the fleet's salt, got nothing",
    ]) {
      assert.ok(text.includes(expected), `${expected}\n${text}`);
    }
    assert.ok(!text.includes('overrides[2]: '));
  });

  test('without a fleet, salt and identity are needed and checked', () => {
    assert.deepEqual(mistakesOf({ default: 'legacy', salt: 'a/b', identity: ['cn'] }, { brokers }), [
      'salt: expected a salt without | and /, got "a/b"',
      `identity[0]: expected one of certificate.commonName, certificate.fingerprint, certificate.serialNumber, mqtt.clientId, mqtt.username, got "cn"`,
    ]);
    assert.equal(mistakesOf({ default: 'legacy', salt: '', identity: [] }, { brokers }).length, 1);
  });

  test('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.anything(), (document) => void parsePlan(document, { brokers, fleet })));
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('cohorts', 'match', 'name', 'splits', 'weights', '__proto__') }),
        (document) => void parsePlan(document, { brokers, fleet }),
      ),
    );
  });
});

describe('renderPlan', () => {
  test('is read back as the same plan, also through JSON', () => {
    fc.assert(
      fc.property(plans, fc.option(fc.nat(), { nil: undefined }), (plan, revision) => {
        const document: unknown = JSON.parse(JSON.stringify(renderPlan(plan, revision)));
        assert.deepEqual(parsePlanDocument(document, { brokers }), {
          ok: true,
          value: { plan, revision },
        });
      }),
    );
  });

  test('shows the revision first and leaves out what is empty', () => {
    assert.deepEqual(Object.keys(renderPlan(samplePlan, 7)), ['revision', 'default', 'salt', 'identity', 'cohorts']);
  });
});
