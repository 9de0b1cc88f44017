import { hash, type KeyObject, verify } from 'node:crypto';
import { certificateBody, distinguishedName, subjectKeyIdentifier } from './certificate-body.ts';
import type { CertificateEpoch } from './certificate-epoch.ts';
import { toPem } from './certificate-minting.ts';
import type { MintingAuthority } from './certificate-signer.ts';
import { readCertificateStructure } from './certificate-structure.ts';
import { type CertifiedDevice, deviceCommonName, identityUri } from './certified-device.ts';
import { signatureAlgorithm, withSignature } from './der-signing.ts';
import { encodeDer } from './der-writing.ts';
import { deriveDeviceKeyPair, deriveSerialNumber } from './device-key-pair.ts';

export interface DeviceCertificateRequest {
  readonly device: CertifiedDevice;
  readonly epoch: CertificateEpoch;
  /** Further identities for its subject alternative names; each combination is a certificate of its own. */
  readonly alternativeNames: readonly CertifiedDevice[];
}

export interface DeviceCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** Lower-case hexadecimal SHA-256 of the DER: the certificate ID at AWS IoT Core. */
  readonly fingerprint: string;
  /** Milliseconds since the Unix epoch: when the device's next certificate takes its place. */
  readonly endsMs: number;
}

/** What is signed to make a secret of the CA's key; no TBSCertificate begins like this. */
const secretLabel = Buffer.from('crossfade:device-identity-secret:v1');

/**
 * Mints devices' certificates: functions of the CA, the secret, the device key and its epoch, and of nothing else. Whoever
 * has the same CA and secret mints the same bytes.
 */
export class DeviceCertificateMint {
  readonly #authority: MintingAuthority;
  readonly #issuerName: Buffer;
  readonly #issuerKey: KeyObject;
  readonly #issuerKeyIdentifier: Buffer;
  #secret: Promise<Buffer> | undefined;

  /** `secret`: absent, a signature by the CA's key stands in for it, which nobody without that key can make. */
  constructor(authority: MintingAuthority, secret?: string) {
    this.#authority = authority;
    this.#issuerName = Buffer.from(readCertificateStructure(authority.certificate.raw).subject);
    this.#issuerKey = authority.certificate.publicKey;
    this.#issuerKeyIdentifier = subjectKeyIdentifier(this.#issuerKey);
    if (secret !== undefined) this.#secret = Promise.resolve(Buffer.from(secret, 'utf8'));
  }

  /** Rejects when the signer fails, or when what it gives is not the CA's signature. */
  async mint({ device, epoch, alternativeNames }: DeviceCertificateRequest): Promise<DeviceCertificate> {
    const secret = await this.#loadSecret();
    const keys = deriveDeviceKeyPair(secret, device);
    const names = [...new Set([device, ...alternativeNames].map(identityUri))];
    const algorithm = signatureAlgorithm(this.#issuerKey, 'sha256');
    const body = certificateBody({
      serialNumber: deriveSerialNumber(secret, device, { epoch: epoch.number, names }),
      algorithm,
      issuerName: this.#issuerName,
      notBefore: epoch.notBefore,
      notAfter: epoch.notAfter,
      subjectName: encodeDer(distinguishedName({ commonName: deviceCommonName(device) })),
      publicKey: keys.publicKey,
      extensions: {
        isAuthority: false,
        authorityKeyIdentifier: this.#issuerKeyIdentifier,
        extendedKeyUsage: ['clientAuth'],
        dnsNames: [],
        ipAddresses: [],
        uris: names,
      },
    });
    const der = withSignature(body, algorithm, await this.#sign(encodeDer(body)));
    return {
      certificate: toPem('CERTIFICATE', der) + this.#authority.chain,
      key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      fingerprint: hash('sha256', der),
      endsMs: epoch.endsMs,
    };
  }

  #loadSecret(): Promise<Buffer> {
    this.#secret ??= this.#sign(secretLabel).catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    return this.#secret;
  }

  /** A signer behind a network may be set to another key or padding; its word is not taken for it. */
  async #sign(bytes: Buffer): Promise<Buffer> {
    const signature = await this.#authority.signer.sign(bytes);
    if (verify('sha256', bytes, this.#issuerKey, signature)) return signature;
    throw new Error('the signer gave no PKCS#1 v1.5 signature by the key of the CA certificate');
  }
}
