import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { Registrar, type RegistrarTerms } from '../../src/aws/registrar.ts';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { arnOf, FakeDeviceRegistry, refusal } from './fake-device-registry.ts';

const ca = mintCertificateAuthority('Device CA');
const terms: RegistrarTerms = { policyName: 'devices', authority: { pem: ca.certificate } };

function device(commonName: string): { readonly certificate: string; readonly certificateId: string } {
  const { certificate } = mintCertificate({ subject: { commonName }, issuer: ca });
  return { certificate, certificateId: hash('sha256', new X509Certificate(certificate).raw) };
}

function open(registry: FakeDeviceRegistry, options: Partial<ConstructorParameters<typeof Registrar>[1]> = {}) {
  return new Registrar(registry, { terms, pending: 1_000, concurrency: 4, ...options });
}

const equipped = (thingName: string) => ({
  status: 'ACTIVE',
  things: [{ thingName, isExclusive: true }],
  policies: ['devices'],
});

test('an unknown device gets certificate, thing, exclusive association and policy; the second time it is there already', async () => {
  const registry = new FakeDeviceRegistry();
  const outcomes: string[] = [];
  const registrar = open(registry, { onOutcome: (outcome) => outcomes.push(outcome) });
  const { certificate, certificateId } = device('meter-7');
  const chain = certificate + ca.certificate;
  const attributes = { site: 'north' };
  const expected = { certificateId, thingName: 'meter-7' };
  assert.deepEqual(await registrar.register({ certificate: chain, attributes }), {
    outcome: 'registered',
    ...expected,
  });
  assert.deepEqual(await registrar.register({ certificate: chain, attributes }), { outcome: 'already', ...expected });
  assert.deepEqual(registry.state(certificateId), equipped('meter-7'));
  assert.deepEqual(registry.things.get('meter-7'), { thingName: 'meter-7', attributes });
  assert.deepEqual(outcomes, ['registered', 'already']);
});

test('without a CA, and with a thing type, it asks so', async () => {
  const registry = new FakeDeviceRegistry();
  const registrar = open(registry, { terms: { policyName: 'devices', thingTypeName: 'meter', authority: 'none' } });
  await registrar.register(device('meter-7'));
  assert.equal(registry.calls[0], 'RegisterCertificateWithoutCA');
  assert.deepEqual(registry.things.get('meter-7'), { thingName: 'meter-7', thingTypeName: 'meter', attributes: {} });
});

for (const when of ['before', 'after'] as const) {
  test(`ended ${when} any call took effect, the next try ends where one try would have`, async () => {
    const { certificate, certificateId } = device('meter-7');
    for (const start of ['unknown', 'pending', 'jitp'] as const) {
      for (let broken = 1; broken < 20; broken += 1) {
        const registry = new FakeDeviceRegistry();
        if (start === 'pending') registry.add(certificate, 'PENDING_ACTIVATION');
        if (start === 'jitp') {
          registry.add(certificate, 'ACTIVE');
          registry.things.set('meter-7', { thingName: 'meter-7', attributes: {} });
          registry.principals.set(arnOf(certificateId), [{ thingName: 'meter-7', isExclusive: false }]);
        }
        registry.fault = (_operation, call) => (call === broken ? { when, error: refusal('unavailable') } : undefined);
        const first = await open(registry).register({ certificate });
        if (registry.calls.length < broken) {
          assert.ok(broken > 4);
          break;
        }
        assert.equal(first.outcome, 'throttled');
        const second = await open(registry).register({ certificate });
        assert.ok(second.outcome === 'registered' || second.outcome === 'already', JSON.stringify(second));
        assert.deepEqual(registry.state(certificateId), equipped('meter-7'));
        assert.equal(registry.certificates.size, 1);
        assert.equal(registry.things.size, 1);
      }
    }
  });
}

test('a pending certificate is not active before it has its policy', async () => {
  const registry = new FakeDeviceRegistry();
  const { certificate, certificateId } = device('meter-7');
  registry.add(certificate, 'PENDING_ACTIVATION');
  assert.equal((await open(registry).register({ certificate })).outcome, 'registered');
  assert.deepEqual(registry.calls.slice(-2), ['AttachPolicy', 'UpdateCertificate']);
  assert.deepEqual(registry.state(certificateId), equipped('meter-7'));
});

