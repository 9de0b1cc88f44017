import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import {
  type CertificateSubject,
  certificateBody,
  distinguishedName,
  subjectKeyIdentifier,
} from './certificate-body.ts';
import type { ExtendedKeyUsage } from './certificate-extensions.ts';
import { readCertificateStructure } from './certificate-structure.ts';
import { type SignatureHash, signatureAlgorithm, signedStructure } from './der-signing.ts';
import { encodeDer } from './der-writing.ts';

export type { CertificateSubject } from './certificate-body.ts';
export type { ExtendedKeyUsage } from './certificate-extensions.ts';
export type { SignatureHash } from './der-signing.ts';

/** `ec` is P-256; the others are RSA with that many bits (1024 only to stand in for old fleets). */
export type MintedKeyKind = 'ec' | 'rsa1024' | 'rsa2048';

export interface CertificateRequest {
  readonly subject: CertificateSubject;
  /** A kind to make a new key, or the subject's own key pair. Default: a new P-256 key. */
  readonly key?: MintedKeyKind | { readonly privateKey: KeyObject };
  /** Default: one hour ago. */
  readonly notBefore?: Date;
  /** Default: a year from now, a CA's ten years. */
  readonly notAfter?: Date;
  /** Unsigned hexadecimal; default: 16 random bytes. */
  readonly serialNumber?: string;
  /** The hash that the issuer signs with. Default: sha256. */
  readonly signatureHash?: SignatureHash;
  /** Absent or empty: no extended key usage extension at all. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[];
  readonly dnsNames?: readonly string[];
  /** IPv4 literals. */
  readonly ipAddresses?: readonly string[];
  /** A CA's bound on the CAs below it; absent: none. */
  readonly pathLength?: number;
  /** Absent: self-signed. */
  readonly issuer?: CertificateIssuer;
}

/** What signs: a CA's key and the two things of its certificate that its children repeat. */
export interface CertificateIssuer {
  readonly privateKey: KeyObject;
  /** DER of its distinguished name. */
  readonly subjectName: Buffer;
  readonly publicKey: KeyObject;
}

export interface MintedCertificate extends CertificateIssuer {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** Lower-case hexadecimal, no leading zeros. */
  readonly serialNumber: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A CA: self-signed, or an intermediate when `issuer` is given. */
export function mintCertificateAuthority(
  commonName: string,
  request: Omit<CertificateRequest, 'subject'> & { readonly subject?: CertificateSubject } = {},
): MintedCertificate {
  const notAfter = request.notAfter ?? new Date(Date.now() + 3650 * dayMs);
  return mint({ subject: { commonName }, ...request, notAfter }, true);
}

/** An end-entity certificate: a device's, a server's, a gateway's. */
export function mintCertificate(request: CertificateRequest): MintedCertificate {
  return mint(request, false);
}

/** A CA from its files, so that it can sign. */
export function loadCertificateIssuer(certificatePem: string, privateKey: KeyObject): CertificateIssuer {
  const certificate = new X509Certificate(certificatePem);
  return {
    privateKey,
    publicKey: certificate.publicKey,
    subjectName: Buffer.from(readCertificateStructure(certificate.raw).subject),
  };
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function mint(request: CertificateRequest, isAuthority: boolean): MintedCertificate {
  const keys = keyPair(request.key ?? 'ec');
  const subjectName = encodeDer(distinguishedName(request.subject));
  const issuer = request.issuer ?? { ...keys, subjectName };
  const serialNumber = (request.serialNumber ?? randomSerialNumber()).toLowerCase().replace(/^0+(?=.)/, '');
  const hash = request.signatureHash ?? 'sha256';
  const toBeSigned = certificateBody({
    serialNumber,
    algorithm: signatureAlgorithm(issuer.privateKey, hash),
    issuerName: issuer.subjectName,
    notBefore: request.notBefore ?? new Date(Date.now() - hourMs),
    notAfter: request.notAfter ?? new Date(Date.now() + 365 * dayMs),
    subjectName,
    publicKey: keys.publicKey,
    extensions: {
      isAuthority,
      ...(request.pathLength === undefined ? {} : { pathLength: request.pathLength }),
      authorityKeyIdentifier: subjectKeyIdentifier(issuer.publicKey),
      extendedKeyUsage: request.extendedKeyUsage ?? [],
      dnsNames: request.dnsNames ?? [],
      ipAddresses: request.ipAddresses ?? [],
    },
  });
  return {
    ...keys,
    subjectName,
    serialNumber,
    certificate: toPem('CERTIFICATE', signedStructure(toBeSigned, issuer.privateKey, hash)),
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function keyPair(key: MintedKeyKind | { readonly privateKey: KeyObject }): {
  privateKey: KeyObject;
  publicKey: KeyObject;
} {
  if (typeof key === 'object') return { privateKey: key.privateKey, publicKey: createPublicKey(key.privateKey) };
  if (key === 'ec') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: key === 'rsa1024' ? 1024 : 2048 });
}

/** Positive and never zero: the top bit is cleared, the next one set (RFC 5280 §4.1.2.2). */
function randomSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
