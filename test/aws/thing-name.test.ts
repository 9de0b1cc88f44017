import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { commonNameOf, thingOf, thingOfCommonName } from '../../src/aws/thing-name.ts';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';

const ca = mintCertificateAuthority('Device CA');

test('a legal common name is the name of the thing', () => {
  for (const name of ['meter-7', 'a:b_C-9', 'x'.repeat(128), 'x--0123', 'y-', 'y']) {
    assert.deepEqual(thingOfCommonName(name), { thingName: name, attributes: {} });
  }
});

test('any other is hashed, and the thing says what it was', () => {
  for (const name of ['söner/µ', 'a b', 'a.b', '', 'x'.repeat(129), 'y--', `y--${hash('sha256', 'a b')}`]) {
    assert.deepEqual(thingOfCommonName(name), {
      thingName: `y--${hash('sha256', name)}`,
      attributes: { commonNameBase64: Buffer.from(name).toString('base64url') },
    });
  }
  assert.deepEqual(thingOfCommonName(`${'x'.repeat(601)}`).attributes, {});
});

test('every name is legal, and no two common names share one', () => {
  const names = fc.uniqueArray(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 140 }),
      fc.string({ unit: fc.constantFrom('y', '-', 'x', '0', '/'), maxLength: 8 }),
      fc.string().map((text) => `y--${hash('sha256', text)}`),
    ),
    { minLength: 2, maxLength: 50, selector: (name) => name.toWellFormed() },
  );
  fc.assert(
    fc.property(names, (unique) => {
      const things = unique.map((name) => thingOfCommonName(name.toWellFormed()).thingName);
      assert.equal(new Set(things).size, things.length);
      for (const thing of things) assert.match(thing, /^[a-zA-Z0-9:_-]{1,128}$/);
    }),
  );
});

test('a certificate without one common name gives its own hash', () => {
  const subjects = [{ organizationalUnits: ['meters'] }, { commonName: '' }];
  for (const subject of subjects) {
    const certificate = new X509Certificate(mintCertificate({ subject, issuer: ca }).certificate);
    assert.equal(commonNameOf(certificate), undefined);
    assert.deepEqual(thingOf(certificate), { thingName: `y--${hash('sha256', certificate.raw)}`, attributes: {} });
  }
  const named = new X509Certificate(mintCertificate({ subject: { commonName: 'meter-7' }, issuer: ca }).certificate);
  assert.equal(commonNameOf(named), 'meter-7');
});
