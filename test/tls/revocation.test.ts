import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { readCertificateExtensions, readCertificateStructure } from '../../src/tls/certificate-structure.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import { DerError } from '../../src/tls/der-reader.ts';
import { readNameAttributes } from '../../src/tls/distinguished-name.ts';
import { pemBlocks } from '../../src/tls/pem.ts';
import { parseRevocationList } from '../../src/tls/revocation-list.ts';
import { crl, dayMs, deviceCa, material, mintDevice, policy, TlsWorld } from './tls-world.ts';

const device = mintDevice();
const revoked = mintDevice();
const rsaCa = mintCertificateAuthority('RSA CA', { key: 'rsa2048' });
const impostorCa = mintCertificateAuthority('Device CA');
const revoking = mintCrl({ issuer: deviceCa, revoked: ['00', 'ff', revoked.serialNumber] });
const staleCrl = mintCrl({
  issuer: deviceCa,
  revoked: [revoked.serialNumber],
  thisUpdate: new Date(Date.now() - 9 * dayMs),
  nextUpdate: new Date(Date.now() - dayMs),
});

test('parseRevocationList: PEM and DER, serial numbers without leading zeros, the end, the signature', () => {
  const der = pemBlocks(revoking, 'X509 CRL')[0] ?? Buffer.alloc(0);
  for (const content of [Buffer.from(revoking), Buffer.from(`text before\n${revoking}`), der]) {
    const parsed = parseRevocationList(content);
    assert.ok(parsed.ok);
    assert.deepEqual([...parsed.value.revoked], ['0', 'ff', revoked.serialNumber]);
    assert.equal(parsed.value.isSignedBy(deviceCa.publicKey), true);
    assert.equal(parsed.value.isSignedBy(impostorCa.publicKey), false);
    assert.equal(parsed.value.isSignedBy(rsaCa.publicKey), false);
  }
  const rsa = parseRevocationList(Buffer.from(mintCrl({ issuer: rsaCa, nextUpdate: null })));
  assert.ok(rsa.ok);
  assert.equal(rsa.value.isSignedBy(rsaCa.publicKey), true);
  assert.equal(rsa.value.nextUpdate, undefined);
});

test('parseRevocationList: a changed octet never verifies, and nothing throws', () => {
  const der = pemBlocks(revoking, 'X509 CRL')[0] ?? Buffer.alloc(0);
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ flip;
      const parsed = parseRevocationList(changed);
      return !parsed.ok || !parsed.value.isSignedBy(deviceCa.publicKey);
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !parseRevocationList(bytes).ok));
});

test('parseRevocationList: cut short, followed by more, or something else is refused with a position', () => {
  const der = pemBlocks(revoking, 'X509 CRL')[0] ?? Buffer.alloc(0);
  for (const content of [
    der.subarray(0, -1),
    Buffer.concat([der, der]),
    Buffer.from(device.certificate),
    Buffer.of(),
  ]) {
    const parsed = parseRevocationList(content);
    assert.equal(parsed.ok, false);
    assert.match(parsed.ok ? '' : parsed.error, /offset|Expected DER or a PEM block/);
  }
});

