import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeviceIdentity } from '../../src/plan/device-key.ts';
import type { CohortMatch } from '../../src/plan/plan.ts';
import { createSnapshot } from '../../src/plan/snapshot.ts';
import { byClientId, sampleCohort, samplePlan, snapshotOf } from './sample-plan.ts';

function takes(match: CohortMatch, device: DeviceIdentity, files: Readonly<Record<string, string>> = {}): boolean {
  const plan = { identity: ['certificate.commonName', 'mqtt.clientId'] as const, cohorts: [sampleCohort({ match })] };
  return snapshotOf(plan, files).assign(device).cohort === 'everyone';
}

describe('RoutingSnapshot.assign', () => {
  test('gives the whole reason of a cohort: position(salt/NAME) against the weight', () => {
    const { assign } = snapshotOf({ cohorts: [sampleCohort({ weightBps: 1266 })] });
    const position = 543452460 * (10_000 / 2 ** 32);
    const common = { revision: 7, kind: 'clientid', cohort: 'everyone', weightBps: 1266 };
    assert.deepEqual(assign(byClientId('device-000002')), {
      ...common,
      broker: 'aws',
      reason: 'cohort-target',
      key: 'device-000002',
      position,
    });
    const other = assign(byClientId('device-000001'));
    assert.deepEqual(
      [other.broker, other.reason, other.position?.toFixed(4)],
      ['legacy', 'cohort-source', '6638.2662'],
    );
  });

  test('488 of the ten thousand devices of the contract go to the target at 5 %', () => {
    const { assign } = snapshotOf({});
    let onTarget = 0;
    for (let device = 1; device <= 10_000; device += 1) {
      if (assign(byClientId(`device-${String(device).padStart(6, '0')}`)).broker === 'aws') onTarget += 1;
    }
    assert.equal(onTarget, 488);
  });

  test('the weight 0 takes nobody and 10 000 takes everybody', () => {
    const none = snapshotOf({ cohorts: [sampleCohort({ weightBps: 0 })] });
    const all = snapshotOf({ cohorts: [sampleCohort({ weightBps: 10_000 })] });
    for (let device = 0; device < 500; device += 1) {
      assert.equal(none.assign(byClientId(`d${device}`)).broker, 'legacy');
      assert.equal(all.assign(byClientId(`d${device}`)).broker, 'aws');
    }
  });

  test('a device without any identity of the plan goes to the default, whatever the cohorts are', () => {
    const { assign } = snapshotOf({ cohorts: [sampleCohort({ weightBps: 10_000 })] });
    const expected = { broker: 'legacy', reason: 'no-key', revision: 7 };
    assert.deepEqual(assign({}), expected);
    assert.deepEqual(assign({ clientId: '', username: 'anna', certificate: { commonName: 'x' } }), expected);
  });

  test('a device in no cohort goes to the default and shows position(salt)', () => {
    const { assign } = snapshotOf({ cohorts: [sampleCohort({ match: { clientIds: ['other'] } })] });
    const { position, ...rest } = assign(byClientId('device-000001'));
    assert.equal(position?.toFixed(4), '6593.7401');
    assert.deepEqual(rest, {
      broker: 'legacy',
      reason: 'no-cohort',
      revision: 7,
      kind: 'clientid',
      key: 'device-000001',
    });
  });

  test('the first identity that the device presents is its key', () => {
    const { assign } = snapshotOf({ identity: ['certificate.commonName', 'mqtt.clientId'] });
    const both = assign({ clientId: 'device-000002', certificate: { commonName: 'device-000001' } });
    assert.deepEqual([both.kind, both.key, both.position?.toFixed(4)], ['cn', 'device-000001', '5275.5967']);
    assert.equal(assign({ clientId: 'device-000002', certificate: {} }).kind, 'clientid');
  });

  test('an override comes before every cohort and matches its kind only', () => {
    const { assign } = snapshotOf({ overrides: [{ kind: 'clientid', key: 'meter-7', broker: 'third' }] });
    assert.deepEqual(assign(byClientId('meter-7')), {
      broker: 'third',
      reason: 'override',
      revision: 7,
      kind: 'clientid',
      key: 'meter-7',
      position: assign(byClientId('meter-7')).position,
    });
    assert.notEqual(assign({ clientId: 'x', username: 'meter-7' }).reason, 'override');
  });

  test('an override of a kind outside identity counts, also for a device without a key', () => {
    const { assign } = snapshotOf({ overrides: [{ kind: 'username', key: 'anna', broker: 'third' }] });
    assert.equal(assign({ clientId: 'x', username: 'anna' }).broker, 'third');
    assert.equal(assign({ username: 'anna' }).broker, 'third');
    assert.equal(assign({ username: 'bert' }).reason, 'no-key');
  });

  test('of several overrides for one device the first in the plan decides', () => {
    const { assign } = snapshotOf({
      overrides: [
        { kind: 'username', key: 'zoe', broker: 'aws' },
        { kind: 'clientid', key: 'meter-7', broker: 'third' },
        { kind: 'username', key: 'anna', broker: 'aws' },
      ],
    });
    assert.equal(assign({ clientId: 'meter-7', username: 'anna' }).broker, 'third');
    assert.equal(assign({ clientId: 'meter-7', username: 'zoe' }).broker, 'aws');
  });
});

