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

  it('never sends fields of a custom authorizer that a device wrote', () => {
    const username = 'meter?x-amz-customauthorizer-name=open';
    for (const reserved of [
      username,
      'meter?site=7&x-amz-customauthorizer-signature=s',
      'meter?a=b?x-amz-customauthorizer-name=open',
      'meter?X-Amz-CustomAuthorizer-Name=open',
      '?x-amz-',
    ]) {
      assert.equal(judgeCredentials({ hasPassword: false, username: reserved }, aws), 'reserved-username', reserved);
    }
    for (const plain of ['x-amz-meter', 'meter&x-amz-name', 'meter?site=x-amz-7', 'meter?ax-amz-b=c', '?', '']) {
      assert.equal(judgeCredentials({ hasPassword: false, username: plain }, aws), undefined, plain);
    }
    assert.equal(judgeCredentials({ hasPassword: false, username }, broker()), undefined);
    assert.equal(judgeCredentials({ hasPassword: false, username: 'meter?site=7' }, aws), undefined);
  });
});
