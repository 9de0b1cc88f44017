import { DerError, DerReader, derTag, hexadecimal, integerHex, latin1, readTime } from './der-reader.ts';

/** What a certificate's DER says (RFC 5280 §4.1); names stay DER, so that comparing them is comparing bytes. */
export interface CertificateStructure {
  /** Lower-case hexadecimal, no leading zeros. */
  readonly serialNumber: string;
  /** Lower-case hex of the object identifier's content. */
  readonly signatureAlgorithm: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  readonly isAuthority: boolean;
  /** Lower-case hex of the object identifiers; absent: no such extension, every usage is allowed. */
  readonly extendedKeyUsage?: readonly string[];
}

/** Reads a certificate that a TLS library has accepted as well formed; throws DerError on anything else. */
export function readCertificateStructure(der: Uint8Array): CertificateStructure {
  const outer = new DerReader(der).next(derTag.sequence).inside();
  const body = outer.next(derTag.sequence).inside();
  body.skipIf(0xa0);
  const serialNumber = integerHex(body.next(derTag.integer).content());
  const signatureAlgorithm = hexadecimal(body.next(derTag.sequence).inside().next(derTag.objectIdentifier).content());
  const issuer = body.next(derTag.sequence).element();
  const validity = body.next(derTag.sequence).inside();
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subject = body.next(derTag.sequence).element();
  const publicKeyInfo = body.next(derTag.sequence).element();
  return {
    ...{ serialNumber, signatureAlgorithm, issuer, subject, notBefore, notAfter, publicKeyInfo },
    ...readExtensions(body),
  };
}

/** The values of one attribute type in a DER distinguished name, in order, as text. */
export function readNameAttributes(name: Uint8Array, attributeType: string): string[] {
  const values: string[] = [];
  const sets = new DerReader(name).next(derTag.sequence).inside();
  while (!sets.isAtEnd) {
    const set = sets.next(derTag.set).inside();
    while (!set.isAtEnd) {
      const attribute = set.next(derTag.sequence).inside();
      const type = hexadecimal(attribute.next(derTag.objectIdentifier).content());
      if (type === attributeType) values.push(readDirectoryString(attribute));
    }
  }
  return values;
}

/** The content of the BIT STRING of a SubjectPublicKeyInfo, without its count of unused bits. */
export function readSubjectPublicKeyBits(publicKeyInfo: Uint8Array): Uint8Array {
  const reader = new DerReader(publicKeyInfo).next(derTag.sequence).inside();
  reader.next(derTag.sequence);
  return reader.next(derTag.bitString).content().subarray(1);
}

/** Object identifiers as lower-case hex of their DER content. */
export const oid = {
  commonName: '550403',
  organizationalUnit: '55040b',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
  clientAuth: '2b06010505070302',
  anyExtendedKeyUsage: '551d2500',
  rsaEncryption: '2a864886f70d010101',
} as const;

function readExtensions(body: DerReader): { isAuthority: boolean; extendedKeyUsage?: readonly string[] } {
  let isAuthority = false;
  let extendedKeyUsage: string[] | undefined;
  while (!body.isAtEnd) {
    if (body.next().tag !== 0xa3) continue;
    const list = body.inside().next(derTag.sequence).inside();
    while (!list.isAtEnd) {
      const extension = list.next(derTag.sequence).inside();
      const type = hexadecimal(extension.next(derTag.objectIdentifier).content());
      extension.skipIf(derTag.boolean);
      const value = extension.next(derTag.octetString).inside();
      if (type === oid.basicConstraints) isAuthority = readAuthorityFlag(value.next(derTag.sequence).inside());
      if (type === oid.extendedKeyUsage) extendedKeyUsage = readUsages(value.next(derTag.sequence).inside());
    }
  }
  return extendedKeyUsage === undefined ? { isAuthority } : { isAuthority, extendedKeyUsage };
}

/** `cA BOOLEAN DEFAULT FALSE` (RFC 5280 §4.2.1.9). */
function readAuthorityFlag(constraints: DerReader): boolean {
  return constraints.skipIf(derTag.boolean) && constraints.content()[0] !== 0;
}

function readUsages(list: DerReader): string[] {
  const usages: string[] = [];
  while (!list.isAtEnd) usages.push(hexadecimal(list.next(derTag.objectIdentifier).content()));
  return usages;
}

/** DirectoryString (RFC 5280 §4.1.2.4); the eight-bit kinds are read as Latin-1. */
function readDirectoryString(attribute: DerReader): string {
  const content = attribute.next().content();
  if (attribute.tag === derTag.utf8String) return Buffer.from(content).toString('utf8');
  if (attribute.tag === derTag.bmpString) {
    if (content.length % 2 !== 0) throw new DerError('Expected an even number of octets in a BMPString');
    return Buffer.from(content).swap16().toString('utf16le');
  }
  if (attribute.tag === derTag.universalString) return readUniversalString(content);
  return latin1(content);
}

function readUniversalString(content: Uint8Array): string {
  const bytes = Buffer.from(content);
  if (bytes.length % 4 !== 0) throw new DerError('Expected a multiple of four octets in a UniversalString');
  const points: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) points.push(bytes.readUInt32BE(at));
  if (points.some((point) => point > 0x10ffff)) throw new DerError('Expected Unicode in a UniversalString');
  return String.fromCodePoint(...points);
}
