import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MintedCertificate, mintCertificate, mintCertificateAuthority } from '../tls/certificate-minting.ts';
import { activationFunction, devicePolicy } from './demo-activation.ts';

/** The name that the simulated devices know, in SNI and in the gateway's certificate. */
export const deviceDomain = 'mqtt.demo.example';
export const cohortName = 'fleet';
export const sourceBroker = 'legacy';
export const targetBroker = 'aws';

/** Who is who in the embedded world; minted at every start, gone with it. */
export interface DemoPki {
  readonly serverCa: MintedCertificate;
  readonly deviceCa: MintedCertificate;
  /** What the gateway mints with, for each device one that the target knows it by. */
  readonly gatewayCa: MintedCertificate;
  /** The device-facing listener. */
  readonly gatewayServer: MintedCertificate;
  readonly legacyServer: MintedCertificate;
}

export function mintDemoPki(): DemoPki {
  const serverCa = mintCertificateAuthority('Crossfade demo server CA');
  const gatewayCa = mintCertificateAuthority('Crossfade demo gateway CA', { key: 'rsa2048' });
  const server = (name: string) =>
    mintCertificate({
      subject: { commonName: name },
      dnsNames: [name],
      ipAddresses: ['127.0.0.1'],
      extendedKeyUsage: ['serverAuth'],
      issuer: serverCa,
    });
  return {
    serverCa,
    gatewayCa,
    deviceCa: mintCertificateAuthority('Crossfade demo device CA'),
    gatewayServer: server(deviceDomain),
    legacyServer: server('legacy.demo.example'),
  };
}

export interface DemoFiles {
  /** The configuration that the gateway runs with. */
  readonly configuration: string;
  /** The admin API's token; its role is operator. */
  readonly token: string;
}

/** Where the embedded brokers listen, on 127.0.0.1. */
export interface DemoBrokerAddresses {
  /** TCP ports. */
  readonly legacy: number;
  readonly aws: number;
  /** URL of the target's control plane. */
  readonly control: string;
  /** The target's name, in SNI. */
  readonly awsName: string;
  /** PEM of what the target's clients have to trust. */
  readonly awsCa: string;
}

/** Writes everything that the gateway reads into `directory`, which belongs to this demo alone. */
export function writeDemoFiles(directory: string, pki: DemoPki, brokers: DemoBrokerAddresses): DemoFiles {
  const token = randomBytes(24).toString('base64url');
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  write('server-ca.pem', pki.serverCa.certificate);
  write('device-ca.pem', pki.deviceCa.certificate);
  write('server.pem', pki.gatewayServer.certificate);
  write('server.key', pki.gatewayServer.key);
  write('gateway-ca.pem', pki.gatewayCa.certificate);
  write('gateway-ca.key', pki.gatewayCa.key);
  write('aws-ca.pem', brokers.awsCa);
  write('token', token);
  return { configuration: write('crossfade.yaml', renderDemoConfiguration(brokers)), token };
}

function renderDemoConfiguration({ legacy, aws, awsName, control }: DemoBrokerAddresses): string {
  return `version: 1
fleet:
  domain: ${deviceDomain}
  identity: [certificate.commonName, mqtt.clientId]
  salt: demo
  clientIdPolicy: equals-common-name
listeners:
  - name: devices
    bind: "127.0.0.1:0"
    tls:
      certificates: [{ cert: server.pem, key: server.key }]
      clientCertificates: required
      trustedCas: [device-ca.pem]
brokers:
  ${sourceBroker}:
    url: mqtts://127.0.0.1:${legacy}
    tls: { ca: server-ca.pem, servername: legacy.demo.example }
  ${targetBroker}:
    url: mqtts://127.0.0.1:${aws}
    profile: aws-iot-core
    tls: { ca: aws-ca.pem, servername: ${awsName} }
    identity: { mode: device-certificate, ca: { cert: gateway-ca.pem, key: gateway-ca.key } }
plan:
  default: ${sourceBroker}
  cohorts:
    - { name: ${cohortName}, match: { all: true }, source: ${sourceBroker}, target: ${targetBroker}, weightBps: 0 }
store: { kind: sqlite, path: crossfade.db }
admin:
  bind: "127.0.0.1:0"
  tokens: [{ name: demo, role: operator, token: "\${file:token}" }]
aws:
  region: eu-central-1
  endpoint: ${control}
  gatewayCa: { cert: gateway-ca.pem, jitr: { functionArn: "${activationFunction}" } }
  policies:
    - { name: ${devicePolicy}, publish: ["fleet/{clientId}/#"], subscribe: ["fleet/{clientId}/#"] }
workers: 2
log: { level: silent }
`;
}
