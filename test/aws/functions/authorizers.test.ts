import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createCertificateAuthorizer } from '../../../src/aws/functions/certificate-authorizer.ts';
import { createCertificateValidation } from '../../../src/aws/functions/certificate-validation.ts';
import { PolicyTemplate } from '../../../src/aws/functions/policy-variables.ts';
import { createTokenAuthorizer } from '../../../src/aws/functions/token-authorizer.ts';
import { type AuthorizerToken, encodeAuthorizerToken } from '../../../src/gateway/authorizer-username.ts';
import type { ClientIdPolicy } from '../../../src/plan/client-id-policy.ts';
import { mintCertificate, mintCertificateAuthority } from '../../../src/tls/certificate-minting.ts';
import type { CertificateRefusal } from '../../../src/tls/listener-tls.ts';

const nowMs = 1_758_000_000_000;
const times = { disconnectAfterSeconds: 86_400, refreshAfterSeconds: 3_600 };
const variable = (name: string) => `\${${name}}`;
const arn = (resource: string) => `arn:aws:iot:eu-west-1:123456789012:${resource}`;

/** A policy for certificates, as the account has it. */
const document = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'iot:Connect', Resource: arn(`client/${variable('iot:ClientId')}`) },
    {
      Effect: 'Allow',
      Action: ['iot:Publish', 'iot:Receive'],
      Resource: [
        arn(`topic/dt/${variable('iot:Connection.Thing.ThingName')}/*`),
        arn(`topic/cn/${variable('iot:Certificate.Subject.CommonName')}`),
      ],
    },
  ],
};

function template(content: unknown = document): PolicyTemplate {
  const parsed = PolicyTemplate.parse(JSON.stringify(content));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error);
  return parsed.value;
}

/** As AWS calls a custom authorizer for an MQTT connection. */
function tokenEvent(token: string, clientId?: string, more: object = {}) {
  return {
    token,
    signatureVerified: true,
    protocols: ['tls', 'mqtt'],
    protocolData: {
      tls: { serverName: 'example-ats.iot.eu-west-1.amazonaws.com' },
      mqtt: { username: 'meter-7', password: 'c2VjcmV0', ...(clientId === undefined ? {} : { clientId }) },
    },
    connectionMetadata: { id: '1cbfbf0a-3d1b-4b1b-9f3f-2f1d7d6f7a10' },
    ...more,
  };
}

function tokenAuthorizer(policies = [template()], refreshAfterSeconds = times.refreshAfterSeconds) {
  const logged: { readonly reason?: string }[] = [];
  const authorize = createTokenAuthorizer(
    { policies, times: { ...times, refreshAfterSeconds } },
    { clock: { wallMs: () => nowMs }, log: (record) => logged.push(record) },
  );
  return { authorize, logged };
}

const token = (more: Partial<AuthorizerToken> = {}) =>
  encodeAuthorizerToken({ kind: 'cn', key: 'meter-7', clientId: 'meter-7/main', expiresMs: nowMs + 1_000, ...more });

test("the gateway's token gives its device the rights that its certificate would have", async () => {
  const { authorize, logged } = tokenAuthorizer();
  const answer = await authorize(tokenEvent(token(), 'meter-7/main'));
  assert.ok(answer.isAuthenticated);
  assert.match(answer.principalId, /^[a-zA-Z0-9]{1,128}$/);
  assert.deepEqual(answer, {
    isAuthenticated: true,
    principalId: answer.principalId,
    policyDocuments: [
      {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: 'iot:Connect', Resource: arn('client/meter-7/main') },
          {
            Effect: 'Allow',
            Action: ['iot:Publish', 'iot:Receive'],
            Resource: [arn('topic/dt/meter-7/*'), arn('topic/cn/meter-7')],
          },
        ],
      },
    ],
    disconnectAfterInSeconds: 86_400,
    refreshAfterInSeconds: 3_600,
  });
  assert.deepEqual(logged, []);
});

test('a name that is no name of a thing stands in the policy as the thing and the certificate would be called', async () => {
  const { authorize } = tokenAuthorizer();
  const key = 'söner/µ';
  const answer = await authorize(tokenEvent(token({ key, clientId: 'a' }), 'a'));
  assert.ok(answer.isAuthenticated);
  const filled = JSON.stringify(answer.policyDocuments);
  assert.ok(filled.includes(arn(`topic/dt/y--${hash('sha256', key)}/*`)));
  assert.ok(filled.includes(arn(`topic/cn/${key}`)));
});

