import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { type ActivationOptions, createActivation } from '../../../src/aws/functions/activation.ts';
import { mintCertificate, mintCertificateAuthority } from '../../../src/tls/certificate-minting.ts';
import { deviceCommonName } from '../../../src/tls/certified-device.ts';
import type { CertificateRefusal } from '../../../src/tls/listener-tls.ts';
import { FakeDeviceRegistry, refusal } from '../fake-device-registry.ts';

const ca = mintCertificateAuthority('Device CA');
const caCertificateId = hash('sha256', new X509Certificate(ca.certificate).raw);

function device(commonName: string | readonly string[] = 'meter-7'): string {
  return mintCertificate({ subject: { commonName }, issuer: ca }).certificate;
}

/** As AWS publishes it on `$aws/events/certificates/registered/<caCertificateId>`. */
function eventOf(certificateId: string, more: object = {}) {
  return {
    certificateId,
    caCertificateId,
    timestamp: 1_758_000_000_000,
    certificateStatus: 'PENDING_ACTIVATION',
    awsAccountId: '123456789012',
    certificateRegistrationTimestamp: null,
    ...more,
  };
}

function open(
  registry: FakeDeviceRegistry,
  options: Partial<ActivationOptions> = {},
  faults: readonly CertificateRefusal[] = [],
) {
  const logged: unknown[] = [];
  const terms = { policyName: 'devices', thingTypeName: 'meter' };
  const activate = createActivation(
    { terms, caCertificateIds: [], clientIdPolicy: 'any', requiresClientId: false, ...options },
    { registry, check: { refusals: async () => faults }, log: (record) => logged.push(record) },
  );
  return { activate, logged };
}

const working = {
  status: 'ACTIVE',
  things: [{ thingName: 'meter-7', isExclusive: true }],
  policies: ['devices'],
};
const untouched = { status: 'PENDING_ACTIVATION', things: [], policies: [] };

test('a pending certificate gets thing, association and policy, and is active last', async () => {
  const registry = new FakeDeviceRegistry();
  const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
  const { activate, logged } = open(registry);
  const event = eventOf(certificateId, { certificateRegistrationTimestamp: '1758000000000' });
  assert.deepEqual(await activate(event), { certificateId, outcome: 'activated', thingName: 'meter-7' });
  assert.deepEqual(registry.state(certificateId), working);
  assert.deepEqual(registry.calls, [
    'DescribeCertificate',
    'CreateThing',
    'AttachThingPrincipal',
    'AttachPolicy',
    'UpdateCertificate',
  ]);
  assert.deepEqual(registry.things.get('meter-7'), { thingName: 'meter-7', thingTypeName: 'meter', attributes: {} });
  assert.deepEqual(logged, [{ function: 'activation', certificateId, outcome: 'activated', thingName: 'meter-7' }]);
});

test('the same event again changes nothing', async () => {
  const registry = new FakeDeviceRegistry();
  const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
  const { activate } = open(registry);
  await activate(eventOf(certificateId));
  const before = registry.calls.length;
  assert.equal((await activate(eventOf(certificateId))).outcome, 'already-active');
  assert.deepEqual(registry.calls.slice(before), ['DescribeCertificate']);
});

for (const when of ['before', 'after'] as const) {
  test(`ended ${when} any call took effect: the certificate is pending, or all is done; the next event ends it`, async () => {
    for (let broken = 1; ; broken += 1) {
      const registry = new FakeDeviceRegistry();
      const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
      const { activate } = open(registry);
      registry.fault = (operation, call) =>
        call === broken ? { when, error: refusal('unavailable', operation) } : undefined;
      if (broken > 5) {
        assert.equal((await activate(eventOf(certificateId))).outcome, 'activated');
        return;
      }
      await assert.rejects(activate(eventOf(certificateId)), { kind: 'unavailable' });
      const { status, policies } = registry.state(certificateId);
      assert.ok(status === 'PENDING_ACTIVATION' || policies.length === 1);
      await activate(eventOf(certificateId));
      assert.deepEqual(registry.state(certificateId), working);
    }
  });
}

