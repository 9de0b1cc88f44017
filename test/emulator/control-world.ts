import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { IoTClient } from '@aws-sdk/client-iot';
import type { Account } from '../../src/emulator/account/account.ts';
import { type NewAccountOptions, newAccount } from '../../src/emulator/account/new-account.ts';
import { type ControlPlaneOptions, startControlPlane } from '../../src/emulator/control/control-plane.ts';
import {
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
  toPem,
} from '../../src/tls/certificate-minting.ts';

export const startMs = Date.UTC(2026, 10, 23, 12);

/** A control plane on loopback with a clock that the test sets, and the SDK's client in front of it. */
export class ControlWorld implements AsyncDisposable {
  readonly account: Account;
  readonly client: IoTClient;
  readonly url: string;
  readonly #time: { nowMs: number };
  readonly #close: () => Promise<void>;

  private constructor(parts: { account: Account; url: string; time: { nowMs: number }; close: () => Promise<void> }) {
    this.account = parts.account;
    this.url = parts.url;
    this.#time = parts.time;
    this.#close = parts.close;
    this.client = newClient(parts.url);
  }

  static async start(
    options: { account?: NewAccountOptions } & Omit<Partial<ControlPlaneOptions>, 'account'> = {},
  ): Promise<ControlWorld> {
    const time = { nowMs: startMs };
    const account = newAccount(options.account ?? {}, startMs);
    const clock = { monotonicMs: () => time.nowMs, wallMs: () => time.nowMs };
    const plane = await startControlPlane({ host: '127.0.0.1', port: 0 }, { clock, ...options, account });
    return new ControlWorld({ account, url: plane.url, time, close: () => plane.close() });
  }

  passMs(ms: number): void {
    this.#time.nowMs += ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.#close();
  }
}

/** One attempt a call, so that a test sees each answer. */
export function newClient(endpoint: string): IoTClient {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' };
  return new IoTClient({ endpoint, region: 'eu-central-1', credentials, maxAttempts: 1 });
}

export const deviceCa = mintCertificateAuthority('Fleet CA', { key: 'rsa2048' });

export function device(commonName = 'meter-7', issuer: MintedCertificate = deviceCa): MintedCertificate {
  return mintCertificate({ subject: { commonName }, extendedKeyUsage: ['clientAuth'], issuer });
}

/** The certificate that shows that the caller has the CA's key. */
export function verification(code: string, issuer: MintedCertificate = deviceCa): string {
  return mintCertificate({ subject: { commonName: code }, issuer }).certificate;
}

export const tokenKeys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

export const allowAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
});

/** The certificate with another algorithm of its key than there is: it is read, its key is not. */
export function withUnknownKey(certificate: string): string {
  const der = Buffer.from(new X509Certificate(certificate).raw);
  const ecPublicKey = Buffer.from('2a8648ce3d0201', 'hex');
  der[der.indexOf(ecPublicKey) + ecPublicKey.length - 1] = 0x7f;
  return toPem('CERTIFICATE', der);
}
