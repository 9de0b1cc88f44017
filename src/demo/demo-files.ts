import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MintedCertificate, mintCertificate, mintCertificateAuthority } from '../tls/certificate-minting.ts';

/** The name that the simulated devices know, in SNI and in the gateway's certificate. */
export const deviceDomain = 'mqtt.demo.example';
export const cohortName = 'fleet';
export const sourceBroker = 'legacy';
export const targetBroker = 'aws';

/** Who is who in the embedded world; minted at every start, gone with it. */
export interface DemoPki {
  readonly serverCa: MintedCertificate;
  readonly deviceCa: MintedCertificate;
  readonly gatewayCa: MintedCertificate;
  /** The device-facing listener. */
  readonly gatewayServer: MintedCertificate;
  /** What the gateway shows to the target broker. */
  readonly gatewayClient: MintedCertificate;
  readonly brokerServers: Readonly<Record<typeof sourceBroker | typeof targetBroker, MintedCertificate>>;
}

export function mintDemoPki(): DemoPki {
  const serverCa = mintCertificateAuthority('Crossfade demo server CA');
  const gatewayCa = mintCertificateAuthority('Crossfade demo gateway CA');
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
    gatewayClient: mintCertificate({
      subject: { commonName: 'crossfade-demo-gateway' },
      extendedKeyUsage: ['clientAuth'],
      issuer: gatewayCa,
    }),
    brokerServers: { legacy: server('legacy.demo.example'), aws: server('aws.demo.example') },
  };
}

export interface DemoFiles {
  /** The configuration that the gateway runs with. */
  readonly configuration: string;
  /** The admin API's token; its role is operator. */
  readonly token: string;
}

/** Writes everything that the gateway reads into `directory`, which belongs to this demo alone. */
export function writeDemoFiles(
  directory: string,
  pki: DemoPki,
  brokerPorts: Readonly<Record<typeof sourceBroker | typeof targetBroker, number>>,
): DemoFiles {
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
  write('gateway.pem', pki.gatewayClient.certificate);
  write('gateway.key', pki.gatewayClient.key);
  write('token', token);
  return { configuration: write('crossfade.yaml', renderDemoConfiguration(brokerPorts)), token };
}

function renderDemoConfiguration({ legacy, aws }: { readonly legacy: number; readonly aws: number }): string {
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
    tls: { ca: server-ca.pem, servername: aws.demo.example }
    identity: { mode: gateway-certificate, cert: gateway.pem, key: gateway.key }
plan:
  default: ${sourceBroker}
  cohorts:
    - { name: ${cohortName}, match: { all: true }, source: ${sourceBroker}, target: ${targetBroker}, weightBps: 0 }
store: { kind: sqlite, path: crossfade.db }
admin:
  bind: "127.0.0.1:0"
  tokens: [{ name: demo, role: operator, token: "\${file:token}" }]
workers: 2
log: { level: silent }
`;
}