describe('cohort match', () => {
  const certificate = { commonName: 'gen1-7', organizationalUnits: ['Meters', 'EU'], issuerCommonName: 'Plant CA' };
  const device = { clientId: 'gen1-meter', certificate };
  const rows: readonly (readonly [string, CohortMatch, boolean])[] = [
    ['all', { all: true }, true],
    ['a listed client ID', { clientIds: ['x', 'gen1-meter'] }, true],
    ['a client ID that is not listed', { clientIds: ['gen1'] }, false],
    ['no client IDs', { clientIds: [] }, false],
    ['a client ID prefix', { clientIdPrefix: 'gen1-' }, true],
    ['another client ID prefix', { clientIdPrefix: 'gen2-' }, false],
    ['a client ID of a file', { clientIdsFile: 'ids' }, true],
    ['list AND file, in both', { clientIds: ['gen1-meter'], clientIdsFile: 'ids' }, true],
    ['list AND file, only in the list', { clientIds: ['gen1-meter'], clientIdsFile: 'others' }, false],
    ['one of the organizational units', { certificate: { organizationalUnit: 'EU' } }, true],
    ['another organizational unit', { certificate: { organizationalUnit: 'eu' } }, false],
    ['the issuer', { certificate: { issuerCommonName: 'Plant CA' } }, true],
    ['another issuer', { certificate: { issuerCommonName: 'Plant' } }, false],
    ['a common name prefix', { certificate: { commonNamePrefix: 'gen1' } }, true],
    ['unit AND another issuer', { certificate: { organizationalUnit: 'EU', issuerCommonName: 'x' } }, false],
    ['prefix AND certificate', { clientIdPrefix: 'gen1', certificate: { organizationalUnit: 'EU' } }, true],
    ['prefix AND another certificate', { clientIdPrefix: 'gen1', certificate: { organizationalUnit: 'US' } }, false],
    ['no field at all', {}, false],
  ];
  for (const [name, match, isTaken] of rows) {
    test(`${name}: ${isTaken ? 'taken' : 'not taken'}`, () => {
      assert.equal(takes(match, device, { ids: 'a\r\ngen1-meter\r\n', others: 'x\n' }), isTaken);
    });
  }

  test('certificate fields take nobody without a certificate', () => {
    assert.equal(takes({ certificate: { commonNamePrefix: 'gen1' } }, byClientId('gen1-7')), false);
  });

  test('a hash range takes from ≤ position(fleet salt) < to', () => {
    const position = (2831989789 * 10_000) / 2 ** 32;
    const within = (from: number, to: number) => takes({ hash: { from, to } }, byClientId('device-000001'));
    assert.deepEqual(
      [within(0, 10_000), within(6593, 6594), within(0, 6593), within(6594, 10_000), within(position, 10_000)],
      [true, true, false, false, true],
    );
    assert.equal(within(0, position), false);
  });

  test('518 of the ten thousand devices of the contract are in the hash cohort 0 to 500', () => {
    const { assign } = snapshotOf({ cohorts: [sampleCohort({ match: { hash: { from: 0, to: 500 } } })] });
    const assignments = Array.from({ length: 10_000 }, (_, index) =>
      assign(byClientId(`device-${String(index + 1).padStart(6, '0')}`)),
    );
    assert.equal(assignments.filter(({ cohort }) => cohort === 'everyone').length, 518);
    assert.equal(assignments.filter(({ broker }) => broker === 'aws').length, 30);
  });

  test('a file of client IDs: lines as they stand, without empty ones and a byte order mark', () => {
    const files = { ids: '\uFEFFfirst\n\n# not a comment\r\n spaced \nlast' };
    const isTaken = (clientId: string) => takes({ clientIdsFile: 'ids' }, byClientId(clientId), files);
    assert.deepEqual(['first', '# not a comment', ' spaced ', 'last'].map(isTaken), [true, true, true, true]);
    assert.deepEqual(['', 'spaced', 'first\r'].map(isTaken), [false, false, false]);
  });
});

describe('createSnapshot', () => {
  test('fails with the cohort and the file when a file of client IDs cannot be read', () => {
    const plan = { ...samplePlan, cohorts: [sampleCohort({ match: { clientIdsFile: '/gone' } })] };
    assert.deepEqual(createSnapshot({ revision: 1, plan, readInclude: () => ({ ok: false, error: 'no such file' }) }), {
      ok: false,
      error: 'cohort everyone: clientIdsFile /gone: no such file',
    });
  });

  test('is immutable, and independent of the object it was made from', () => {
    const cohort = { ...sampleCohort({ weightBps: 0 }) };
    const snapshot = snapshotOf({ cohorts: [cohort] });
    cohort.weightBps = 10_000;
    assert.equal(snapshot.assign(byClientId('a')).broker, 'legacy');
    assert.throws(() => Object.assign(snapshot, { revision: 8 }), TypeError);
    assert.throws(() => Object.assign(snapshot.plan.cohorts[0] ?? {}, { weightBps: 1 }), TypeError);
  });
});
