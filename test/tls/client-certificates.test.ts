import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import {
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import type { CertificateFault, CertificateRefusal } from '../../src/tls/listener-tls.ts';
import { crl, dayMs, deviceCa, material, mintDevice, policy, TlsWorld } from './tls-world.ts';

const past = new Date(Date.now() - dayMs);
const longPast = new Date(Date.now() - 2 * dayMs);
const future = new Date(Date.now() + dayMs);
const rsaCa = mintCertificateAuthority('RSA device CA', { key: 'rsa2048' });
const otherCa = mintCertificateAuthority('Somebody else');
const impostorCa = mintCertificateAuthority('Device CA');
const revoked = mintDevice();
const good = mintDevice();

interface BadRow {
  readonly name: string;
  readonly device: MintedCertificate | undefined;
  readonly faults: readonly CertificateRefusal[];
}

const badRows: readonly BadRow[] = [
  { name: 'missing', device: undefined, faults: ['missing'] },
  { name: 'wrong CA', device: mintDevice({ issuer: otherCa }), faults: ['untrusted'] },
  { name: 'a CA of the same name', device: mintDevice({ issuer: impostorCa }), faults: ['untrusted'] },
  { name: 'expired', device: mintDevice({ notBefore: longPast, notAfter: past }), faults: ['expired'] },
  { name: 'not yet valid', device: mintDevice({ notBefore: future }), faults: ['notYetValid'] },
  { name: 'revoked', device: revoked, faults: ['revoked'] },
  { name: 'self-signed', device: mintCertificate({ subject: { commonName: 'meter-7' } }), faults: ['selfSigned'] },
  { name: 'serverAuth only', device: mintDevice({ extendedKeyUsage: ['serverAuth'] }), faults: ['missingClientAuth'] },
  { name: 'SHA-1', device: mintDevice({ signatureHash: 'sha1' }), faults: ['weakSignature'] },
  { name: 'MD5', device: mintDevice({ issuer: rsaCa, signatureHash: 'md5' }), faults: ['weakSignature'] },
  { name: 'RSA-1024', device: mintDevice({ key: 'rsa1024' }), faults: ['weakKey'] },
  {
    name: 'expired and SHA-1',
    device: mintDevice({ notBefore: longPast, notAfter: past, signatureHash: 'sha1' }),
    faults: ['expired', 'weakSignature'],
  },
  {
    name: 'expired and of a wrong CA',
    device: mintDevice({ notBefore: longPast, notAfter: past, issuer: otherCa }),
    faults: ['expired', 'untrusted'],
  },
  {
    name: 'expired, RSA-1024 and serverAuth only',
    device: mintDevice({ notBefore: longPast, notAfter: past, key: 'rsa1024', extendedKeyUsage: ['serverAuth'] }),
    faults: ['expired', 'weakKey', 'missingClientAuth'],
  },
];
const tolerable: readonly CertificateRefusal[] = [
  'expired',
  'notYetValid',
  'missingClientAuth',
  'weakSignature',
  'weakKey',
];
const trust = material({
  trustedCas: [deviceCa.certificate, rsaCa.certificate],
  crls: crl(mintCrl({ issuer: deviceCa, revoked: [revoked.serialNumber] })),
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`judge: every bad certificate in every mode, ${version}`, async (t) => {
    for (const clientCertificates of ['required', 'optional', 'observe', 'off'] as const) {
      await using world = await TlsWorld.start(policy({ clientCertificates }), trust);
      for (const { name, device, faults } of badRows) {
        await t.test(`${name}, ${clientCertificates}`, async () => {
          const { judgement } = await world.meet(device, { minVersion: version, maxVersion: version });
          const isFree = clientCertificates === 'off' || (clientCertificates === 'optional' && device === undefined);
          if (isFree) return assert.deepEqual(judgement, { accepted: true, observed: [] });
          if (clientCertificates === 'observe') {
            return assert.deepEqual(sorted(judgement), { accepted: true, observed: faults.toSorted() });
          }
          return assert.deepEqual(sorted(judgement), { accepted: false, reasons: faults.toSorted() });
        });
      }
    }
  });
}

test('judge: a tolerated fault lets in with the certificate, another one beside it does not', async (t) => {
  for (const tolerated of tolerable as readonly CertificateFault[]) {
    await using world = await TlsWorld.start(policy({ tolerate: [tolerated] }), trust);
    for (const { name, device, faults } of badRows) {
      await t.test(`${name}, ${tolerated} tolerated`, async () => {
        const { judgement } = await world.meet(device);
        const refusals = faults.filter((fault) => fault !== tolerated);
        if (refusals.length > 0) {
          return assert.deepEqual(sorted(judgement), { accepted: false, reasons: refusals.toSorted() });
        }
        assert.equal(judgement.accepted && judgement.certificate?.commonName, 'meter-7');
        return assert.deepEqual(judgement.accepted && judgement.observed, faults);
      });
    }
  }
});

test('judge: with everything tolerated, what no tolerance covers is still refused', async () => {
  await using world = await TlsWorld.start(policy({ tolerate: tolerable as readonly CertificateFault[] }), trust);
  for (const { name, device, faults } of badRows) {
    const { judgement } = await world.meet(device);
    assert.equal(
      judgement.accepted,
      faults.every((fault) => tolerable.includes(fault)),
      name,
    );
  }
});

test('judge: a good certificate is accepted with what it says', async () => {
  const device = mintDevice({
    subject: { commonName: 'a,b+c="d\\', organizationalUnits: ['Gen 1', 'CN=x'] },
    serialNumber: '00ab',
  });
  for (const clientCertificates of ['required', 'optional', 'observe'] as const) {
    await using world = await TlsWorld.start(policy({ clientCertificates }));
    const { judgement } = await world.meet(device);
    assert.deepEqual(judgement, {
      accepted: true,
      certificate: {
        commonName: 'a,b+c="d\\',
        fingerprint: hash('sha256', new X509Certificate(device.certificate).raw),
        serialNumber: 'ab',
        organizationalUnits: ['Gen 1', 'CN=x'],
        issuerCommonName: 'Device CA',
      },
      observed: [],
    });
  }
});

test('judge: several common names, or none, are no common name', async () => {
  await using world = await TlsWorld.start(policy());
  for (const commonName of [['a', 'b'], []]) {
    const { judgement } = await world.meet(mintDevice({ subject: { commonName } }));
    assert.equal(judgement.accepted, true);
    assert.equal(judgement.accepted && judgement.certificate !== undefined, true);
    assert.equal(judgement.accepted && judgement.certificate?.commonName, undefined);
  }
});

test('judge: serial zero is 0', async () => {
  await using world = await TlsWorld.start(policy());
  const { judgement } = await world.meet(mintDevice({ serialNumber: '00' }));
  assert.equal(judgement.accepted && judgement.certificate?.serialNumber, '0');
});

test('judge: the time it is given counts, for the leaf and for its CA', async () => {
  await using world = await TlsWorld.start(policy());
  world.nowMs = Date.now() + 400 * dayMs;
  assert.deepEqual((await world.meet(good)).judgement, { accepted: false, reasons: ['expired'] });
  world.nowMs = Date.now() - 400 * dayMs;
  assert.deepEqual((await world.meet(good)).judgement, { accepted: false, reasons: ['notYetValid'] });
});

test('judge: an expired CA in the chain is a fault that can be tolerated', async () => {
  const expiredCa = mintCertificateAuthority('Old CA', { notBefore: longPast, notAfter: past });
  const device = mintDevice({ issuer: expiredCa });
  const oldTrust = material({ trustedCas: [expiredCa.certificate] });
  await using strict = await TlsWorld.start(policy(), oldTrust);
  assert.deepEqual((await strict.meet(device)).judgement, { accepted: false, reasons: ['expired'] });
  await using lenient = await TlsWorld.start(policy({ tolerate: ['expired'] }), oldTrust);
  assert.equal((await lenient.meet(device)).judgement.accepted, true);
});

test('judge: intermediates, sent by the client or listed as trusted', async () => {
  const intermediate = mintCertificateAuthority('Line 4', { issuer: deviceCa });
  const device = mintDevice({ issuer: intermediate });
  const expired = mintDevice({ issuer: intermediate, notBefore: longPast, notAfter: past });
  const chain = intermediate.certificate;
  await using world = await TlsWorld.start(policy({ tolerate: ['expired'] }));
  assert.deepEqual((await world.meet(device)).judgement, { accepted: false, reasons: ['untrusted'] });
  assert.equal((await world.meet(device, { chain })).judgement.accepted, true);
  assert.deepEqual((await world.meet(expired)).judgement, { accepted: false, reasons: ['untrusted'] });
  assert.equal((await world.meet(expired, { chain })).judgement.accepted, true);
  assert.match(world.listener.warnings(Date.now()).join('\n'), /intermediate CA Line 4 is not in trustedCas/);
  await using listed = await TlsWorld.start(policy(), material({ trustedCas: [intermediate.certificate] }));
  assert.equal((await listed.meet(device)).judgement.accepted, true);
  assert.deepEqual((await listed.meet(good)).judgement, { accepted: false, reasons: ['untrusted'] });
});

test('judge: a device certificate is no issuer, whatever is tolerated', async () => {
  const forged = mintDevice({ subject: { commonName: 'meter-8' }, issuer: good, notBefore: longPast, notAfter: past });
  await using world = await TlsWorld.start(policy({ tolerate: tolerable as readonly CertificateFault[] }));
  const { judgement } = await world.meet(forged, { chain: good.certificate });
  assert.deepEqual(judgement, { accepted: false, reasons: ['untrusted'] });
});

test('judge: a CA of RSA-1024 and SHA-1 is a weak key, tolerated or not; its own signature does not count', async () => {
  const oldCa = mintCertificateAuthority('Old RSA CA', { key: 'rsa1024', signatureHash: 'sha1' });
  const oldTrust = material({ trustedCas: [oldCa.certificate] });
  const device = mintDevice({ issuer: oldCa });
  await using strict = await TlsWorld.start(policy(), oldTrust);
  assert.deepEqual((await strict.meet(device)).judgement, { accepted: false, reasons: ['weakKey'] });
  await using lenient = await TlsWorld.start(policy({ tolerate: ['weakKey'] }), oldTrust);
  assert.equal((await lenient.meet(device)).judgement.accepted, true);
});

test('judge: an issuer name in other letters is the same CA, for trust, tolerance and revocation', async () => {
  const { subjectName } = mintCertificateAuthority('DEVICE  ca');
  const issuer = { ...deviceCa, subjectName };
  const listed = mintDevice({ issuer });
  const crls = crl(mintCrl({ issuer: deviceCa, revoked: [listed.serialNumber] }));
  const strict = policy({ crlStale: 'refuse', tolerate: ['expired'] });
  await using world = await TlsWorld.start(strict, material({ crls }));
  assert.equal((await world.meet(mintDevice({ issuer }))).judgement.accepted, true);
  assert.equal(
    (await world.meet(mintDevice({ issuer, notBefore: longPast, notAfter: past }))).judgement.accepted,
    true,
  );
  assert.deepEqual((await world.meet(listed)).judgement, { accepted: false, reasons: ['revoked'] });
});

test('judge: a renewed CA beside the old one of the same name, each with its own devices', async () => {
  const renewed = mintCertificateAuthority('Device CA');
  await using world = await TlsWorld.start(
    policy(),
    material({ trustedCas: [deviceCa.certificate + renewed.certificate] }),
  );
  for (const issuer of [deviceCa, renewed])
    assert.equal((await world.meet(mintDevice({ issuer }))).judgement.accepted, true);
  assert.deepEqual((await world.meet(mintDevice({ issuer: impostorCa }))).judgement, {
    accepted: false,
    reasons: ['untrusted'],
  });
});

test('judge: a CA below a path length of zero issues nothing, whatever is tolerated', async () => {
  await using world = await TlsWorld.start(policy({ tolerate: tolerable as readonly CertificateFault[] }));
  const first = mintCertificateAuthority('First', { issuer: deviceCa, pathLength: 0 });
  const second = mintCertificateAuthority('Second', { issuer: first });
  const under = (issuer: MintedCertificate) => mintDevice({ issuer, notBefore: longPast, notAfter: past });
  assert.equal((await world.meet(under(first), { chain: first.certificate })).judgement.accepted, true);
  const { judgement } = await world.meet(under(second), { chain: second.certificate + first.certificate });
  assert.deepEqual(sorted(judgement), { accepted: false, reasons: ['invalid'] });
});

function sorted(judgement: { accepted: boolean; reasons?: unknown; observed?: unknown }): unknown {
  const { reasons, observed } = judgement;
  return {
    ...judgement,
    ...(Array.isArray(reasons) ? { reasons: reasons.toSorted() } : {}),
    ...(Array.isArray(observed) ? { observed: observed.toSorted() } : {}),
  };
}
