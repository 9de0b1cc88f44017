import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { changed, loadRight, minimal, mistakesOf } from './loading.ts';

const readable = 'expected a readable file with';

test('a certificate file that is missing, empty, something else or half a bundle is a mistake', () => {
  const withCert = (content: string) => ({ files: { '/etc/crossfade/certs/server.pem': content } });
  const at = '13:19 listeners[0].tls.certificates[0].cert: ';
  const expected = `${at}${readable} certificates in PEM, got "certs/server.pem": `;
  const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  assert.deepEqual(mistakesOf(changed('certs/server.pem', 'certs/none.pem')), [
    `${at}${readable} certificates in PEM, got "certs/none.pem": no such file`,
  ]);
  assert.deepEqual(mistakesOf(minimal, withCert('')), [`${expected}it has no BEGIN CERTIFICATE block`]);
  assert.deepEqual(mistakesOf(minimal, withCert(block)), [`${expected}certificate 1 of 1 in it does not parse`]);
  assert.deepEqual(mistakesOf(minimal, withCert('x'.repeat(4_194_305))), [
    `${expected}it is larger than 4194304 bytes`,
  ]);
});

test('a key that belongs to another certificate is a mistake', () => {
  assert.deepEqual(mistakesOf(changed('certs/server.key', 'certs/gateway.key')), [
    '13:42 listeners[0].tls.certificates[0].key: expected the private key of the certificate in "certs/server.pem", got "certs/gateway.key"',
  ]);
});

test('an encrypted key, and a certificate in place of a key, are mistakes', () => {
  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const expected = `13:42 listeners[0].tls.certificates[0].key: ${readable} a private key in PEM, got `;
  assert.deepEqual(mistakesOf(minimal, { files: { '/etc/crossfade/certs/server.key': String(encrypted) } }), [
    `${expected}"certs/server.key": it is encrypted, and there is no passphrase to give`,
  ]);
  assert.deepEqual(mistakesOf(changed('certs/server.key', 'certs/server.pem')), [
    `${expected}"certs/server.pem": it has no BEGIN PRIVATE KEY block`,
  ]);
});

test('a list of client IDs must be readable, and its path becomes absolute', () => {
  const text = changed('match: { all: true }', 'match: { clientIdsFile: ids.txt }');
  assert.deepEqual(mistakesOf(text), [
    '25:49 plan.cohorts[0].match.clientIdsFile: expected a readable file, got "ids.txt": no such file',
  ]);
  const { configuration } = loadRight(text, { files: { '/etc/crossfade/ids.txt': 'meter-1\n' } });
  assert.equal(configuration.plan.cohorts[0]?.match.clientIdsFile, '/etc/crossfade/ids.txt');
});

test('a missing CRL is a warning that says what follows, because crlStale decides', () => {
  const crls = 'trustedCas: [certs/device-ca.pem]\n      crls: [no.crl]';
  const text = changed('trustedCas: [certs/device-ca.pem]', crls);
  assert.deepEqual(loadRight(text).warnings, [
    'listeners.devices.tls.crls: /etc/crossfade/no.crl cannot be read (no such file): its revocations do not count',
  ]);
  assert.deepEqual(loadRight(changed(crls, `${crls}\n      crlStale: refuse`, text)).warnings, [
    'listeners.devices.tls.crls: /etc/crossfade/no.crl cannot be read (no such file): its issuer is refused',
  ]);
});
