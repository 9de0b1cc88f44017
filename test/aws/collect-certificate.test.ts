import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectCertificate } from '../../src/aws/collect-certificate.ts';
import { MintedDevices } from '../../src/aws/minted-devices.ts';
import { Registrar } from '../../src/aws/registrar.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { arnOf, FakeDeviceRegistry, refusal } from './fake-device-registry.ts';

const ca = mintCertificateAuthority('Gateway CA', { key: 'rsa2048' });
const minted = new MintedDevices({
  ca: { cert: ca.certificate, key: ca.key },
  epochDays: 90,
  alternativeNames: ['fingerprint'],
  identity: ['certificate.commonName', 'mqtt.clientId'],
});
const meter = minted.identify({ certificate: { commonName: 'meter-7', fingerprint: 'ab' } });
const nowMs = Date.UTC(2026, 10, 23);
const dayMs = 86_400_000;

async function registered(): Promise<{ readonly registry: FakeDeviceRegistry; readonly certificateId: string }> {
  assert.ok(meter !== undefined);
  const { certificate, fingerprint } = await minted.mint(meter, minted.epochOf(meter, 'current', nowMs));
  const registry = new FakeDeviceRegistry();
  const terms = { policyName: 'devices', authority: 'none' } as const;
  await new Registrar(registry, { terms, pending: 1, concurrency: 1 }).register({ certificate });
  registry.policies.get(arnOf(fingerprint))?.add('another');
  return { registry, certificateId: fingerprint };
}

for (const when of ['before', 'after'] as const) {
  test(`ended ${when} any call took effect, a collection goes on where it was`, async () => {
    for (let broken = 1; ; broken += 1) {
      const { registry, certificateId } = await registered();
      const before = registry.calls.length;
      registry.fault = (operation, call) =>
        call === before + broken ? { when, error: refusal('unavailable', operation) } : undefined;
      const first = await collectCertificate(registry, certificateId, false).catch(() => undefined);
      if (first !== undefined) {
        assert.ok(broken > 7);
        assert.equal(first.outcome, 'collected');
        return;
      }
      const { outcome } = await collectCertificate(registry, certificateId, false);
      assert.ok(outcome === 'collected' || outcome === 'absent');
      assert.equal(registry.certificates.size, 0);
      assert.deepEqual(registry.state(certificateId), { status: undefined, things: [], policies: [] });
      assert.equal(registry.things.size, 1);
    }
  });
}

test('a dry run looks and touches nothing; what is not there is absent', async () => {
  const { registry, certificateId } = await registered();
  const before = registry.state(certificateId);
  assert.equal((await collectCertificate(registry, certificateId, true)).outcome, 'found');
  assert.deepEqual(registry.state(certificateId), before);
  assert.equal((await collectCertificate(registry, '0'.repeat(64), false)).outcome, 'absent');
});

test('former epochs are those whose certificates are not valid any more, the newest first', () => {
  assert.ok(meter !== undefined);
  const current = minted.epochOf(meter, 'current', nowMs);
  for (const dayOfEpoch of [0, 29, 31, 89]) {
    const at = current.startsMs + dayOfEpoch * dayMs;
    const [newest, older] = minted.pastEpochs(meter, 2, at);
    assert.ok(newest !== undefined && older !== undefined);
    // Valid for 30 days beyond its epoch: until then it may be presented by a gateway whose clock is behind.
    assert.equal(newest.number, current.number - (dayOfEpoch <= 30 ? 2 : 1));
    assert.equal(older.number, newest.number - 1);
    assert.ok(newest.notAfter.getTime() < at);
  }
});

test('the mint tells a device without a key, and an alternative name that is missing', () => {
  assert.equal(minted.identify({ username: 'meter-7' }), undefined);
  assert.equal(minted.identify({ clientId: 'meter-7' })?.missing, 'fingerprint');
  assert.deepEqual(meter, {
    device: { kind: 'cn', key: 'meter-7' },
    alternativeNames: [{ kind: 'fingerprint', key: 'ab' }],
  });
});

test('two mints are told apart by their mark, one mint is one', async () => {
  const terms = {
    ca: { cert: ca.certificate, key: ca.key },
    epochDays: 90,
    alternativeNames: [],
    identity: ['mqtt.clientId'],
  } as const;
  const marks = await Promise.all(
    [terms, terms, { ...terms, secret: 'x'.repeat(32) }].map((each) => new MintedDevices(each).mark()),
  );
  assert.equal(new Set(marks).size, 2);
  assert.equal(marks[0], marks[1]);
});
