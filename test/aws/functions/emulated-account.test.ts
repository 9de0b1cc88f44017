import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { CreatePolicyCommand, CreateTopicRuleCommand, RegisterCACertificateCommand } from '@aws-sdk/client-iot';
import { connect, type MqttClient } from 'mqtt';
import { openDeviceAccount } from '../../../src/aws/device-account.ts';
import { type ActivationOutcome, createActivation } from '../../../src/aws/functions/activation.ts';
import { createCertificateAuthorizer } from '../../../src/aws/functions/certificate-authorizer.ts';
import { CertificateCheck } from '../../../src/aws/functions/certificate-check.ts';
import { createCertificateValidation } from '../../../src/aws/functions/certificate-validation.ts';
import { PolicyTemplate } from '../../../src/aws/functions/policy-variables.ts';
import { RevocationSource } from '../../../src/aws/functions/revocation-source.ts';
import { createTokenAuthorizer } from '../../../src/aws/functions/token-authorizer.ts';
import type { FunctionHandler } from '../../../src/emulator/account/functions.ts';
import { startAwsIotEmulator } from '../../../src/emulator/aws-iot-emulator.ts';
import { encodeAuthorizerToken, renderAuthorizerUsername } from '../../../src/gateway/authorizer-username.ts';
import { mintCrl } from '../../../src/tls/crl-minting.ts';
import { loadTrustedAuthorities } from '../../../src/tls/trusted-authorities.ts';
import { AccountDesk, allow, arn, policy } from '../../emulator/account-desk.ts';
import { device, deviceCa, newClient, startMs } from '../../emulator/control-world.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:crossfade';
const silence = () => {};

test('a device that AWS does not know is activated by the rule and the function, and its next CONNECT is accepted', async (context) => {
  const outcomes: ActivationOutcome[] = [];
  const activated = Promise.withResolvers<void>();
  let activate: ((event: unknown) => Promise<ActivationOutcome>) | undefined;
  const handler: FunctionHandler = async (event: unknown) => {
    const outcome = await activate?.(event);
    if (outcome !== undefined) outcomes.push(outcome);
    activated.resolve();
    return outcome;
  };
  const emulator = await startAwsIotEmulator({
    account: { functions: new Map([[functionArn, handler]]) },
    connectsPerSecondPerClientId: Number.POSITIVE_INFINITY,
  });
  context.after(() => emulator.stop());
  const client = newClient(emulator.control);
  context.after(() => client.destroy());
  const account = await openDeviceAccount({ region: 'eu-central-1', endpoint: emulator.control, environment: {} });
  context.after(() => account.close());
  activate = createActivation(
    {
      terms: { policyName: 'devices' },
      ...{ caCertificateIds: [], clientIdPolicy: 'equals-common-name', requiresClientId: true },
    },
    { registry: account.registry, check: { refusals: async () => [] }, log: silence },
  );
  const own = arn('client/').concat('$', '{iot:Connection.Thing.ThingName}');
  await client.send(
    new CreatePolicyCommand({ policyName: 'devices', policyDocument: policy(allow('iot:Connect', own)) }),
  );
  const registration = { certificateMode: 'SNI_ONLY', setAsActive: true, allowAutoRegistration: true } as const;
  await client.send(new RegisterCACertificateCommand({ caCertificate: deviceCa.certificate, ...registration }));
  const sql = "SELECT * FROM '$aws/events/certificates/registered/+'";
  const actions = [{ lambda: { functionArn } }];
  await client.send(new CreateTopicRuleCommand({ ruleName: 'jitr', topicRulePayload: { sql, actions } }));

  const meter = device('meter-7');
  const dial = () =>
    connect({
      ...{ protocol: 'mqtts', host: 'localhost', port: emulator.mqtts, ca: emulator.caPem, clientId: 'meter-7' },
      ...{ cert: meter.certificate, key: meter.key, reconnectPeriod: 0 },
    });
  const first = dial();
  first.on('error', silence);
  await new Promise<void>((resolve) => first.once('close', () => resolve()));
  assert.equal(first.connected, false);
  await activated.promise;
  assert.deepEqual(
    outcomes.map(({ outcome, thingName }) => [outcome, thingName]),
    [['activated', 'meter-7']],
  );
  const second: MqttClient = dial();
  await new Promise<void>((resolve, reject) => {
    second.once('connect', () => resolve());
    second.once('close', () => reject(new Error('the second CONNECT was not accepted')));
  });
  second.removeAllListeners('close');
  await second.endAsync();
});

