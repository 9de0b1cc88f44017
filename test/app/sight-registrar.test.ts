import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CreatePolicyCommand, RegisterCACertificateCommand } from '@aws-sdk/client-iot';
import { createSightRegistrar } from '../../src/app/sight-registrar.ts';
import type { ConfigurationSource } from '../../src/config/configuration-source.ts';
import type { Configuration } from '../../src/config/configuration.ts';
import { awsSchema } from '../../src/config/schema/aws-schema.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { certificateId } from '../emulator/account-desk.ts';
import { ControlWorld, device, deviceCa } from '../emulator/control-world.ts';

const policyDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }],
});

async function open(
  context: TestContext,
  choice: { readonly gatewayCa?: boolean; readonly register?: 'jitr'; readonly account?: string } = {},
) {
  const called: string[] = [];
  const world = await ControlWorld.start({
    beforeCall: (operation) => {
      called.push(operation);
      return undefined;
    },
  });
  context.after(() => world[Symbol.asyncDispose]());
  const gatewayCa = choice.gatewayCa === true ? { gatewayCa: { cert: 'ca.pem' } } : {};
  const account = choice.account === undefined ? {} : { account: choice.account };
  const aws = awsSchema.parse({ region: 'eu-central-1', endpoint: world.url, ...gatewayCa, ...account });
  const identity = {
    ...{ mode: 'device-certificate', vouchUnverified: false, register: choice.register ?? 'on-sight' },
    firstContact: { registrationsPerSecond: 300 },
  };
  const configuration = { aws, workers: 2, brokers: { aws: { name: 'aws', identity } } } as unknown as Configuration;
  const logged: string[] = [];
  const log = createLogger({ level: 'warn', component: 'test' }, { write: (line) => logged.push(line) });
  const registrar = createSightRegistrar(configuration, { environment: {}, source, log });
  const request = (broker = 'aws') => ({
    ...{ broker, certificate: meter.certificate, device: { kind: 'cn', key: 'meter-7' } as const },
    clientId: 'meter-7',
  });
  return { world, called, logged, registrar, request };
}

/** Every file is the CA. */
const source: ConfigurationSource = {
  variable: () => undefined,
  cores: 1,
  readFile: () => ({ ok: true, value: Buffer.from(deviceCa.certificate) }),
};

const meter = device('meter-7');

test('a device is registered on sight with the policy of the aws section, with its CA or without', async (context) => {
  for (const gatewayCa of [true, false]) {
    const { world, called, registrar, request } = await open(context, { gatewayCa });
    assert.ok(registrar !== undefined);
    await world.client.send(new CreatePolicyCommand({ policyName: 'crossfade-device', policyDocument }));
    const registration = { certificateMode: 'SNI_ONLY', setAsActive: true } as const;
    if (gatewayCa) {
      await world.client.send(
        new RegisterCACertificateCommand({ caCertificate: deviceCa.certificate, ...registration }),
      );
    }
    assert.equal(await registrar.register(request()), 'registered');
    assert.equal(await registrar.register(request()), 'already');
    assert.ok(called.includes(gatewayCa ? 'RegisterCertificate' : 'RegisterCertificateWithoutCA'));
    const { arn, status } = world.account.certificates.get(certificateId(meter));
    assert.equal(status, 'ACTIVE');
    assert.deepEqual(world.account.policyTargets.leftsOf(arn), ['crossfade-device']);
    assert.equal(await registrar.register(request('another')), 'throttled');
  }
});

test('what the account lacks is told, and no device is given up for it; what AWS does not take is refused', async (context) => {
  const { logged, registrar, request } = await open(context);
  assert.ok(registrar !== undefined);
  assert.equal(await registrar.register(request()), 'throttled');
  assert.match(logged[0] ?? '', /"reason":"missing-resource".*AttachPolicy/);
  assert.equal(await registrar.register({ ...request(), certificate: 'none' }), 'refused');
});

test('a CA that was renewed with its name and key is told apart by its certificate', async (context) => {
  const renewed = mintCertificateAuthority('Fleet CA', { key: { privateKey: deviceCa.privateKey } });
  const { world, registrar, request } = await open(context, { gatewayCa: true });
  await world.client.send(new CreatePolicyCommand({ policyName: 'crossfade-device', policyDocument }));
  for (const { certificate: caCertificate } of [deviceCa, renewed]) {
    const registration = { caCertificate, certificateMode: 'SNI_ONLY', setAsActive: true } as const;
    await world.client.send(new RegisterCACertificateCommand(registration));
  }
  assert.equal(await registrar?.register(request()), 'registered');
});

test('in another account than the configured one nothing is registered', async (context) => {
  const { world, called, logged, registrar, request } = await open(context, { account: '210987654321' });
  await world.client.send(new CreatePolicyCommand({ policyName: 'crossfade-device', policyDocument }));
  called.length = 0;
  assert.equal(await registrar?.register(request()), 'throttled');
  assert.deepEqual(called, ['GetPolicy']);
  assert.match(logged[0] ?? '', /for account \d{12}, and aws\.account is 210987654321/);
});

test('where no broker wants it there is none', async (context) => {
  assert.equal((await open(context, { register: 'jitr' })).registrar, undefined);
});
