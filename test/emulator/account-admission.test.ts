import assert from 'node:assert/strict';
import { sign, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import type { FunctionHandler } from '../../src/emulator/account/functions.ts';
import type { Input } from '../../src/emulator/account/operation.ts';
import type { ArrivedConnection } from '../../src/emulator/account-gate.ts';
import { AccountDesk, allow, arn, certificateId, endpoint, policy } from './account-desk.ts';
import { allowAll, device, tokenKeys } from './control-world.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:f';
const certificateArn = 'arn:aws:acm:eu-central-1:123456789012:certificate/1';
const own = 'mqtt.example.com';

function addDomain(desk: AccountDesk, input: Partial<Input<'CreateDomainConfiguration'>>): void {
  const name = { domainConfigurationName: 'own', domainName: own, serverCertificateArns: [certificateArn] };
  desk.call('CreateDomainConfiguration', { ...name, ...input });
}

describe('certificates', () => {
  test('states: ACTIVE with a policy alone is let in', async () => {
    const desk = new AccountDesk();
    const meter = device();
    assert.equal(await desk.outcome(undefined), 'unknown-certificate');
    assert.equal(await desk.outcome(meter), 'unknown-certificate');
    desk.addDevice(meter, allowAll);
    const admission = await desk.admit(meter);
    assert.ok(admission.admitted);
    assert.equal(admission.client.principalId, certificateId(meter));
    for (const newStatus of ['INACTIVE', 'REVOKED'] as const) {
      desk.call('UpdateCertificate', { certificateId: certificateId(meter), newStatus });
      assert.equal(await desk.outcome(meter), 'not-active');
    }
  });

  test('one certificate may be many clients', async () => {
    const desk = new AccountDesk();
    const shared = device('gateway');
    desk.addDevice(shared, allowAll);
    assert.equal(await desk.outcome(shared, { clientId: 'a' }), 'admitted');
    assert.equal(await desk.outcome(shared, { clientId: 'b' }), 'admitted');
  });

  test('SNI_ONLY certificates need SNI, DEFAULT ones do not', async () => {
    const desk = new AccountDesk();
    const [usual, sniOnly] = [device('a'), device('b')];
    desk.addDevice(usual, allowAll);
    desk.call('RegisterCertificateWithoutCA', { certificatePem: sniOnly.certificate, status: 'ACTIVE' });
    const target = desk.account.certificates.get(certificateId(sniOnly)).arn;
    desk.call('AttachPolicy', { policyName: 'policy-0', target });
    assert.equal(await desk.outcome(usual, { connection: { serverName: undefined } }), 'admitted');
    assert.equal(await desk.outcome(sniOnly, { connection: { serverName: undefined } }), 'unknown-certificate');
    assert.equal(await desk.outcome(sniOnly), 'admitted');
  });
});

describe('SNI, port and ALPN', () => {
  type Domain = Partial<Input<'CreateDomainConfiguration'>> | undefined;
  const x509: Domain = { authenticationType: 'AWS_X509', applicationProtocol: 'SECURE_MQTT' };
  const custom: Domain = { authenticationType: 'CUSTOM_AUTH', applicationProtocol: 'SECURE_MQTT' };
  const rows: [name: string, domain: Domain, connection: Partial<ArrivedConnection>, accepted: boolean][] = [
    ['the endpoint on 8883', undefined, {}, true],
    ['the endpoint in capitals', undefined, { serverName: endpoint.toUpperCase() }, true],
    ['no SNI on 8883', undefined, { serverName: undefined }, true],
    ['another name', undefined, { serverName: 'other.example.com' }, false],
    ['443 with x-amzn-mqtt-ca', undefined, { port: 'alpn', alpn: 'x-amzn-mqtt-ca' }, true],
    ['443 with mqtt', undefined, { port: 'alpn', alpn: 'mqtt' }, true],
    ['443 without ALPN', undefined, { port: 'alpn' }, false],
    ['443 with x-amzn-http-ca', undefined, { port: 'alpn', alpn: 'x-amzn-http-ca' }, false],
    ['an own domain of type DEFAULT on 443 without ALPN', {}, { serverName: own, port: 'alpn' }, false],
    ['AWS_X509 with SECURE_MQTT on 443 without ALPN', x509, { serverName: own, port: 'alpn' }, true],
    ['AWS_X509 with SECURE_MQTT on 8883', x509, { serverName: own }, true],
    ['CUSTOM_AUTH with SECURE_MQTT on 8883', custom, { serverName: own }, true],
    [
      'AWS_X509 without a protocol on 443 without ALPN',
      { authenticationType: 'AWS_X509' },
      { serverName: own, port: 'alpn' },
      false,
    ],
    [
      'AWS_X509 without a protocol on 443 with ALPN',
      { authenticationType: 'AWS_X509' },
      { serverName: own, port: 'alpn', alpn: 'x-amzn-mqtt-ca' },
      true,
    ],
    [
      'AWS_X509 with HTTPS',
      { authenticationType: 'AWS_X509', applicationProtocol: 'HTTPS' },
      { serverName: own },
      false,
    ],
    ['AWS_SIGV4', { authenticationType: 'AWS_SIGV4', applicationProtocol: 'MQTT_WSS' }, { serverName: own }, false],
  ];
  for (const [name, domain, connection, accepted] of rows) {
    test(`${accepted ? 'served' : 'refused'}: ${name}`, () => {
      const desk = new AccountDesk();
      if (domain !== undefined) addDomain(desk, domain);
      assert.equal(desk.gate.accepts(desk.connection(connection)), accepted);
    });
  }

  test('a disabled configuration is refused', () => {
    const desk = new AccountDesk();
    addDomain(desk, {});
    desk.call('UpdateDomainConfiguration', { domainConfigurationName: 'own', domainConfigurationStatus: 'DISABLED' });
    assert.equal(desk.gate.accepts(desk.connection({ serverName: own })), false);
  });
});

const times = { disconnectAfterInSeconds: 3_600, refreshAfterInSeconds: 600 };
const yes = { isAuthenticated: true, principalId: 'meter7', policyDocuments: [allowAll], ...times };
const overMqtt = { port: 'alpn', alpn: 'mqtt' } as const;

interface AuthorizerWorld {
  readonly desk: AccountDesk;
  readonly events: Record<string, unknown>[];
}

function authorizerWorld(answer: FunctionHandler, input: Partial<Input<'CreateAuthorizer'>> = {}): AuthorizerWorld {
  const events: Record<string, unknown>[] = [];
  const handler = (event: never) => {
    events.push(event);
    return answer(event);
  };
  const desk = new AccountDesk({ functions: new Map([[functionArn, handler]]), limits: { functionMs: 50 } });
  desk.call('CreateAuthorizer', {
    ...{ authorizerName: 'gateway', authorizerFunctionArn: functionArn, status: 'ACTIVE', tokenKeyName: 'token' },
    tokenSigningPublicKeys: { first: tokenKeys.publicKey },
    ...input,
  });
  return { desk, events };
}

function username(token = 't', { name = 'gateway', signed = token } = {}): string {
  const signature = sign('sha256', Buffer.from(signed), tokenKeys.privateKey).toString('base64');
  return `user?x-amz-customauthorizer-name=${name}&x-amz-customauthorizer-signature=${encodeURIComponent(signature)}&token=${token}`;
}

describe('custom authorizers', () => {
  test('the function is asked with the documented event and its answer lets the client in until its time', async () => {
    const { desk, events } = authorizerWorld(() => yes);
    const question = { connection: overMqtt, username: username(), password: Buffer.of(0xff, 1) };
    const admission = await desk.admit(undefined, question);
    assert.ok(admission.admitted);
    assert.equal(admission.client.principalId, 'meter7');
    assert.equal(admission.client.endsAtWallMs, desk.nowMs + 3_600_000);
    const { connectionMetadata, ...event } = events[0] ?? {};
    assert.match((connectionMetadata as { id: string }).id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(event, {
      token: 't',
      signatureVerified: true,
      protocols: ['tls', 'mqtt'],
      protocolData: {
        tls: { serverName: endpoint },
        mqtt: { username: question.username, password: '/wE=', clientId: 'meter-7' },
      },
    });
  });

  const unasked: [string, string | undefined][] = [
    ['no username', undefined],
    ['no token', 'user?x-amz-customauthorizer-name=gateway'],
    ['another signature', username('t', { signed: 'x' })],
    [
      'a signature that is none',
      'user?x-amz-customauthorizer-name=gateway&x-amz-customauthorizer-signature=%%&token=t',
    ],
    ['another authorizer', username('t', { name: 'none' })],
    ['a name without the grammar', 'user'],
  ];
  for (const [name, given] of unasked) {
    test(`refused without asking: ${name}`, async () => {
      const { desk, events } = authorizerWorld(() => yes);
      assert.equal(await desk.outcome(undefined, { connection: overMqtt, username: given }), 'bad-credentials');
      assert.equal(events.length, 0);
    });
  }

  const refusedAnswers: [string, unknown][] = [
    ['not authenticated', { isAuthenticated: false }],
    ['nothing', undefined],
    ['a text', 'yes'],
    ['no principal', { ...yes, principalId: undefined }],
    ['a principal with other characters', { ...yes, principalId: 'a-b' }],
    ['no policies', { ...yes, policyDocuments: [] }],
    ['eleven policies', { ...yes, policyDocuments: Array.from({ length: 11 }, () => allowAll) }],
    ['a policy that is none', { ...yes, policyDocuments: ['{}'] }],
    ['a long policy', { ...yes, policyDocuments: [policy(allow('iot:Connect', arn(`client/${'x'.repeat(2_048)}`)))] }],
    ['a short refresh', { ...yes, refreshAfterInSeconds: 299 }],
    ['a long connection', { ...yes, disconnectAfterInSeconds: 86_401 }],
  ];
  for (const [name, answer] of refusedAnswers) {
    test(`an answer that lets nobody in: ${name}`, async () => {
      const { desk } = authorizerWorld(() => answer);
      assert.equal(await desk.outcome(undefined, { connection: overMqtt, username: username() }), 'bad-credentials');
    });
  }

  test('a function that throws or takes too long lets nobody in', async () => {
    for (const answer of [() => Promise.reject(new Error('no')), () => new Promise(() => {})]) {
      const { desk } = authorizerWorld(answer);
      assert.equal(await desk.outcome(undefined, { connection: overMqtt, username: username() }), 'bad-credentials');
    }
  });

  test('its policies decide, with variables; documents may be objects', async () => {
    const documents = [
      JSON.parse(policy(allow('iot:Connect', arn(`client/\${iot:ClientId}`)), allow('iot:Publish', arn('topic/a')))),
    ];
    const { desk } = authorizerWorld(() => ({ ...yes, policyDocuments: documents }));
    const admission = await desk.admit(undefined, { connection: overMqtt, username: username() });
    assert.ok(admission.admitted);
    assert.deepEqual(
      ['a', 'b'].map((name) => admission.client.allows('iot:Publish', name)),
      [true, false],
    );
    const { desk: denying } = authorizerWorld(() => ({ ...yes, policyDocuments: [policy(allow('iot:Publish', '*'))] }));
    assert.equal(await denying.outcome(undefined, { connection: overMqtt, username: username() }), 'not-authorized');
  });

  test('is asked again behind refreshAfterInSeconds; an answer that denies takes the policies away', async () => {
    let answer: object = yes;
    const { desk, events } = authorizerWorld(() => answer);
    const admission = await desk.admit(undefined, { connection: overMqtt, username: username() });
    assert.ok(admission.admitted);
    desk.nowMs += 599_999;
    assert.equal(admission.client.allows('iot:Publish', 'a'), true);
    assert.equal(events.length, 1);
    desk.nowMs += 1;
    answer = { isAuthenticated: false };
    assert.equal(admission.client.allows('iot:Publish', 'a'), true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(events.length, 2);
    assert.equal(admission.client.allows('iot:Publish', 'a'), false);
  });

  test('without signing the token need not be signed, and an INACTIVE authorizer lets nobody in', async () => {
    const { desk, events } = authorizerWorld(() => yes, { signingDisabled: true });
    const question = { connection: overMqtt, username: 'user?x-amz-customauthorizer-name=gateway&token=t' };
    assert.equal(await desk.outcome(undefined, question), 'admitted');
    assert.equal(events[0]?.['signatureVerified'], false);
    desk.call('UpdateAuthorizer', { authorizerName: 'gateway', status: 'INACTIVE' });
    assert.equal(await desk.outcome(undefined, question), 'bad-credentials');
  });

  test('which authorizer: the domain’s unless it lets itself be replaced, then the account’s', async () => {
    const named = (name: string) => ({ ...overMqtt, serverName: name });
    const unnamed = username().replace('x-amz-customauthorizer-name=gateway&', '');
    const { desk, events } = authorizerWorld(() => yes);
    assert.equal(await desk.outcome(undefined, { connection: overMqtt, username: unnamed }), 'bad-credentials');
    desk.call('SetDefaultAuthorizer', { authorizerName: 'gateway' });
    assert.equal(await desk.outcome(undefined, { connection: overMqtt, username: unnamed }), 'admitted');
    desk.call('CreateAuthorizer', {
      authorizerName: 'broken',
      authorizerFunctionArn: 'none',
      status: 'ACTIVE',
      signingDisabled: true,
    });
    const config = { defaultAuthorizerName: 'broken', allowAuthorizerOverride: false };
    addDomain(desk, {
      authenticationType: 'CUSTOM_AUTH',
      applicationProtocol: 'SECURE_MQTT',
      authorizerConfig: config,
    });
    assert.equal(await desk.outcome(undefined, { connection: named(own), username: username() }), 'bad-credentials');
    const authorizerConfig = { ...config, allowAuthorizerOverride: true };
    desk.call('UpdateDomainConfiguration', { domainConfigurationName: 'own', authorizerConfig });
    assert.equal(await desk.outcome(undefined, { connection: named(own), username: username() }), 'admitted');
    assert.equal(events.length, 2);
  });
});

describe('CUSTOM_AUTH_X509', () => {
  function world(answer: (id: string) => object) {
    const meter = device();
    const made = authorizerWorld(() => answer(certificateId(meter)), { signingDisabled: true });
    addDomain(made.desk, {
      ...{ authenticationType: 'CUSTOM_AUTH_X509', applicationProtocol: 'SECURE_MQTT' },
      authorizerConfig: { defaultAuthorizerName: 'gateway' },
    });
    return { ...made, meter };
  }
  const connection = { serverName: own };

  test('needs a registered, ACTIVE certificate, tells the function of it, and unites the policies', async () => {
    const { desk, events, meter } = world((principalId) => ({
      ...yes,
      principalId,
      policyDocuments: [policy(allow('iot:Publish', arn('topic/b')))],
    }));
    assert.equal(await desk.outcome(meter, { connection }), 'unknown-certificate');
    assert.equal(events.length, 0);
    desk.addDevice(meter, policy(allow('iot:Connect', '*'), allow('iot:Publish', arn('topic/a'))));
    const admission = await desk.admit(meter, { connection });
    assert.ok(admission.admitted);
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => admission.client.allows('iot:Publish', name)),
      [true, true, false],
    );
    const { tls } = (events[0] as unknown as { protocolData: { tls: unknown } }).protocolData;
    assert.deepEqual(tls, {
      serverName: own,
      x509CertificatePem: meter.certificate,
      principalId: certificateId(meter),
    });
  });

  test('the answer’s principal has to be the certificate; it needs no policies', async () => {
    const { desk, meter } = world((principalId) => ({ ...yes, principalId, policyDocuments: undefined }));
    desk.addDevice(meter, allowAll);
    assert.equal(await desk.outcome(meter, { connection }), 'admitted');
    const other = world(() => yes);
    other.desk.addDevice(other.meter, allowAll);
    assert.equal(await other.desk.outcome(other.meter, { connection }), 'bad-credentials');
  });
});

describe('the client certificate callback', () => {
  function world(answer: FunctionHandler, options: { callbackChain?: 'pem' | 'base64' } = {}) {
    const events: Record<string, unknown>[] = [];
    const handler = (event: never) => {
      events.push(event);
      return answer(event);
    };
    const desk = new AccountDesk({ functions: new Map([[functionArn, handler]]) }, options);
    addDomain(desk, {
      ...{ authenticationType: 'AWS_X509', applicationProtocol: 'SECURE_MQTT' },
      clientCertificateConfig: { clientCertificateCallbackArn: functionArn },
    });
    return { desk, events };
  }
  const connection = { serverName: own };

  test('is asked at every connect, and only `true` lets the client on', async () => {
    let answer: unknown = { isAuthenticated: true };
    const { desk, events } = world(() => answer);
    const meter = device();
    desk.addDevice(meter, allowAll);
    assert.equal(await desk.outcome(meter, { connection }), 'admitted');
    for (answer of [{ isAuthenticated: false }, { isAuthenticated: 'true' }, {}, undefined, 'true']) {
      assert.equal(await desk.outcome(meter, { connection }), 'unknown-certificate');
    }
    assert.equal(events.length, 6);
    const { connectionMetadata, ...event } = events[0] ?? {};
    assert.ok(connectionMetadata);
    assert.deepEqual(event, {
      principalId: certificateId(meter),
      serverName: own,
      clientCertificateChain: [meter.certificate],
    });
  });

  test('one that throws lets nobody on, and nothing is registered before it has been asked', async () => {
    const { desk } = world(() => Promise.reject(new Error('no')));
    desk.addAuthority();
    assert.equal(await desk.outcome(device(), { connection }), 'unknown-certificate');
    assert.equal(desk.account.certificates.size, 0);
  });

  test('gets the chain in base64 where that is wanted', async () => {
    const { desk, events } = world(() => ({ isAuthenticated: true }), { callbackChain: 'base64' });
    const meter = device();
    await desk.outcome(meter, { connection });
    const der = new X509Certificate(meter.certificate).raw.toString('base64');
    assert.deepEqual(events[0]?.['clientCertificateChain'], [der]);
  });
});