test('two devices are two principals, one device is one', async () => {
  const { authorize } = tokenAuthorizer([template({ Version: '2012-10-17', Statement: [] })]);
  const principalOf = async (more: Partial<AuthorizerToken>) => {
    const answer = await authorize(tokenEvent(token({ ...more, clientId: 'a' }), 'a'));
    return answer.isAuthenticated && answer.principalId;
  };
  const principals = await Promise.all([{}, { key: 'meter-8' }, { kind: 'clientid' }, {}].map(principalOf));
  assert.equal(new Set(principals).size, 3);
  assert.equal(principals[0], principals[3]);
});

test('no other token is believed', async () => {
  const good = { v: 1, kind: 'cn', key: 'meter-7', clientId: 'a', exp: nowMs / 1_000 + 60 };
  const encode = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const cases: readonly (readonly [string, unknown])[] = [
    ['signature-not-verified', tokenEvent(encode(good), 'a', { signatureVerified: false })],
    ['signature-not-verified', tokenEvent(encode(good), 'a', { signatureVerified: 'true' })],
    ['signature-not-verified', { token: encode(good) }],
    ['signature-not-verified', undefined],
    ['token-expired', tokenEvent(encode({ ...good, exp: nowMs / 1_000 }), 'a')],
    ['other-client-id', tokenEvent(encode(good), 'b')],
    ['other-client-id', tokenEvent(encode(good))],
    ['other-client-id', tokenEvent(encode({ ...good, clientId: undefined }), 'a')],
    ['other-token-version', tokenEvent(encode({ ...good, v: 2 }), 'a')],
    ['malformed-token', tokenEvent(encode({ ...good, kind: 'admin' }), 'a')],
    ['malformed-token', tokenEvent(encode({ ...good, key: '' }), 'a')],
    ['malformed-token', tokenEvent(encode({ ...good, key: ['meter-7'] }), 'a')],
    ['malformed-token', tokenEvent(encode({ ...good, exp: '1e99' }), 'a')],
    ['malformed-token', tokenEvent(encode({ ...good, clientId: 7 }), 'a')],
    ['malformed-token', tokenEvent('%%%', 'a')],
    ['malformed-token', tokenEvent('', 'a')],
  ];
  for (const [reason, event] of cases) {
    const { authorize, logged } = tokenAuthorizer();
    assert.deepEqual(await authorize(event), { isAuthenticated: false }, reason);
    assert.equal(logged[0]?.reason, reason);
    assert.ok(!JSON.stringify(logged).includes(encode(good)), 'the log holds the token');
  }
});

test('a name that would widen a policy gives no rights at all', async () => {
  for (const clientId of ['*', 'meter-?', variable('iot:ClientId'), '#', 'a+b', 'a\u0000']) {
    const { authorize, logged } = tokenAuthorizer();
    assert.deepEqual(await authorize(tokenEvent(token({ clientId }), clientId)), { isAuthenticated: false });
    assert.match(logged[0]?.reason ?? '', /^iot:ClientId/);
  }
  // Quotes and braces cannot end the string that they stand in.
  const { authorize } = tokenAuthorizer();
  const clientId = 'a","Effect":"Allow","Resource":"x\\';
  const answer = await authorize(tokenEvent(token({ clientId }), clientId));
  assert.ok(answer.isAuthenticated);
  assert.equal((answer.policyDocuments as (typeof document)[])[0]?.Statement[0]?.Resource, arn(`client/${clientId}`));
});

test('a policy that gets too long is not handed out, and the word is asked for again before it ends', async () => {
  const long = { Version: '2012-10-17', Statement: [{ Sid: 'x'.repeat(2_000), Resource: variable('iot:ClientId') }] };
  const { authorize, logged } = tokenAuthorizer([template(long)]);
  const clientId = 'y'.repeat(60);
  assert.deepEqual(await authorize(tokenEvent(token({ clientId }), clientId)), { isAuthenticated: false });
  assert.match(logged[0]?.reason ?? '', /characters, more than 2048/);
  const answer = await tokenAuthorizer([template()], 90_000).authorize(tokenEvent(token(), 'meter-7/main'));
  assert.equal(answer.isAuthenticated && answer.refreshAfterInSeconds, 86_400);
});

test('a template that a token cannot fill in is refused at the start', () => {
  const statement = (Resource: string, Condition = {}) => ({
    Version: '2012-10-17',
    Statement: [{ Resource, Condition }],
  });
  const wrong = [
    'text',
    {},
    statement(variable('iot:Certificate.Issuer.CommonName')),
    statement(variable('iot:ClientID')),
    statement('x', { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } }),
  ];
  for (const content of wrong) assert.equal(PolicyTemplate.parse(JSON.stringify(content)).ok, false);
  assert.equal(PolicyTemplate.parse('{').ok, false);
});

const ca = mintCertificateAuthority('Device CA');
const { certificate: pem } = mintCertificate({ subject: { commonName: 'meter-7' }, issuer: ca });
const certificate = new X509Certificate(pem);
const certificateId = hash('sha256', certificate.raw);

