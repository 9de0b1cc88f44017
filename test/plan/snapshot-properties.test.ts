import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DeviceIdentity, IdentityName } from '../../src/plan/device-key.ts';
import type { Cohort, CohortMatch, Plan } from '../../src/plan/plan.ts';
import { devices, plans, weights } from './arbitrary-plan.ts';
import { byClientId, sampleCohort, snapshotOf } from './sample-plan.ts';

/** The contract's section 1, line by line, without preparation: `[broker, cohort]`. */
function obviousAnswer(plan: Plan, device: DeviceIdentity): readonly [string, string | undefined] {
  const valueByKind = new Map<string, string | undefined>([
    ['cn', device.certificate?.commonName],
    ['fingerprint', device.certificate?.fingerprint],
    ['serial', device.certificate?.serialNumber],
    ['clientid', device.clientId],
    ['username', device.username],
  ]);
  for (const { kind, key, broker } of plan.overrides) if (valueByKind.get(kind) === key) return [broker, undefined];
  const kindOf = (name: IdentityName) =>
    ({
      'certificate.commonName': 'cn',
      'certificate.fingerprint': 'fingerprint',
      'certificate.serialNumber': 'serial',
      'mqtt.clientId': 'clientid',
      'mqtt.username': 'username',
    })[name];
  const kind = plan.identity.map(kindOf).find((candidate) => (valueByKind.get(candidate) ?? '') !== '');
  if (kind === undefined) return [plan.default, undefined];
  const position = (salt: string) => {
    const text = `crossfade:v1|${salt}|${kind}|${valueByKind.get(kind)}`;
    return (createHash('sha256').update(text).digest().readUInt32BE(0) * 10_000) / 2 ** 32;
  };
  const cohort = plan.cohorts.find(({ match }) => isTaken(match, device, position(plan.salt)));
  if (cohort === undefined) return [plan.default, undefined];
  const { name, source, target, weightBps } = cohort;
  return [position(`${plan.salt}/${name}`) < weightBps ? target : source, name];
}

function isTaken(match: CohortMatch, { clientId = '', certificate }: DeviceIdentity, position: number): boolean {
  if (match.clientIds !== undefined && !match.clientIds.includes(clientId)) return false;
  if (match.clientIdPrefix !== undefined && !clientId.startsWith(match.clientIdPrefix)) return false;
  if (match.hash !== undefined && (position < match.hash.from || position >= match.hash.to)) return false;
  if (match.certificate === undefined) return true;
  const { organizationalUnit, issuerCommonName, commonNamePrefix } = match.certificate;
  if (organizationalUnit !== undefined && !certificate?.organizationalUnits?.includes(organizationalUnit)) return false;
  if (issuerCommonName !== undefined && certificate?.issuerCommonName !== issuerCommonName) return false;
  return commonNamePrefix === undefined || (certificate?.commonName ?? '').startsWith(commonNamePrefix);
}

const fleet = Array.from({ length: 300 }, (_, index) => `device-${index}`);

/** The devices on the target at a weight. */
function onTarget(cohort: Partial<Cohort>): ReadonlySet<string> {
  const { assign } = snapshotOf({ cohorts: [sampleCohort(cohort)] });
  return new Set(fleet.filter((clientId) => assign(byClientId(clientId)).reason === 'cohort-target'));
}

describe('properties of assignment', () => {
  test('agrees with the contract written down line by line', () => {
    fc.assert(
      fc.property(plans, fc.array(devices, { minLength: 1, maxLength: 8 }), (plan, some) => {
        const { assign } = snapshotOf(plan);
        for (const device of some) {
          const { broker, cohort } = assign(device);
          assert.deepEqual([broker, cohort], obviousAnswer(plan, device));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is the same in every snapshot of a plan, whatever was asked before', () => {
    fc.assert(
      fc.property(plans, fc.array(devices, { maxLength: 8 }), devices, (plan, before, device) => {
        const used = snapshotOf(plan);
        for (const other of before) used.assign(other);
        assert.deepEqual(used.assign(device), snapshotOf(structuredClone(plan)).assign(device));
      }),
    );
  });

  test('raising a weight only adds devices, lowering it only removes', () => {
    fc.assert(
      fc.property(weights, weights, (one, other) => {
        const fewer = onTarget({ weightBps: Math.min(one, other) });
        const more = onTarget({ weightBps: Math.max(one, other) });
        for (const clientId of fewer) assert.ok(more.has(clientId));
      }),
    );
  });

  test('lowering removes the last added first: what is left is what any lower weight had', () => {
    fc.assert(
      fc.property(fc.array(weights, { minLength: 2, maxLength: 6 }), (steps) => {
        const rising = [...steps].sort((a, b) => a - b);
        const up = rising.map((weightBps) => onTarget({ weightBps }));
        const down = rising.toReversed().map((weightBps) => onTarget({ weightBps }));
        assert.deepEqual(down.toReversed(), up);
      }),
      { numRuns: 30 },
    );
  });

  test('the first matching cohort decides: later ones change nothing for its devices', () => {
    fc.assert(
      fc.property(plans, devices, fc.integer({ min: 0, max: 3 }), (plan, device, removed) => {
        const answer = snapshotOf(plan).assign(device);
        const index = plan.cohorts.findIndex(({ name }) => name === answer.cohort);
        if (index < 0 || index + removed >= plan.cohorts.length) return;
        const shorter = { ...plan, cohorts: plan.cohorts.slice(0, index + 1) };
        assert.deepEqual(snapshotOf(shorter).assign(device), answer);
        const without = { ...plan, cohorts: plan.cohorts.slice(0, index) };
        assert.equal(snapshotOf(without).assign(device).reason, 'no-cohort');
      }),
    );
  });

  test('weight and membership are independent: a hash cohort does not eat the first devices of the next', () => {
    const canary = sampleCohort({ name: 'canary', match: { hash: { from: 0, to: 5000 } }, weightBps: 10_000 });
    const { assign } = snapshotOf({ cohorts: [canary, sampleCohort({ weightBps: 5000 })] });
    const rest = fleet.map((clientId) => assign(byClientId(clientId))).filter(({ cohort }) => cohort === 'everyone');
    const moved = rest.filter(({ reason }) => reason === 'cohort-target').length;
    assert.ok(moved > rest.length * 0.35 && moved < rest.length * 0.65, `${moved} of ${rest.length}`);
  });
});
