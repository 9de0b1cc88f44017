import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type DeviceIdentity,
  deviceKeyOf,
  fingerprintOf,
  identityNames,
  identityOfKind,
  kindByIdentityName,
  serialNumberOf,
} from '../../src/plan/device-key.ts';

const everything: DeviceIdentity = {
  certificate: { commonName: 'meter-7', fingerprint: 'ab', serialNumber: '1f' },
  clientId: 'client-7',
  username: 'anna',
};

describe('deviceKeyOf', () => {
  const rows = [
    ['certificate.commonName', 'cn', 'meter-7'],
    ['certificate.fingerprint', 'fingerprint', 'ab'],
    ['certificate.serialNumber', 'serial', '1f'],
    ['mqtt.clientId', 'clientid', 'client-7'],
    ['mqtt.username', 'username', 'anna'],
  ] as const;
  for (const [name, kind, key] of rows) {
    test(`${name} is the kind ${kind}`, () => assert.deepEqual(deviceKeyOf(everything, [name]), { kind, key }));
  }

  test('every name has a kind of its own', () => {
    assert.equal(new Set(identityNames.map((name) => kindByIdentityName[name])).size, identityNames.length);
  });

  test('the first identity that the device presents counts; an empty value is none', () => {
    const identity = ['certificate.commonName', 'mqtt.clientId', 'mqtt.username'] as const;
    assert.deepEqual(deviceKeyOf({ certificate: {}, clientId: '', username: 'anna' }, identity), {
      kind: 'username',
      key: 'anna',
    });
    assert.deepEqual(deviceKeyOf({ clientId: 'c', username: 'anna' }, identity), { kind: 'clientid', key: 'c' });
    assert.equal(deviceKeyOf({ certificate: { commonName: '' }, clientId: '' }, identity), undefined);
    assert.equal(deviceKeyOf(everything, []), undefined);
  });

  test('values are taken as they are: case and spaces belong to them', () => {
    assert.equal(identityOfKind({ clientId: ' Söner/µ+# ' }, 'clientid'), ' Söner/µ+# ');
  });
});

describe('serialNumberOf', () => {
  for (const [written, serial] of [
    ['1F', '1f'],
    ['001F', '1f'],
    ['00', '0'],
    ['0', '0'],
    ['00:A0:0B', 'a00b'],
    ['0x1F', '1f'],
  ] as const) {
    test(`${written} is ${serial}`, () => assert.equal(serialNumberOf(written), serial));
  }
});

describe('fingerprintOf', () => {
  test('is the SHA-256 in lower-case hex without colons', () => {
    assert.equal(fingerprintOf(new Uint8Array()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