test('rights that somebody took are not given back', async () => {
  const { certificate, certificateId } = device('meter-7');
  for (const status of ['INACTIVE', 'REVOKED', 'PENDING_TRANSFER'] as const) {
    const registry = new FakeDeviceRegistry();
    registry.add(certificate, status);
    const outcome = await open(registry).register({ certificate });
    assert.deepEqual(outcome, {
      outcome: 'refused',
      reason: 'deactivated',
      message: `the certificate ${certificateId} is ${status}`,
    });
    assert.deepEqual(registry.state(certificateId), { status, things: [], policies: [] });
  }
});

test("another device's thing is not taken from it", async () => {
  const registry = new FakeDeviceRegistry();
  const { certificate, certificateId } = device('meter-7');
  registry.add(certificate, 'ACTIVE');
  registry.principals.set(arnOf(certificateId), [{ thingName: 'meter-8', isExclusive: true }]);
  const outcome = await open(registry).register({ certificate });
  assert.equal(outcome.outcome === 'refused' && outcome.reason, 'conflict');
  assert.deepEqual(registry.principals.get(arnOf(certificateId)), [{ thingName: 'meter-8', isExclusive: true }]);
});

test('what AWS answers decides between refused and throttled', async () => {
  const cases = [
    ['RegisterCertificate', 'throttled', 'throttled'],
    ['CreateThing', 'unavailable', 'throttled'],
    ['RegisterCertificate', 'invalid', 'certificate'],
    ['RegisterCertificate', 'unauthorized', 'unauthorized'],
    ['RegisterCertificate', 'conflict', 'conflict'],
    ['CreateThing', 'invalid', 'unexpected'],
    ['CreateThing', 'not-found', 'missing-resource'],
    ['AttachPolicy', 'not-found', 'missing-resource'],
    ['AttachPolicy', 'limit-exceeded', 'limit-exceeded'],
    ['AttachPolicy', 'unexpected', 'unexpected'],
  ] as const;
  for (const [broken, kind, expected] of cases) {
    const registry = new FakeDeviceRegistry();
    registry.fault = (operation) =>
      operation === broken ? { when: 'before', error: refusal(kind, operation) } : undefined;
    const outcome = await open(registry).register(device('meter-7'));
    assert.equal(outcome.outcome === 'refused' ? outcome.reason : outcome.outcome, expected, `${broken} ${kind}`);
  }
});

test('what is no certificate is refused without a call', async () => {
  const registry = new FakeDeviceRegistry();
  const outcome = await open(registry).register({ certificate: 'meter-7' });
  assert.equal(outcome.outcome === 'refused' && outcome.reason, 'certificate');
  assert.deepEqual(registry.calls, []);
});

test('two callers for one device register once, and a full queue throttles the next', async () => {
  const registry = new FakeDeviceRegistry();
  const registrar = open(registry, { pending: 2, concurrency: 1 });
  const [first, second, third] = [device('a'), device('b'), device('c')];
  const outcomes = await Promise.all([first, first, second, third].map((each) => registrar.register(each)));
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ['registered', 'registered', 'registered', 'throttled'],
  );
  assert.equal(registry.calls.filter((call) => call === 'RegisterCertificate').length, 2);
  assert.equal((await registrar.register(third)).outcome, 'registered');
});

test('no more registrations are under way than allowed', async () => {
  const registry = new FakeDeviceRegistry();
  let underWay = 0;
  let most = 0;
  const { registerCertificate, attachPolicy } = registry;
  registry.registerCertificate = async (registration) => {
    underWay += 1;
    most = Math.max(most, underWay);
    return registerCertificate.call(registry, registration);
  };
  registry.attachPolicy = async (policyName, arn) => {
    await attachPolicy.call(registry, policyName, arn);
    underWay -= 1;
  };
  const registrar = open(registry, { concurrency: 3 });
  await Promise.all(Array.from({ length: 20 }, (_, index) => registrar.register(device(`meter-${index}`))));
  assert.equal(most, 3);
  assert.equal(registry.things.size, 20);
});
