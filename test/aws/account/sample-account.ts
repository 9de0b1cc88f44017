import { generateKeyPairSync } from 'node:crypto';
import type { AccountDescription } from '../../../src/aws/account/account-description.ts';
import type { PlanTerms } from '../../../src/aws/account/account-plan.ts';
import { policyDocument } from '../../../src/aws/account/policy-document.ts';
import { provisioningTemplate } from '../../../src/aws/account/provisioning-template.ts';
import { mintCertificateAuthority } from '../../../src/tls/certificate-minting.ts';

export const accountId = '123456789012';
export const region = 'eu-west-1';

/** Made once: keys take a moment. */
export const deviceCa = mintCertificateAuthority('Fleet CA', { key: 'rsa2048' });
export const gatewayCa = mintCertificateAuthority('Gateway CA', { key: 'rsa2048' });
const tokenKey = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ type: 'spki', format: 'pem' });

const functionArn = (name: string) => `arn:aws:lambda:${region}:${accountId}:function:${name}`;
const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`;

/** A description with one of everything: both modes of a CA, JITR and JITP, every kind of resource. */
export function sampleDescription(change: Partial<AccountDescription> = {}): AccountDescription {
  const rights = {
    connect: 'clientIdIsCommonName',
    publish: ['dt/{clientId}/#'],
    subscribe: [],
    retain: true,
  } as const;
  return {
    fleet: 'mqtt.example.com',
    prefix: 'crossfade',
    authorities: [
      {
        name: 'devices',
        certificate: deviceCa.certificate,
        mode: 'DEFAULT',
        isActive: true,
        proof: { key: deviceCa.key },
        registration: {
          by: 'template',
          roleArn: roleArn('jitp'),
          templateBody: provisioningTemplate({ policyName: 'crossfade-device', thingTypeName: 'crossfade-device' }),
        },
      },
      {
        name: 'gateway',
        certificate: gatewayCa.certificate,
        mode: 'SNI_ONLY',
        isActive: true,
        registration: { by: 'function', ruleName: 'crossfade_jitr_gateway', functionArn: functionArn('jitr') },
      },
    ],
    policies: [{ name: 'crossfade-device', document: policyDocument(rights, { region, account: accountId }) }],
    thingType: {
      name: 'crossfade-device',
      description: 'A meter',
      searchableAttributes: ['site', 'batch'],
      propagatingAttributes: [
        { userPropertyKey: 'site', thingAttribute: 'site' },
        { userPropertyKey: 'clientId', connectionAttribute: 'iot:ClientId' },
      ],
    },
    authorizers: [
      {
        name: 'crossfade-token',
        functionArn: functionArn('authorizer'),
        isActive: true,
        signing: { tokenKeyName: 'token', publicKeys: { first: tokenKey } },
      },
    ],
    domain: {
      name: 'crossfade-mqtt.example.com',
      domainName: 'mqtt.example.com',
      serverCertificateArn: `arn:aws:acm:${region}:${accountId}:certificate/11111111-2222-3333-4444-555555555555`,
      tlsPolicy: 'IoTSecurityPolicy_TLS13_1_2_2022_10',
      authenticationType: 'CUSTOM_AUTH_X509',
      applicationProtocol: 'SECURE_MQTT',
      authorizer: { name: 'crossfade-token', allowOverride: false },
      clientCertificateCallbackArn: functionArn('validation'),
    },
    safetyNet: {
      name: 'crossfade_safety_net',
      filter: '#',
      bucket: 'example-fleet-messages',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a substitution template of AWS's rules engine
      key: '${topic()}/${timestamp()}-${newuuid()}',
      roleArn: roleArn('safety-net'),
      isEnabled: true,
      errors: { logGroup: '/crossfade/safety-net', roleArn: roleArn('safety-net') },
    },
    logging: { roleArn: roleArn('logging'), level: 'ERROR' },
    ...change,
  };
}

export const terms: PlanTerms = { fleet: 'mqtt.example.com', prefix: 'crossfade', adopt: false };
