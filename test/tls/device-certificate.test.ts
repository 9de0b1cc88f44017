import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { certificateEpoch, overlapDays } from '../../src/tls/certificate-epoch.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { authorityExpiry, authorityFaults, loadMintingAuthority } from '../../src/tls/certificate-signer.ts';
import { readCertificateStructure } from '../../src/tls/certificate-structure.ts';
import { type CertifiedDevice, deviceCommonName, identityUri } from '../../src/tls/certified-device.ts';
import { type DeviceCertificate, DeviceCertificateMint } from '../../src/tls/device-certificate.ts';
import { reduceToScalar } from '../../src/tls/device-key-pair.ts';
import { readNameAttributes } from '../../src/tls/distinguished-name.ts';

const golden = new URL('golden/', import.meta.url);
const ca = {
  cert: await readFile(new URL('gateway-ca.pem', golden), 'utf8'),
  key: await readFile(new URL('gateway-ca.key', golden), 'utf8'),
};
const rule = { epochDays: 90 };
const nowMs = Date.UTC(2026, 11, 1);
const dayMs = 86_400_000;

function mint(device: CertifiedDevice, options: { at?: number; secret?: string; names?: CertifiedDevice[] } = {}) {
  const maker = new DeviceCertificateMint(loadMintingAuthority(ca), options.secret);
  const epoch = certificateEpoch(device, rule, options.at ?? nowMs);
  return maker.mint({ device, epoch, alternativeNames: options.names ?? [] });
}

const goldenDevices: readonly { readonly device: CertifiedDevice; readonly names?: CertifiedDevice[] }[] = [
  { device: { kind: 'cn', key: 'device-000001' } },
  { device: { kind: 'clientid', key: 'söner/µ+#' } },
  { device: { kind: 'clientid', key: 'x'.repeat(200) } },
  { device: { kind: 'cn', key: 'meter-7' }, names: [{ kind: 'clientid', key: 'meter-7/main' }] },
];

test('a device gets these very bytes: what is minted today is what was registered', async () => {
  const lines: string[] = [];
  for (const { device, names = [] } of goldenDevices) {
    for (const secret of [undefined, 'a secret of the gateways, 32 or more']) {
      const minted = await mint(device, { names, ...(secret !== undefined && { secret }) });
      lines.push(`${device.kind} ${device.key} ${minted.fingerprint}`, minted.certificate + minted.key);
    }
  }
  const file = new URL('device-certificates.txt', golden);
  if (process.env['UPDATE_GOLDEN'] !== undefined) await writeFile(file, `${lines.join('\n')}\n`);
  assert.equal(`${lines.join('\n')}\n`, await readFile(file, 'utf8'));
});

