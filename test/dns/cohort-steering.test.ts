import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createSteering } from '../../src/dns/steering.ts';
import { deviceLabels } from '../../src/plan/device-label.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { sampleCohort } from '../plan/sample-plan.ts';
import { labels, network, outcomeOf, ownNames, sampleFacts } from './steering-world.ts';

const anywhere = network('198.51.100.0/24');

function outcomes(plan: Partial<Plan>, names: readonly (readonly string[])[], rule = ownNames): readonly string[] {
  const steering = createSteering(rule, sampleFacts({ plan }));
  return names.map((name) => outcomeOf(steering.decide(labels(...name), anywhere)));
}

describe('a device’s own name', () => {
  test('is answered by the side that the plan sends the device to, for ten thousand of them at every weight', () => {
    for (const weightBps of [0, 137, 5_000, 10_000]) {
      const facts = sampleFacts({ plan: { cohorts: [sampleCohort({ weightBps })] } });
      const steering = createSteering(ownNames, facts);
      for (let number = 1; number <= 10_000; number += 1) {
        const clientId = `device-${String(number).padStart(6, '0')}`;
        const side = facts.plan.assign({ clientId }).broker === 'aws' ? 'target' : 'source';
        assert.equal(outcomeOf(steering.decide(labels(clientId), anywhere)), side);
      }
    }
  });

  test('any key has a name that leads back to it, in any case', () => {
    const facts = sampleFacts({ plan: { cohorts: [sampleCohort({ weightBps: 5_000 })] } });
    const steering = createSteering(ownNames, facts);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (clientId) => {
        const name = deviceLabels(clientId).map((label) => label.toUpperCase());
        const side = facts.plan.assign({ clientId }).broker === 'aws' ? 'target' : 'source';
        assert.equal(outcomeOf(steering.decide(labels(...name), anywhere)), side);
      }),
    );
  });

  test('labels that are no device’s are told as such', () => {
    const names = [
      ['*'],
      ['_x'],
      ['-a'],
      ['x--'],
      ['x--0'],
      ['x--zz'],
      ['a', 'b'],
      ['a.b'],
      ['s\xf6ner'],
      ['\0'],
      ['0'.repeat(62), '0'],
    ];
    assert.deepEqual(new Set(outcomes({}, names)), new Set(['no-device']));
  });

  test('exists from its last label up, for resolvers that ask from the top (RFC 9156)', () => {
    const steering = createSteering(ownNames, sampleFacts());
    for (const clientId of ['m'.repeat(100), 'M'.repeat(200), 'sensor/\u{1f321}'.repeat(8)]) {
      const name = deviceLabels(clientId);
      assert.ok(name.length > 1);
      for (let from = 0; from < name.length; from += 1) {
        const outcome = outcomeOf(steering.decide(labels(...name.slice(from)), anywhere));
        assert.notEqual(outcome, 'no-device', `${name.slice(from)}`);
        if (from > 0 && from < name.length - 1) assert.equal(outcome, 'above-devices');
      }
    }
  });

  test('fingerprints and serial numbers have one spelling', () => {
    const plan = { identity: ['certificate.serialNumber'] } as const;
    const serial = { ...ownNames, label: 'serial' } as const;
    assert.deepEqual(outcomes(plan, [['1f'], ['1F'], ['0'], ['01f'], ['xyz']], serial), [
      'source',
      'source',
      'source',
      'above-devices',
      'no-device',
    ]);
    const fingerprint = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const byFingerprint = { ...ownNames, label: 'fingerprint' } as const;
    const identity = { identity: ['certificate.fingerprint'] } as const;
    assert.deepEqual(outcomes(identity, [deviceLabels(fingerprint), ['meter-7']], byFingerprint), [
      'source',
      'no-device',
    ]);
  });

  test('a broker that is named outright is the target’s side where it is only ever a target', () => {
    const overrides = [
      { kind: 'clientid', key: 'meter-7', broker: 'aws' },
      { kind: 'clientid', key: 'meter-8', broker: 'legacy' },
      { kind: 'clientid', key: 'meter-9', broker: 'third' },
    ] as const;
    const cohorts = [sampleCohort({ weightBps: 0 })];
    const names = [['meter-7'], ['meter-8'], ['meter-9']];
    assert.deepEqual(outcomes({ overrides, cohorts }, names), ['target', 'source', 'source']);
    const both = [...cohorts, sampleCohort({ name: 'back', source: 'aws', target: 'legacy' })];
    assert.deepEqual(outcomes({ overrides, cohorts: both }, names), ['source', 'source', 'source']);
    assert.deepEqual(outcomes({ default: 'aws', cohorts: [sampleCohort({ match: { clientIds: ['a'] } })] }, [['b']]), [
      'target',
    ]);
  });

  test('does not depend on who asks', () => {
    const steering = createSteering(ownNames, sampleFacts());
    assert.equal(steering.scopeOf(anywhere), 0);
  });
});