/** As AWS calls the authorizer of a CUSTOM_AUTH_X509 domain. */
function certificateEvent(clientId: string | undefined, more: object = {}) {
  return {
    protocols: ['tls', 'mqtt'],
    protocolData: {
      mqtt: { clientId },
      tls: { serverName: 'mqtt.example.com', x509CertificatePem: pem, principalId: certificateId, ...more },
    },
    connectionMetadata: { id: '1cbfbf0a-3d1b-4b1b-9f3f-2f1d7d6f7a10' },
  };
}

function certificateAuthorizer(clientIdPolicy: ClientIdPolicy, faults: readonly CertificateRefusal[] = []) {
  const logged: unknown[] = [];
  const authorize = createCertificateAuthorizer(
    { policyDocuments: [document], clientIdPolicy, times },
    { check: { refusals: async () => faults }, log: (record) => logged.push(record) },
  );
  return { authorize, logged };
}

test('a certificate that passes keeps its ID as the principal, and gets the further rights as they are written', async () => {
  const { authorize, logged } = certificateAuthorizer('prefixed-by-common-name');
  assert.deepEqual(await authorize(certificateEvent('meter-7/main')), {
    isAuthenticated: true,
    principalId: certificateId,
    policyDocuments: [document],
    disconnectAfterInSeconds: 86_400,
    refreshAfterInSeconds: 3_600,
  });
  assert.deepEqual(logged, []);
});

test('a certificate that fails, is another one, or comes with a client ID that is not its own is denied', async () => {
  const cases = [
    [certificateEvent('meter-8'), [], ['client-id-not-bound']],
    [certificateEvent('meter-7'), ['revoked'], ['revoked']],
    [certificateEvent('meter-7', { principalId: '0'.repeat(64) }), [], ['other-certificate']],
    [certificateEvent('meter-7', { x509CertificatePem: ca.certificate }), [], ['other-certificate']],
    [certificateEvent('meter-7', { x509CertificatePem: 'garbage' }), [], ['no-certificate']],
    [certificateEvent('meter-7', { x509CertificatePem: undefined }), [], ['no-certificate']],
    [undefined, [], ['no-certificate']],
  ] as const;
  for (const [event, faults, reasons] of cases) {
    const { authorize, logged } = certificateAuthorizer('equals-common-name', faults);
    assert.deepEqual(await authorize(event), { isAuthenticated: false });
    assert.deepEqual((logged[0] as { readonly reasons: unknown }).reasons, reasons);
  }
  // An HTTPS publish has no client ID.
  const { authorize } = certificateAuthorizer('equals-common-name');
  assert.equal((await authorize(certificateEvent(undefined))).isAuthenticated, true);
});

/** As AWS calls the function of a domain configuration's `clientCertificateCallbackArn`. */
function validationEvent(clientCertificateChain: unknown) {
  return {
    connectionMetadata: { id: '1cbfbf0a-3d1b-4b1b-9f3f-2f1d7d6f7a10' },
    principalId: certificateId,
    serverName: 'mqtt.example.com',
    clientCertificateChain,
  };
}

test('a chain is read as PEM, as base64 of DER, and with lines in it; the intermediates are handed on', async () => {
  const issuer = new X509Certificate(ca.certificate);
  const der = (each: X509Certificate) => each.raw.toString('base64');
  const lines = der(certificate).replace(/.{64}/g, '$&\n');
  const chains = [
    [pem, ca.certificate],
    [der(certificate), der(issuer)],
    [lines, der(issuer)],
  ];
  for (const chain of chains) {
    const seen: string[][] = [];
    const validate = createCertificateValidation({
      check: {
        refusals: async (leaf, presented) => {
          seen.push([leaf, ...(presented ?? [])].map(({ subject }) => subject));
          return [];
        },
      },
      log: () => assert.fail('nothing was refused'),
    });
    assert.deepEqual(await validate(validationEvent(chain)), { isAuthenticated: true });
    assert.deepEqual(seen, [['CN=meter-7', 'CN=Device CA']]);
  }
});

test('no chain, and one that fails, are refused and told', async () => {
  const cases = [
    [validationEvent([pem]), ['revoked'], ['revoked']],
    [validationEvent([]), [], ['missing']],
    [validationEvent(['garbage']), [], ['missing']],
    [validationEvent('garbage'), [], ['missing']],
    [undefined, [], ['missing']],
  ] as const;
  for (const [event, faults, reasons] of cases) {
    const logged: unknown[] = [];
    const check = { refusals: async () => faults };
    const validate = createCertificateValidation({ check, log: (record) => logged.push(record) });
    assert.deepEqual(await validate(event), { isAuthenticated: false });
    assert.deepEqual((logged[0] as { readonly reasons: unknown }).reasons, reasons);
  }
});
