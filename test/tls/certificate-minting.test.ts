import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { developmentPki } from '../../certs/development-pki.ts';
import { loadCertificateIssuer, mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { readCertificateExtensions, readCertificateStructure } from '../../src/tls/certificate-structure.ts';
import { readNameAttributes } from '../../src/tls/distinguished-name.ts';

const authority = mintCertificateAuthority('Test CA');

for (const key of ['ec', 'rsa2048'] as const) {
  test(`mintCertificate: a ${key} certificate verifies under its CA and says what was asked`, () => {
    const minted = mintCertificate({
      subject: { commonName: ['a, b', 'ü"+'], organizationalUnits: ['Gen=1', 'two'] },
      key,
      serialNumber: '00ff01',
      notBefore: new Date('2026-01-02T03:04:05Z'),
      notAfter: new Date('2051-01-02T03:04:05Z'),
      extendedKeyUsage: ['clientAuth'],
      dnsNames: ['*.example.com'],
      ipAddresses: ['127.0.0.1'],
      issuer: authority,
    });
    const certificate = new X509Certificate(minted.certificate);
    assert.equal(certificate.checkIssued(new X509Certificate(authority.certificate)), true);
    assert.equal(certificate.verify(authority.publicKey), true);
    assert.equal(certificate.checkPrivateKey(createPrivateKey(minted.key)), true);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.subjectAltName, 'DNS:*.example.com, IP Address:127.0.0.1');
    const structure = readCertificateStructure(certificate.raw);
    assert.equal(structure.serialNumber, 'ff01');
    assert.equal(structure.notBefore, Date.UTC(2026, 0, 2, 3, 4, 5));
    assert.equal(structure.notAfter, Date.UTC(2051, 0, 2, 3, 4, 5));
    assert.equal(readCertificateExtensions(structure).allowsClientAuth, true);
    assert.deepEqual(readNameAttributes(structure.subject), {
      commonNames: ['a, b', 'ü"+'],
      organizationalUnits: ['Gen=1', 'two'],
    });
  });
}

test('loadCertificateIssuer: a CA from its files signs as the minted one does', () => {
  const loaded = loadCertificateIssuer(authority.certificate, createPrivateKey(authority.key));
  const minted = mintCertificate({ subject: { commonName: 'x' }, issuer: loaded });
  assert.equal(new X509Certificate(minted.certificate).checkIssued(new X509Certificate(authority.certificate)), true);
});

test('developmentPki: the files that the example configuration names, keys marked as secret', () => {
  const files = new Map(developmentPki({ domain: 'mqtt.example.com', devices: 2 }).map((file) => [file.name, file]));
  for (const name of ['server.pem', 'device-ca.pem', 'legacy-ca.pem', 'amazon-root-ca1.pem', 'device-000002.pem']) {
    assert.doesNotThrow(() => new X509Certificate(files.get(name)?.content ?? ''), name);
  }
  for (const name of ['server.key', 'gateway-ca.key', 'ticket.secret']) assert.equal(files.get(name)?.secret, true);
});