test('the fingerprint is the SHA-256 of the DER, by which AWS IoT Core knows a certificate', async () => {
  const { certificate, fingerprint } = await mint({ kind: 'cn', key: 'meter-7' });
  assert.equal(fingerprint, createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex'));
});

test('distinct devices have distinct keys, serial numbers and names; one has the same all through its epoch', async () => {
  const deviceKey = fc.record({
    kind: fc.constantFrom('cn', 'clientid', 'fingerprint'),
    key: fc.string({ unit: 'binary', minLength: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(deviceKey, deviceKey, fc.nat(89), async (one, other, day) => {
      const minted = await mint(one);
      const epoch = certificateEpoch(one, rule, nowMs);
      const later = Math.min(epoch.startsMs + day * dayMs, epoch.endsMs - 1);
      assert.equal((await mint(one, { at: later })).certificate, minted.certificate);
      if (one.kind === other.kind && one.key.toWellFormed() === other.key.toWellFormed()) return;
      const different = await mint(other);
      assert.notEqual(different.key, minted.key);
      assert.notEqual(serialOf(different), serialOf(minted));
      assert.notEqual(identityUri(one), identityUri(other));
    }),
    { numRuns: 40 },
  );
});

test('no two values share a common name, and none is longer than X.520 allows', () => {
  const chosen = deviceCommonName({ kind: 'clientid', key: 'y'.repeat(65) });
  assert.match(chosen, /^x--[0-9a-v]{52}$/);
  assert.notEqual(deviceCommonName({ kind: 'clientid', key: chosen }), chosen);
  assert.equal(deviceCommonName({ kind: 'cn', key: 'ü'.repeat(64) }), 'ü'.repeat(64));
  assert.match(deviceCommonName({ kind: 'cn', key: 'a\0b' }), /^x--/);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      const name = deviceCommonName({ kind: 'cn', key: one });
      assert.ok([...name].length <= 64 && name.length > 0);
      if (one !== other) assert.notEqual(deviceCommonName({ kind: 'cn', key: other }), name);
    }),
  );
});

test('an epoch ends where the next begins, and both certificates are valid for thirty days on either side', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 4e12 }), (key, atMs) => {
      const device = { kind: 'cn', key };
      const epoch = certificateEpoch(device, rule, atMs);
      assert.ok(epoch.startsMs <= atMs && atMs < epoch.endsMs);
      const next = certificateEpoch(device, rule, epoch.endsMs);
      assert.equal(next.number, epoch.number + 1);
      assert.equal(next.startsMs, epoch.endsMs);
      assert.equal(next.notBefore.getTime(), epoch.endsMs - overlapDays * dayMs);
      assert.equal(epoch.notAfter.getTime(), epoch.endsMs + overlapDays * dayMs);
      assert.ok(Number.isInteger(epoch.notBefore.getTime() / 1_000));
      assert.ok(epoch.notAfter.getTime() - epoch.notBefore.getTime() >= 90 * dayMs);
    }),
  );
});

test('renewals of a fleet spread over the epoch: no tenth of it has more than its share', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let index = 0; index < 10_000; index++) {
    const { startsMs, endsMs } = certificateEpoch({ kind: 'cn', key: `device-${index}` }, rule, nowMs);
    const tenth = Math.floor(((endsMs - nowMs) / (endsMs - startsMs)) * 10) % 10;
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  for (const count of tenths) assert.ok(count > 850 && count < 1_150, `${tenths}`);
});

test('the next epoch has another serial number and the same key', async () => {
  const device = { kind: 'cn', key: 'meter-7' };
  const first = await mint(device);
  const second = await mint(device, { at: first.endsMs });
  assert.notEqual(serialOf(second), serialOf(first));
  assert.equal(second.key, first.key);
  assert.notEqual(second.fingerprint, first.fingerprint);
});

test('alternative names are written in, and make a certificate of its own with its own serial number', async () => {
  const device = { kind: 'cn', key: 'meter 7' };
  const plain = await mint(device);
  const named = await mint(device, { names: [{ kind: 'fingerprint', key: 'ab'.repeat(32) }, device] });
  assert.equal(new X509Certificate(plain.certificate).subjectAltName, 'URI:urn:crossfade:cn:meter%207');
  assert.equal(
    new X509Certificate(named.certificate).subjectAltName,
    `URI:urn:crossfade:cn:meter%207, URI:urn:crossfade:fingerprint:${'ab'.repeat(32)}`,
  );
  assert.notEqual(serialOf(named), serialOf(plain));
});

test('a private key is a scalar from 1 to n - 1, uniform by 64 extra bits (FIPS 186-5 A.2.1)', async () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const seed = (value: bigint) => Buffer.from(value.toString(16).padStart(80, '0'), 'hex');
  assert.equal(reduceToScalar(seed(0n)), 1n);
  assert.equal(reduceToScalar(seed(order - 2n)), order - 1n);
  assert.equal(reduceToScalar(seed(order - 1n)), 1n);
  const { certificate, key } = await mint({ kind: 'cn', key: 'meter-7' });
  const privateKey = createPrivateKey(key);
  assert.equal(privateKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.deepEqual(
    createPublicKey(privateKey).export({ format: 'jwk' }),
    new X509Certificate(certificate).publicKey.export({ format: 'jwk' }),
  );
});