test('readCertificateStructure: a changed certificate is read or refused, never anything else', () => {
  const { raw } = new X509Certificate(device.certificate);
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), fc.nat(raw.length), (at, octet, length) => {
      const changed = Buffer.from(raw.subarray(0, length));
      if (at < changed.length) changed[at] = octet;
      try {
        const structure = readCertificateStructure(changed);
        readCertificateExtensions(structure);
        readNameAttributes(structure.subject);
      } catch (error) {
        assert.ok(error instanceof DerError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a list of 100 000 entries loads in well under a second', async () => {
  const serials = Array.from({ length: 100_000 }, (_, index) => (2 ** 40 + index).toString(16));
  const big = mintCrl({ issuer: deviceCa, revoked: serials });
  const before = process.cpuUsage();
  await using world = await TlsWorld.start(policy(), material({ crls: crl(big) }));
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${user + system} µs of CPU`);
  const last = mintDevice({ serialNumber: serials.at(-1) ?? '' });
  assert.deepEqual((await world.meet(last)).judgement, { accepted: false, reasons: ['revoked'] });
  assert.equal((await world.meet(device)).judgement.accepted, true);
});

const staleRows: readonly (readonly [string, string | undefined, RegExp])[] = [
  ['not readable', undefined, /CRL device-ca.crl cannot be read/],
  ['garbage', 'garbage', /CRL device-ca.crl is not usable: Expected DER or a PEM block/],
  ['past its next update', staleCrl, /CRL device-ca.crl is stale: its next update was due at/],
  ['signed by somebody else', mintCrl({ issuer: impostorCa }), /CRL device-ca.crl is not signed by a trusted CA/],
];

for (const [name, content, warning] of staleRows) {
  test(`crlStale: a list that is ${name} follows the policy and is announced`, async () => {
    await using allowing = await TlsWorld.start(policy(), material({ crls: crl(content) }));
    assert.equal((await allowing.meet(device)).judgement.accepted, true);
    assert.match(allowing.listener.warnings(Date.now()).join('\n'), warning);
    await using refusing = await TlsWorld.start(policy({ crlStale: 'refuse' }), material({ crls: crl(content) }));
    assert.deepEqual((await refusing.meet(device)).judgement, { accepted: false, reasons: ['crlStale'] });
  });
}

test('crlStale: revoked in a stale list is revoked', async () => {
  await using world = await TlsWorld.start(policy(), material({ crls: crl(staleCrl) }));
  assert.deepEqual((await world.meet(revoked)).judgement, { accepted: false, reasons: ['revoked'] });
});

test('crlStale: refuse concerns issuers without a list, and none when no list is configured', async () => {
  const trust = { trustedCas: [deviceCa.certificate, rsaCa.certificate] };
  const refuse = policy({ crlStale: 'refuse' });
  await using none = await TlsWorld.start(refuse, material(trust));
  assert.equal((await none.meet(device)).judgement.accepted, true);
  await using one = await TlsWorld.start(refuse, material({ ...trust, crls: crl(revoking) }));
  assert.equal((await one.meet(device)).judgement.accepted, true);
  const other = await one.meet(mintDevice({ issuer: rsaCa }));
  assert.deepEqual(other.judgement, { accepted: false, reasons: ['crlStale'] });
});

test('crlStale: a list gets stale while the listener runs, announced before', async () => {
  const nextUpdate = new Date(Date.now() + 8 * dayMs);
  const fresh = mintCrl({ issuer: deviceCa, thisUpdate: new Date(Date.now() - 40 * dayMs), nextUpdate });
  await using world = await TlsWorld.start(policy({ crlStale: 'refuse' }), material({ crls: crl(fresh) }));
  assert.deepEqual(world.listener.warnings(world.nowMs), []);
  assert.match(world.listener.warnings(world.nowMs + 2 * dayMs).join('\n'), /CRL device-ca.crl is stale soon/);
  const announced = world.listener.expiring().find(({ use }) => use === 'devices/crl/device-ca.crl');
  assert.equal(announced?.expiresAt, Math.floor(nextUpdate.getTime() / 1_000) * 1_000);
  assert.equal((await world.meet(device)).judgement.accepted, true);
  world.nowMs += 9 * dayMs;
  assert.deepEqual((await world.meet(device)).judgement, { accepted: false, reasons: ['crlStale'] });
});

test('reload: a file that breaks leaves its last good list in force', async () => {
  await using world = await TlsWorld.start(policy({ crlStale: 'refuse' }), material({ crls: crl(revoking) }));
  for (const broken of ['garbage', undefined]) {
    world.listener.reload(material({ crls: crl(broken) }), world.nowMs);
    assert.deepEqual((await world.meet(revoked)).judgement, { accepted: false, reasons: ['revoked'] });
    assert.equal((await world.meet(device)).judgement.accepted, true);
    assert.match(world.listener.warnings(world.nowMs).join('\n'), /its last good list stays in force/);
  }
});

test("revocation: an intermediate's own list counts once its chain was seen, and it can be revoked itself", async () => {
  const intermediate = mintCertificateAuthority('Line 4', { issuer: deviceCa });
  const behind = mintDevice({ issuer: intermediate });
  const chain = intermediate.certificate;
  const file = (name: string, content: string) => ({ file: name, content: Buffer.from(content) });
  const own = file('line-4.crl', mintCrl({ issuer: intermediate, revoked: [behind.serialNumber] }));
  const root = file('root.crl', mintCrl({ issuer: deviceCa }));
  await using first = await TlsWorld.start(policy({ crlStale: 'refuse' }), material({ crls: [own, root] }));
  assert.deepEqual((await first.meet(behind, { chain })).judgement, { accepted: false, reasons: ['revoked'] });
  assert.equal((await first.meet(mintDevice({ issuer: intermediate }), { chain })).judgement.accepted, true);
  const revokingIt = file('root.crl', mintCrl({ issuer: deviceCa, revoked: [intermediate.serialNumber] }));
  await using second = await TlsWorld.start(policy(), material({ crls: [revokingIt] }));
  assert.deepEqual((await second.meet(behind, { chain })).judgement, { accepted: false, reasons: ['revoked'] });
});
