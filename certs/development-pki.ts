import { randomBytes } from 'node:crypto';
import {
  type CertificateIssuer,
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../src/tls/certificate-minting.ts';
import { mintCrl } from '../src/tls/crl-minting.ts';

export interface DevelopmentPkiOptions {
  /** The domain that the devices use; the server certificate also names `*.domain`, localhost and 127.0.0.1. */
  readonly domain: string;
  /** How many device certificates to make: `device-000001` and so on. */
  readonly devices: number;
}

/** A file's name and its content; `secret` ones are written for their owner only. */
export interface PkiFile {
  readonly name: string;
  readonly content: string;
  readonly secret: boolean;
}

/** Everything that the example configurations name. New keys at every call; nothing here is fit for production. */
export function developmentPki({ domain, devices }: DevelopmentPkiOptions): PkiFile[] {
  const deviceCa = mintCertificateAuthority('Development device CA');
  const revoked = mintDevice('device-revoked', deviceCa);
  return [
    ...serverFiles(domain),
    ...filePair('device-ca', deviceCa),
    plain('device-ca.crl', mintCrl({ issuer: deviceCa, revoked: [revoked.serialNumber] })),
    ...deviceFiles(devices, deviceCa),
    ...filePair('device-revoked', revoked),
    ...brokerFiles(),
    secret('ticket.secret', `${randomBytes(32).toString('hex')}\n`),
  ];
}

function serverFiles(domain: string): PkiFile[] {
  const serverCa = mintCertificateAuthority('Development server CA');
  const server = mintCertificate({
    subject: { commonName: domain },
    dnsNames: [domain, `*.${domain}`, 'localhost'],
    ipAddresses: ['127.0.0.1'],
    extendedKeyUsage: ['serverAuth'],
    issuer: serverCa,
  });
  return [plain('server-ca.pem', serverCa.certificate), ...filePair('server', server)];
}

function deviceFiles(count: number, issuer: CertificateIssuer): PkiFile[] {
  return Array.from({ length: count }, (_, index) => `device-${String(index + 1).padStart(6, '0')}`).flatMap((name) =>
    filePair(name, mintDevice(name, issuer)),
  );
}

/** The legacy broker's and the AWS stand-in's trust, and what the gateway shows to either. */
function brokerFiles(): PkiFile[] {
  const legacyCa = mintCertificateAuthority('Development legacy broker CA');
  const legacy = mintCertificate({
    subject: { commonName: 'broker.internal' },
    dnsNames: ['broker.internal', 'localhost'],
    ipAddresses: ['127.0.0.1'],
    extendedKeyUsage: ['serverAuth'],
    issuer: legacyCa,
  });
  const amazonCa = mintCertificateAuthority('Development stand-in for Amazon Root CA 1');
  const gatewayCa = mintCertificateAuthority('Development gateway CA', { key: 'rsa2048' });
  const gateway = mintCertificate({
    subject: { commonName: 'gateway' },
    extendedKeyUsage: ['clientAuth'],
    issuer: gatewayCa,
  });
  return [
    plain('legacy-ca.pem', legacyCa.certificate),
    ...filePair('legacy-server', legacy),
    ...filePair('amazon-root-ca1', amazonCa),
    ...filePair('gateway-ca', gatewayCa),
    ...filePair('gateway', gateway),
  ];
}

function mintDevice(commonName: string, issuer: CertificateIssuer): MintedCertificate {
  return mintCertificate({ subject: { commonName }, extendedKeyUsage: ['clientAuth'], issuer });
}

function filePair(name: string, { certificate, key }: MintedCertificate): PkiFile[] {
  return [plain(`${name}.pem`, certificate), secret(`${name}.key`, key)];
}

function plain(name: string, content: string): PkiFile {
  return { name, content, secret: false };
}

function secret(name: string, content: string): PkiFile {
  return { name, content, secret: true };
}