test('OpenSSL verifies a minted certificate for a client and reads what is in it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-minted-'));
  context.after(() => rm(directory, { recursive: true }));
  for (const { device } of goldenDevices) {
    const { certificate, key } = await mint(device);
    const [ca1, cert1, key1] = ['ca.pem', 'device.pem', 'device.key'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await Promise.all([writeFile(ca1, ca.cert), writeFile(cert1, certificate), writeFile(key1, key)]);
    const at = String(nowMs / 1_000);
    const verified = await openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      'sslclient',
      '-attime',
      at,
      '-CAfile',
      ca1,
      cert1,
    );
    assert.match(verified, /device\.pem: OK/);
    const text = await openssl('x509', '-in', cert1, '-noout', '-text', '-nameopt', 'utf8');
    assert.match(text, /Signature Algorithm: sha256WithRSAEncryption/);
    assert.match(text, /ASN1 OID: prime256v1/);
    assert.match(text, /TLS Web Client Authentication/);
    assert.ok(text.includes(`URI:${identityUri(device)}`));
    assert.match(await openssl('pkey', '-in', key1, '-check', '-noout'), /valid/);
  }
});

test('a device key of any length and sort has a certificate of bounded size', async () => {
  const names = ['x'.repeat(65_535), '\ud800', '日'.repeat(300), ' ', '/CN=admin'];
  for (const key of names) {
    const { certificate } = await mint({ kind: 'clientid', key });
    assert.ok(new X509Certificate(certificate).raw.length < 2_500, key.slice(0, 10));
  }
  const { certificate } = await mint({ kind: 'clientid', key: '/CN=admin' });
  const { subject } = readCertificateStructure(new X509Certificate(certificate).raw);
  assert.deepEqual(readNameAttributes(subject).commonNames, ['/CN=admin']);
});

test('a signer that gives another signature mints nothing, and may be asked again', async () => {
  const authority = loadMintingAuthority(ca);
  const other = loadMintingAuthority(pair(mintCertificateAuthority('Other', { key: 'rsa2048' })));
  let signer = other.signer;
  const maker = new DeviceCertificateMint({ ...authority, signer: { sign: (bytes) => signer.sign(bytes) } });
  const device = { kind: 'cn', key: 'meter-7' };
  const request = { device, epoch: certificateEpoch(device, rule, nowMs), alternativeNames: [] };
  await assert.rejects(maker.mint(request), /the signer gave no PKCS#1 v1\.5 signature/);
  signer = authority.signer;
  assert.equal((await maker.mint(request)).certificate, (await mint(device)).certificate);
});

test('a CA that cannot mint the same bytes everywhere is refused with the reason', () => {
  const faults = (minted: { certificate: string }) =>
    authorityFaults(new X509Certificate(minted.certificate)).join('; ');
  assert.equal(authorityFaults(new X509Certificate(ca.cert)).length, 0);
  assert.match(faults(mintCertificateAuthority('EC')), /RSA key.*ECDSA key, whose signatures differ each time/);
  assert.match(faults(mintCertificateAuthority('Weak', { key: 'rsa1024' })), /2048 bits or more, got 1024/);
  const stranger = mintCertificateAuthority('Other', { key: 'rsa2048' });
  assert.throws(() => loadMintingAuthority({ cert: ca.cert, key: stranger.key }), /got another key/);
  const expired = mintCertificateAuthority('Old', { key: 'rsa2048', notAfter: new Date(nowMs - 1) });
  assert.match(
    authorityExpiry(new X509Certificate(expired.certificate), nowMs) ?? '',
    /expired at 2026-11-30T23:59:59/,
  );
});

test('an intermediate CA is presented behind the device, a root is not', async () => {
  const root = mintCertificateAuthority('Root', { key: 'rsa2048' });
  const issuing = mintCertificateAuthority('Issuing', { key: 'rsa2048', issuer: root });
  const authority = loadMintingAuthority({ cert: issuing.certificate + root.certificate, key: issuing.key });
  assert.equal(authority.chain, String(new X509Certificate(issuing.certificate)));
  assert.equal(loadMintingAuthority(ca).chain, '');
});

function serialOf({ certificate }: DeviceCertificate): string {
  return new X509Certificate(certificate).serialNumber;
}

function pair({ certificate, key }: { certificate: string; key: string }) {
  return { cert: certificate, key };
}

async function openssl(...commandLine: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('openssl', commandLine);
  return stdout + stderr;
}