test('what fails the check is not activated, and a revoked one is said to be', async () => {
  for (const fault of ['revoked', 'expired', 'untrusted', 'weakKey', 'crlStale'] as const) {
    const registry = new FakeDeviceRegistry();
    const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
    const { activate } = open(registry, {}, [fault]);
    assert.deepEqual(await activate(eventOf(certificateId)), {
      certificateId,
      outcome: 'refused',
      reasons: [fault],
    });
    const status = fault === 'revoked' ? 'REVOKED' : 'PENDING_ACTIVATION';
    assert.deepEqual(registry.state(certificateId), { ...untouched, status });
    assert.equal(registry.things.size, 0);
  }
});

test('only the certificates of the listed CAs are activated', async () => {
  const registry = new FakeDeviceRegistry();
  const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
  const other = open(registry, { caCertificateIds: ['0'.repeat(64)] });
  assert.deepEqual((await other.activate(eventOf(certificateId))).reasons, ['other-authority']);
  // The registry's word counts, not the event's.
  const lying = eventOf(certificateId, { caCertificateId: '0'.repeat(64) });
  assert.deepEqual((await other.activate(lying)).reasons, ['other-authority']);
  assert.deepEqual(registry.state(certificateId), untouched);
  const listed = open(registry, { caCertificateIds: [caCertificateId] });
  assert.equal((await listed.activate(eventOf(certificateId))).outcome, 'activated');
});

test('a client ID has to be bound as the policy says; where AWS sends none, the setting decides', async () => {
  const long = 'meter-'.padEnd(100, '7');
  const mapped = deviceCommonName({ kind: 'clientid', key: long });
  const cases = [
    ['any', 'meter-7', 'someone-else', 'activated'],
    ['equals-common-name', 'meter-7', 'meter-7', 'activated'],
    ['equals-common-name', 'meter-7', 'meter-7/main', 'refused'],
    ['prefixed-by-common-name', 'meter-7', 'meter-7/main', 'activated'],
    ['prefixed-by-common-name', 'meter-7', 'meter-8', 'refused'],
    ['equals-common-name', ['meter-7', 'meter-8'], 'meter-7', 'refused'],
    ['equals-common-name', mapped, long, 'activated'],
    ['equals-common-name', mapped, `${long}x`, 'refused'],
  ] as const;
  for (const [clientIdPolicy, commonName, clientId, expected] of cases) {
    const registry = new FakeDeviceRegistry();
    const certificateId = registry.add(device(commonName), 'PENDING_ACTIVATION', caCertificateId);
    const { outcome } = await open(registry, { clientIdPolicy }).activate(eventOf(certificateId, { clientId }));
    assert.equal(outcome, expected, `${clientIdPolicy} ${clientId}`);
  }
  for (const [requiresClientId, expected] of [
    [false, 'activated'],
    [true, 'refused'],
  ] as const) {
    const registry = new FakeDeviceRegistry();
    const certificateId = registry.add(device(), 'PENDING_ACTIVATION', caCertificateId);
    const options = { requiresClientId, clientIdPolicy: 'equals-common-name' } as const;
    assert.equal((await open(registry, options).activate(eventOf(certificateId))).outcome, expected);
  }
});

test('there is nothing to do for what is unknown, malformed, or was switched off', async () => {
  const registry = new FakeDeviceRegistry();
  const { activate } = open(registry);
  const events = [undefined, null, 'text', {}, { certificateId: 7 }, { certificateId: '../things' }];
  for (const event of events) assert.deepEqual((await activate(event)).reasons, ['malformed-event']);
  assert.deepEqual(registry.calls, []);
  assert.deepEqual((await activate(eventOf('0'.repeat(64)))).reasons, ['unknown-certificate']);
  for (const status of ['INACTIVE', 'REVOKED', 'PENDING_TRANSFER'] as const) {
    const certificateId = registry.add(device(status), status, caCertificateId);
    assert.equal((await activate(eventOf(certificateId))).outcome, 'ignored');
    assert.equal(registry.state(certificateId).status, status);
  }
});

test('a certificate whose common name is no name of a thing gets a mapped one', async () => {
  const registry = new FakeDeviceRegistry();
  const certificateId = registry.add(device('söner/µ'), 'PENDING_ACTIVATION', caCertificateId);
  const { thingName } = await open(registry).activate(eventOf(certificateId));
  assert.equal(thingName, `y--${hash('sha256', 'söner/µ')}`);
  assert.deepEqual(registry.state(certificateId).things, [{ thingName, isExclusive: true }]);
});
