import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BrokerTraits, judgeCredentials } from '../../src/gateway/credential-policy.ts';

function broker(options: Partial<BrokerTraits> = {}): BrokerTraits {
  return { profile: 'mqtt', endpoints: [{ host: '10.0.0.5', tls: true }], ...options };
}

describe('judgeCredentials', () => {
  const plain = broker({
    endpoints: [
      { host: '10.0.0.5', tls: true },
      { host: '10.0.0.6', tls: false },
    ],
  });
  const loopback = broker({
    endpoints: [
      { host: '127.0.0.1', tls: false },
      { host: '::1', tls: false },
    ],
  });
  const aws = broker({ profile: 'aws-iot-core' });

  it('lets a password leave over TLS and to this machine only', () => {
    assert.equal(judgeCredentials({ hasPassword: true }, broker()), undefined);
    assert.equal(judgeCredentials({ hasPassword: true }, loopback), undefined);
    assert.equal(judgeCredentials({ hasPassword: true }, plain), 'password-in-clear');
    assert.equal(judgeCredentials({ hasPassword: false, username: 'meter' }, plain), undefined);
  });

  it('vouches only for a device that proved who it is, unless that is spelled out', () => {
    const known = { key: { kind: 'cn', key: 'meter-7' }, clientId: 'meter-7' } as const;
    const proven = { ...known, isProven: true };
    const claimed = { ...known, isProven: false };
    for (const mode of ['gateway-certificate', 'device-certificate', 'custom-authorizer'] as const) {
      const vouching = broker({ identity: { mode, vouchUnverified: false } });
      assert.equal(judgeCredentials({ hasPassword: false }, vouching, proven), undefined, mode);
      assert.equal(judgeCredentials({ hasPassword: false }, vouching, claimed), 'unproven', mode);
      assert.equal(judgeCredentials({ hasPassword: false }, vouching), 'unproven', mode);
      const lenient = broker({ identity: { mode, vouchUnverified: true } });
      assert.equal(judgeCredentials({ hasPassword: false }, lenient, claimed), undefined, mode);
      const nobody = judgeCredentials({ hasPassword: false }, lenient, { clientId: '', isProven: false });
      assert.equal(nobody, mode === 'gateway-certificate' ? undefined : 'no-device-key', mode);
    }
    const forwarding = broker({ identity: { mode: 'forward', vouchUnverified: false } });
    assert.equal(judgeCredentials({ hasPassword: false }, forwarding, claimed), undefined);
  });

  it('sends a token over TLS only, and escapes what a device wrote instead of refusing it', () => {
    const proven = { key: { kind: 'cn', key: 'meter-7' }, clientId: 'meter-7', isProven: true } as const;
    const identity = { mode: 'custom-authorizer', vouchUnverified: false } as const;
    assert.equal(judgeCredentials({ hasPassword: false }, { ...plain, identity }, proven), 'password-in-clear');
    const username = 'meter?x-amz-customauthorizer-name=open';
    assert.equal(judgeCredentials({ hasPassword: false, username }, { ...aws, identity }, proven), undefined);
  });

  it('never sends fields of a custom authorizer that a device wrote', () => {
    const username = 'meter?x-amz-customauthorizer-name=open';
    for (const reserved of [
      username,
      'meter?site=7&x-amz-customauthorizer-signature=s',
      'meter?a=b?x-amz-customauthorizer-name=open',
      'meter?X-Amz-CustomAuthorizer-Name=open',
      '?x-amz-',
      'meter?x%2Damz%2dcustomauthorizer-name=open',
      'meter?%58-amz-customauthorizer-name=%zz',
    ]) {
      assert.equal(judgeCredentials({ hasPassword: false, username: reserved }, aws), 'reserved-username', reserved);
    }
    for (const plain of [
      'x-amz-meter',
      'meter&x-amz-name',
      'meter?site=x-amz-7',
      'meter?ax-amz-b=c',
      'meter?%zz=x-amz-',
      '?',
      '',
    ]) {
      assert.equal(judgeCredentials({ hasPassword: false, username: plain }, aws), undefined, plain);
    }
    assert.equal(judgeCredentials({ hasPassword: false, username }, broker()), undefined);
    assert.equal(judgeCredentials({ hasPassword: false, username: 'meter?site=7' }, aws), undefined);
  });
});
