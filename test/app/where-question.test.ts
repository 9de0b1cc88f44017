import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deviceOfQuery } from '../../src/app/where-question.ts';

describe('deviceOfQuery', () => {
  it('takes a bare value as the first kind of the fleet', () => {
    const question = deviceOfQuery({ device: 'AB:CD'.padEnd(95, ':00') }, ['certificate.fingerprint']);
    assert.ok(question.ok);
    assert.equal(question.value.device.certificate?.fingerprint, `abcd${'00'.repeat(30)}`);
    const client = deviceOfQuery({ device: 'meter-7' }, ['mqtt.clientId']);
    assert.deepEqual(client.ok && client.value, { device: { clientId: 'meter-7' }, name: 'meter-7' });
  });

  it('refuses a bare value that cannot be of the first kind', () => {
    const fingerprint = deviceOfQuery({ device: 'zz' }, ['certificate.fingerprint']);
    assert.match(
      fingerprint.ok ? '' : fingerprint.error,
      /^expected a SHA-256 fingerprint of 64 hex digits, got "zz"$/,
    );
    assert.equal(deviceOfQuery({ device: 'xyz' }, ['certificate.serialNumber']).ok, false);
  });
});
