import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { parseCertificate, questionOfKind, questionOfOptions, toWhereQuery } from '../../src/cli/device-question.ts';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const openssl = hex.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');

test('questionOfKind takes hex identities in any spelling and keeps what was typed as the device', () => {
  assert.deepEqual(questionOfKind('fingerprint', openssl), {
    ok: true,
    value: { device: openssl, identity: { certificate: { fingerprint: hex } } },
  });
  const serials: readonly (readonly [string, string])[] = [
    ['1F', '1f'],
    ['00', '0'],
    ['00:1f:0A', '1f0a'],
  ];
  for (const [typed, serialNumber] of serials) {
    const question = questionOfKind('serial', typed);
    assert.ok(question.ok);
    assert.deepEqual(question.value.identity, { certificate: { serialNumber } });
  }
});

test('questionOfKind refuses what can be no identity and says what was expected', () => {
  const wrong: readonly (readonly [Parameters<typeof questionOfKind>[0], string, RegExp])[] = [
    ['clientid', '', /expected a clientid, got an empty text/],
    ['fingerprint', 'abc', /64 hex digits, got "abc"/],
    ['serial', 'xyz', /serial number in hex, got "xyz"/],
  ];
  for (const [kind, value, expected] of wrong) {
    const question = questionOfKind(kind, value);
    assert.ok(!question.ok);
    assert.match(question.error, expected);
  }
});

test('questionOfOptions combines identities into one device and is nothing without any', () => {
  assert.deepEqual(questionOfOptions({}, undefined), { ok: true, value: undefined });
  assert.deepEqual(questionOfOptions({ clientId: 'meter-7', commonName: '00A1' }, { fingerprint: hex }), {
    ok: true,
    value: { device: '00A1', identity: { clientId: 'meter-7', certificate: { commonName: '00A1', fingerprint: hex } } },
  });
  const fromCertificate = questionOfOptions({}, { fingerprint: hex });
  assert.ok(fromCertificate.ok);
  assert.equal(fromCertificate.value?.device, hex);
});

test('toWhereQuery carries every identity that the admin API knows', () => {
  const certificate = {
    commonName: 'cn',
    fingerprint: hex,
    serialNumber: '1f',
    organizationalUnits: ['gen1'],
    issuerCommonName: 'ca',
  };
  assert.deepEqual(toWhereQuery({ clientId: 'c', username: 'u', certificate }), {
    clientId: 'c',
    username: 'u',
    commonName: 'cn',
    fingerprint: hex,
    serialNumber: '1f',
    organizationalUnit: 'gen1',
    issuerCommonName: 'ca',
  });
  assert.deepEqual(toWhereQuery({}), {});
});

test('parseCertificate reads the identities of PEM and DER, and no common name where there are several', () => {
  const issuer = mintCertificateAuthority('Device CA');
  const subject = { commonName: 'meter-7', organizationalUnits: ['gen1', 'halle 7'] };
  const minted = mintCertificate({ subject, serialNumber: '00a1', issuer });
  const { raw } = new X509Certificate(minted.certificate);
  const expected = {
    commonName: 'meter-7',
    fingerprint: createHash('sha256').update(raw).digest('hex'),
    serialNumber: 'a1',
    organizationalUnits: ['gen1', 'halle 7'],
    issuerCommonName: 'Device CA',
  };
  assert.deepEqual(parseCertificate(Buffer.from(minted.certificate)), { ok: true, value: expected });
  assert.deepEqual(parseCertificate(raw), { ok: true, value: expected });
  const several = mintCertificate({ subject: { commonName: ['a', 'b'] }, issuer });
  const identity = parseCertificate(Buffer.from(several.certificate));
  assert.ok(identity.ok);
  assert.equal(identity.value.commonName, undefined);
});
