import { createHash, type KeyObject } from 'node:crypto';
import { certificateExtensions, type ExtensionValues } from './certificate-extensions.ts';
import { readSubjectPublicKeyBits } from './certificate-structure.ts';
import {
  type DerNode,
  embedded,
  explicitTag,
  objectIdentifier,
  sequence,
  setOf,
  time,
  unsignedInteger,
  utf8String,
} from './der-writing.ts';

export interface CertificateSubject {
  /** One or several; a certificate without any is possible too. */
  readonly commonName?: string | readonly string[];
  readonly organization?: string;
  readonly organizationalUnits?: readonly string[];
}

export interface CertificateBody {
  /** Unsigned hexadecimal. */
  readonly serialNumber: string;
  /** AlgorithmIdentifier of the signature to come. */
  readonly algorithm: DerNode;
  /** DER. */
  readonly issuerName: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER. */
  readonly subjectName: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: Omit<ExtensionValues, 'subjectKeyIdentifier'>;
}

/** `TBSCertificate`, version 3 (RFC 5280 §4.1): a function of its parts and of nothing else. */
export function certificateBody(body: CertificateBody): DerNode {
  return sequence(
    explicitTag(0, unsignedInteger('02')),
    unsignedInteger(body.serialNumber),
    body.algorithm,
    embedded(body.issuerName),
    sequence(time(body.notBefore), time(body.notAfter)),
    embedded(body.subjectName),
    embedded(body.publicKey.export({ type: 'spki', format: 'der' })),
    explicitTag(
      3,
      certificateExtensions({ ...body.extensions, subjectKeyIdentifier: subjectKeyIdentifier(body.publicKey) }),
    ),
  );
}

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2, method 1). */
export function subjectKeyIdentifier(publicKey: KeyObject): Buffer {
  const info = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha1').update(readSubjectPublicKeyBits(info)).digest();
}

export function distinguishedName({
  commonName = [],
  organization,
  organizationalUnits = [],
}: CertificateSubject): DerNode {
  return sequence(
    ...(organization === undefined ? [] : [attribute('2.5.4.10', organization)]),
    ...organizationalUnits.map((unit) => attribute('2.5.4.11', unit)),
    ...(typeof commonName === 'string' ? [commonName] : commonName).map((name) => attribute('2.5.4.3', name)),
  );
}

function attribute(type: string, value: string): DerNode {
  return setOf(sequence(objectIdentifier(type), utf8String(value)));
}
