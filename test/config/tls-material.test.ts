import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInclude } from '../../src/config/include.ts';
import { readTlsMaterial } from '../../src/config/tls-material.ts';
import { createFakeSource, pkiFiles } from './fake-source.ts';
import { changed, loadRight } from './loading.ts';

const files = pkiFiles('/etc/crossfade/certs');

const text = changed(
  'admin:',
  'admin:\n  tls: { cert: certs/server.pem, key: certs/server.key }',
  changed('trustedCas:', 'crls: [certs/device-ca.crl, none.crl]\n      trustedCas:'),
);

const { configuration } = loadRight(
  changed('\nplan:', '\n    identity: { cert: certs/gateway.pem, key: certs/gateway.key }\nplan:', text),
);

test('the material of listeners, brokers and admin is what their files hold', () => {
  const material = readTlsMaterial(configuration, createFakeSource(files));
  assert.ok(material.ok);
  const { listeners, brokers, admin } = material.value;
  const pem = (name: string) => String(files[`/etc/crossfade/certs/${name}`]);
  assert.deepEqual(listeners['devices']?.certificates, [{ cert: pem('server.pem'), key: pem('server.key') }]);
  assert.deepEqual(listeners['devices']?.trustedCas, [pem('device-ca.pem')]);
  assert.deepEqual(brokers['legacy'], { ca: pem('legacy-ca.pem') });
  assert.deepEqual(brokers['successor'], {
    ca: pem('legacy-ca.pem'),
    cert: pem('gateway.pem'),
    key: pem('gateway.key'),
  });
  assert.deepEqual(admin, { cert: pem('server.pem'), key: pem('server.key') });
});

test('a CRL that cannot be read is there without content', () => {
  const material = readTlsMaterial(configuration, createFakeSource(files));
  const crls = material.ok ? material.value.listeners['devices']?.crls : undefined;
  assert.deepEqual(
    crls?.map(({ file, content }) => [file, content?.length]),
    [
      ['/etc/crossfade/certs/device-ca.crl', files['/etc/crossfade/certs/device-ca.crl']?.length],
      ['/etc/crossfade/none.crl', undefined],
    ],
  );
});

test('every other file that cannot be read fails the whole, and each is named', () => {
  const { '/etc/crossfade/certs/server.key': _key, '/etc/crossfade/certs/legacy-ca.pem': _ca, ...rest } = files;
  const material = readTlsMaterial(configuration, createFakeSource(rest));
  assert.deepEqual(material.ok ? [] : [...new Set(material.error)], [
    'expected a readable file, got /etc/crossfade/certs/server.key: no such file',
    'expected a readable file, got /etc/crossfade/certs/legacy-ca.pem: no such file',
  ]);
});

test('an include is its text, or says why not', () => {
  assert.deepEqual(readInclude('/ids', createFakeSource({ '/ids': 'a\nb\n' })), { ok: true, value: 'a\nb\n' });
  assert.deepEqual(readInclude('/ids', createFakeSource({})), {
    ok: false,
    error: 'expected a readable file of client IDs, got /ids: no such file',
  });
});
