import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { errorMessage } from '../../base/errors.ts';
import { certificateBody, distinguishedName, subjectKeyIdentifier } from '../../tls/certificate-body.ts';
import { toPem } from '../../tls/certificate-minting.ts';
import { DerReader, derTag } from '../../tls/der-reader.ts';
import { signatureAlgorithm, signedStructure } from '../../tls/der-signing.ts';
import { encodeDer } from '../../tls/der-writing.ts';
import { pemBlocks } from '../../tls/pem.ts';
import { isSupportedKey } from './certificate-facts.ts';
import { invalidRequest } from './refusal.ts';

/** A device's key pair as the API hands it out, PEM. */
export interface IssuedKeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** The service's own CA, which signs what CreateCertificateFromCsr and CreateKeysAndCertificate answer. */
export interface CertificateIssuance {
  /** PEM; `subjectName` is DER. Valid from `wallMs` through 2049, as the service's are. */
  issue(subject: { readonly subjectName: Buffer; readonly publicKey: KeyObject }, wallMs: number): string;
  newKeyPair(): IssuedKeyPair;
}

/** `random` gives so many octets as hexadecimal. */
export function createCertificateIssuance(random: (octets: number) => string): CertificateIssuance {
  let keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } | undefined;
  return {
    issue({ subjectName, publicKey }, wallMs) {
      keys ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
      const body = certificateBody({
        serialNumber: `4${random(16).slice(1)}`,
        algorithm: signatureAlgorithm(keys.privateKey, 'sha256'),
        issuerName: encodeDer(issuerName),
        notBefore: new Date(wallMs - clockLeniencyMs),
        notAfter: new Date(Date.UTC(2049, 11, 31, 23, 59, 59)),
        ...{ subjectName, publicKey },
        extensions: {
          ...{ isAuthority: false, extendedKeyUsage: [], dnsNames: [], ipAddresses: [] },
          authorityKeyIdentifier: subjectKeyIdentifier(keys.publicKey),
        },
      });
      return toPem('CERTIFICATE', signedStructure(body, keys.privateKey, 'sha256'));
    },
    newKeyPair: () =>
      generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      }),
  };
}

/** The subject of a certificate that nobody named: `CN=AWS IoT Certificate`. */
export function usualSubjectName(): Buffer {
  return encodeDer(distinguishedName({ commonName: 'AWS IoT Certificate' }));
}

/** A PKCS#10 request's subject (DER) and key, its signature checked (RFC 2986 §4); throws InvalidRequestException. */
export function readCertificateRequest(pem: string): { readonly subjectName: Buffer; readonly publicKey: KeyObject } {
  const [der] = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'].flatMap((label) => pemBlocks(pem, label));
  if (der === undefined) throw invalidRequest('The certificate signing request is not PEM');
  try {
    const outer = new DerReader(der).next(derTag.sequence).inside();
    const signed = outer.next(derTag.sequence).element();
    const info = outer.inside();
    info.next(derTag.integer);
    const subjectName = Buffer.from(info.next(derTag.sequence).element());
    const publicKey = createPublicKey({
      key: Buffer.from(info.next(derTag.sequence).element()),
      format: 'der',
      type: 'spki',
    });
    const algorithm = outer.next(derTag.sequence).inside().next(derTag.objectIdentifier).content();
    const digest = digestByAlgorithm.get(Buffer.from(algorithm).toString('hex'));
    const signature = outer.next(derTag.bitString).content().subarray(1);
    if (digest !== undefined && isSupportedKey(publicKey) && verify(digest, signed, publicKey, signature)) {
      return { subjectName, publicKey };
    }
  } catch (error) {
    throw invalidRequest(`The certificate signing request cannot be read: ${errorMessage(error)}`);
  }
  throw invalidRequest('The certificate signing request has a weak key, or its signature does not verify');
}

const clockLeniencyMs = 120_000;
const issuerName = distinguishedName({
  organization: 'Amazon.com Inc.',
  organizationalUnits: ['Amazon Web Services'],
});

/** RSA and ECDSA with SHA-256, SHA-384 and SHA-512, by the DER of their object identifiers. */
const digestByAlgorithm: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
]);
