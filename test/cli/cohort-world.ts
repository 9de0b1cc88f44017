import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreatePolicyCommand,
  CreateThingTypeCommand,
  RegisterCACertificateCommand,
  RegisterCertificateCommand,
} from '@aws-sdk/client-iot';
import { stringify } from 'yaml';
import type { BeforeCall } from '../../src/emulator/control/call-faults.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { ControlWorld } from '../emulator/control-world.ts';
import { type Finished, makeDirectory, runInProcess } from './spawned-cli.ts';

export const gatewayCa = mintCertificateAuthority('Gateway CA', { key: 'rsa2048' });
export const deviceCa = mintCertificateAuthority('Device CA', { key: 'rsa2048' });
export const secret = 'a secret of thirty-two characters';

/** A cohort's file, a configuration, and an emulated account with both CAs, the policy and the thing type. */
export interface CohortWorld {
  readonly directory: string;
  readonly control: ControlWorld;
  readonly csv: string;
  /** Faults of the calls to come; `undefined`: none. */
  setFault(fault: BeforeCall | undefined): void;
  registerLine(...options: readonly string[]): readonly string[];
  register(...options: readonly string[]): Promise<Finished>;
  collect(...options: readonly string[]): Promise<Finished>;
  write(rows: readonly string[]): Promise<void>;
  /** Writes the configuration again, with more in its aws section. */
  configure(aws: Readonly<Record<string, unknown>>): Promise<void>;
  /** As another one would have, with thing and policy. */
  registerByApi(certificatePem: string, thingName: string): Promise<void>;
  state(certificateId: string): { readonly status: string; readonly things: unknown; readonly policies: unknown };
}

export async function openCohortWorld(
  context: TestContext,
  throttle?: Readonly<Record<string, number>>,
): Promise<CohortWorld> {
  const directory = await makeDirectory(context);
  let fault: BeforeCall | undefined;
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
  const control = await ControlWorld.start({
    clock,
    beforeCall: (operation, number) => fault?.(operation, number),
    ...(throttle === undefined ? {} : { throttle }),
  });
  context.after(() => control[Symbol.asyncDispose]());
  const { client, url, account } = control;
  for (const policyName of ['crossfade-device', 'other']) {
    await client.send(new CreatePolicyCommand({ policyName, policyDocument }));
  }
  await client.send(new CreateThingTypeCommand({ thingTypeName: 'crossfade-device' }));
  for (const { certificate: caCertificate } of [gatewayCa, deviceCa]) {
    const registration = { caCertificate, setAsActive: true, certificateMode: 'SNI_ONLY' } as const;
    await client.send(new RegisterCACertificateCommand(registration));
  }
  await writeFile(join(directory, 'ca.pem'), gatewayCa.certificate);
  await writeFile(join(directory, 'ca.key'), gatewayCa.key);
  const config = join(directory, 'crossfade.yaml');
  await writeFile(config, stringify(configuration));
  const csv = join(directory, 'wave.csv');
  const line = (verb: string, options: readonly string[]) => [
    ...['aws', verb, '--from', csv, '--config', config, '--endpoint', url],
    ...options,
  ];
  return {
    ...{ directory, control, csv },
    setFault(next) {
      fault = next;
    },
    registerLine: (...options) => line('register', options),
    register: (...options) => runInProcess(line('register', options)),
    collect: (...options) => runInProcess(line('collect', options)),
    write: (rows) => writeFile(csv, `${rows.join('\n')}\n`),
    configure: (aws) => writeFile(config, stringify({ ...configuration, aws: { ...configuration.aws, ...aws } })),
    async registerByApi(certificatePem, thingName) {
      const registration = new RegisterCertificateCommand({ certificatePem, status: 'ACTIVE' });
      const { certificateArn = '' } = await client.send(registration);
      await client.send(new AttachThingPrincipalCommand({ thingName, principal: certificateArn }));
      await client.send(new AttachPolicyCommand({ policyName: 'crossfade-device', target: certificateArn }));
    },
    state(certificateId) {
      const certificate = account.certificates.find(certificateId);
      assert.ok(certificate !== undefined, `${certificateId} is not registered`);
      const { arn, status } = certificate;
      return { status, things: account.thingPrincipals.leftsOf(arn), policies: account.policyTargets.leftsOf(arn) };
    },
  };
}

const policyDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
});

const configuration = {
  version: 1,
  fleet: { domain: 'mqtt.example.com', identity: ['certificate.commonName', 'mqtt.clientId'], salt: 'demo' },
  listeners: [{ name: 'plain', bind: '127.0.0.1:1883' }],
  brokers: {
    legacy: { url: 'mqtt://127.0.0.1:1884' },
    aws: {
      url: 'mqtts://example-ats.iot.eu-west-1.amazonaws.com:8883',
      profile: 'aws-iot-core',
      identity: {
        mode: 'device-certificate',
        vouchUnverified: true,
        ca: { cert: 'ca.pem', key: 'ca.key' },
        certificates: { secret },
      },
    },
  },
  plan: {
    default: 'legacy',
    cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 0 }],
  },
  admin: { tokens: [{ name: 'ops', role: 'operator', token: 'token' }] },
  aws: { region: 'eu-west-1', thingType: {}, gatewayCa: { cert: 'ca.pem' } },
};