test('the token authorizer admits who the gateway vouches for, with the rights of that device', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const statement = (name: string) => arn(name).concat('$', '{iot:Certificate.Subject.CommonName}');
  const template = PolicyTemplate.parse(
    policy(allow('iot:Connect', statement('client/')), allow('iot:Publish', statement('topic/dt/'))),
  );
  assert.ok(template.ok);
  const times = { disconnectAfterSeconds: 3_600, refreshAfterSeconds: 300 };
  const clock = { wallMs: () => startMs };
  const authorize = createTokenAuthorizer({ policies: [template.value], times }, { clock, log: silence });
  const desk = new AccountDesk({ functions: new Map([[functionArn, authorize as FunctionHandler]]) });
  desk.call('CreateAuthorizer', {
    ...{ authorizerName: 'crossfade', authorizerFunctionArn: functionArn, status: 'ACTIVE', tokenKeyName: 'token' },
    tokenSigningPublicKeys: { main: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
  });
  const usernameOf = (key: string, expiresMs = startMs + 60_000) => {
    const token = encodeAuthorizerToken({ kind: 'cn', key, clientId: 'meter-7', expiresMs });
    const signature = sign('sha256', Buffer.from(token), privateKey);
    return renderAuthorizerUsername({ username: '', authorizer: 'crossfade', tokenKeyName: 'token', token, signature });
  };
  const connection = { port: 'alpn', alpn: 'mqtt' } as const;
  const admission = await desk.admit(undefined, { connection, username: usernameOf('meter-7') });
  assert.ok(admission.admitted, JSON.stringify(admission));
  assert.equal(admission.client.allows('iot:Publish', 'dt/meter-7'), true);
  assert.equal(admission.client.allows('iot:Publish', 'dt/meter-8'), false);
  // Another device's key has no right to this client ID, and a token that has expired none at all.
  for (const username of [usernameOf('meter-8'), usernameOf('meter-7', startMs)]) {
    assert.equal((await desk.admit(undefined, { connection, username })).admitted, false);
  }
});

test('the validation and the certificate authorizer stand before a domain, in both encodings of the chain', async () => {
  const meter = device('meter-7');
  const revoked = device('meter-8');
  const trusted = loadTrustedAuthorities('test', [deviceCa.certificate]);
  const clock = { wallMs: () => Date.now() };
  const crl = Buffer.from(mintCrl({ issuer: deviceCa, revoked: [revoked.serialNumber] }));
  const options = { sources: ['crl'], refreshMs: 60_000 };
  const revocation = new RevocationSource(trusted, options, { read: async () => crl, clock });
  const check = new CertificateCheck({ trusted, tolerate: [], unknownStatus: 'refuse' }, { revocation, clock });
  const times = { disconnectAfterSeconds: 86_400, refreshAfterSeconds: 86_400 };
  const policyDocuments = [JSON.parse(policy(allow('iot:Connect', '*'), allow('iot:Publish', arn('topic/further'))))];
  const authorize = createCertificateAuthorizer(
    { policyDocuments, clientIdPolicy: 'equals-common-name', times },
    { check: { refusals: async () => [] }, log: silence },
  );
  const functions = new Map<string, FunctionHandler>([
    [`${functionArn}-validation`, createCertificateValidation({ check, log: silence }) as FunctionHandler],
    [`${functionArn}-authorizer`, authorize as FunctionHandler],
  ]);
  for (const callbackChain of ['pem', 'base64'] as const) {
    const desk = new AccountDesk({ functions }, { callbackChain });
    desk.call('CreateAuthorizer', {
      ...{ authorizerName: 'x509', authorizerFunctionArn: `${functionArn}-authorizer`, status: 'ACTIVE' },
      signingDisabled: true,
    });
    desk.call('CreateDomainConfiguration', {
      ...{ domainConfigurationName: 'fleet', domainName: 'mqtt.example.com' },
      ...{ authenticationType: 'CUSTOM_AUTH_X509', applicationProtocol: 'SECURE_MQTT' },
      authorizerConfig: { defaultAuthorizerName: 'x509' },
      clientCertificateConfig: { clientCertificateCallbackArn: `${functionArn}-validation` },
      serverCertificateArns: ['arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555'],
    });
    for (const each of [meter, revoked]) desk.addDevice(each);
    const connection = { serverName: 'mqtt.example.com', port: 'alpn' } as const;
    const admission = await desk.admit(meter, { connection });
    assert.ok(admission.admitted, JSON.stringify(admission));
    assert.equal(admission.client.allows('iot:Publish', 'further'), true);
    assert.equal((await desk.admit(meter, { connection, clientId: 'meter-9' })).admitted, false);
    assert.equal((await desk.admit(revoked, { connection, clientId: 'meter-8' })).admitted, false);
  }
});
