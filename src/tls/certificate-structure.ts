import { DerReader, derTag, integerHex, readTime } from './der-reader.ts';

/** What a certificate's DER says (RFC 5280 §4.1), read once and cheaply; extensions are read when asked for. */
export interface CertificateStructure {
  readonly der: Uint8Array;
  /** Lower-case hexadecimal, no leading zeros. */
  readonly serialNumber: string;
  /** Signed with MD5 or SHA-1. */
  readonly hasWeakSignature: boolean;
  /** RSA below 2048 bits, an elliptic curve below 224, or DSA. */
  readonly hasWeakKey: boolean;
  /** DER names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Offset of what follows the SubjectPublicKeyInfo, and where the TBSCertificate ends. */
  readonly extensionsStart: number;
  readonly extensionsEnd: number;
}

export interface CertificateExtensions {
  readonly basicConstraints: 'absent' | 'endEntity' | 'authority';
  readonly pathLength?: number;
  /** First octet of the key usage bits; absent: every usage is allowed. */
  readonly keyUsage?: number;
  /** Absent extension: true. `anyExtendedKeyUsage` alone does not count, as with OpenSSL. */
  readonly allowsClientAuth: boolean;
  /** A critical extension that is not judged here, name constraints among them. */
  readonly hasUnknownCritical: boolean;
}

/** Bits of `keyUsage` (RFC 5280 §4.2.1.3). */
export const keyUsageBit = { digitalSignature: 0x80, keyAgreement: 0x08, keyCertSign: 0x04 } as const;

/** Reads a certificate that a TLS library has accepted as well formed; throws DerError on anything else. */
export function readCertificateStructure(der: Uint8Array): CertificateStructure {
  const body = new DerReader(der).next(derTag.sequence).inside().next(derTag.sequence).inside();
  body.skipIf(0xa0);
  const serialNumber = integerHex(body.next(derTag.integer).content());
  const algorithm = body.next(derTag.sequence).inside().next(derTag.objectIdentifier);
  const hasWeakSignature = weakSignatureOids.some((weak) => algorithm.contentIs(weak));
  const issuer = body.next(derTag.sequence).element();
  const validity = body.next(derTag.sequence).inside();
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subject = body.next(derTag.sequence).element();
  const hasWeakKey = isWeakKey(body.next(derTag.sequence).inside());
  return {
    ...{ der, serialNumber, hasWeakSignature, hasWeakKey, issuer, subject, notBefore, notAfter },
    ...{ extensionsStart: body.end, extensionsEnd: body.limit },
  };
}

export function readCertificateExtensions(certificate: CertificateStructure): CertificateExtensions {
  const found: { -readonly [Key in keyof CertificateExtensions]: CertificateExtensions[Key] } = {
    basicConstraints: 'absent',
    allowsClientAuth: true,
    hasUnknownCritical: false,
  };
  const body = new DerReader(certificate.der, certificate.extensionsStart, certificate.extensionsEnd);
  while (!body.isAtEnd) {
    if (body.next().tag !== 0xa3) continue;
    const list = body.inside().next(derTag.sequence).inside();
    while (!list.isAtEnd) {
      const extension = list.next(derTag.sequence).inside();
      const type = new DerReader(certificate.der, extension.next().elementStart).next(derTag.objectIdentifier);
      const isCritical = extension.skipIf(derTag.boolean) && extension.content()[0] !== 0;
      const value = extension.next(derTag.octetString).inside();
      if (type.contentIs(basicConstraintsOid)) Object.assign(found, readBasicConstraints(value));
      else if (type.contentIs(keyUsageOid)) found.keyUsage = value.next(derTag.bitString).content()[1] ?? 0;
      else if (type.contentIs(extendedKeyUsageOid)) found.allowsClientAuth = includesClientAuth(value);
      else if (isCritical && !harmlessOids.some((harmless) => type.contentIs(harmless)))
        found.hasUnknownCritical = true;
    }
  }
  return found;
}

/** The content of the BIT STRING of a SubjectPublicKeyInfo, without its count of unused bits. */
export function readSubjectPublicKeyBits(publicKeyInfo: Uint8Array): Uint8Array {
  const reader = new DerReader(publicKeyInfo).next(derTag.sequence).inside();
  reader.next(derTag.sequence);
  return reader.next(derTag.bitString).content().subarray(1);
}

function isWeakKey(info: DerReader): boolean {
  const algorithm = info.next(derTag.sequence).inside().next(derTag.objectIdentifier);
  const bits = info.next(derTag.bitString).content();
  if (algorithm.contentIs(ecPublicKeyOid)) {
    // unused-bits octet, then 04 X Y or 02/03 X
    const coordinateOctets = bits[1] === 0x04 ? (bits.length - 2) / 2 : bits.length - 2;
    return coordinateOctets * 8 < 224;
  }
  if (!algorithm.contentIs(rsaEncryptionOid)) return algorithm.contentIs(dsaOid);
  const modulus = new DerReader(bits, 1).next(derTag.sequence).inside().next(derTag.integer).content();
  const leading = modulus[0] === 0 ? 1 : 0;
  return (modulus.length - leading) * 8 - Math.clz32((modulus[leading] ?? 0) << 24) < 2048;
}

function readBasicConstraints(value: DerReader): Pick<CertificateExtensions, 'basicConstraints' | 'pathLength'> {
  const constraints = value.next(derTag.sequence).inside();
  const isAuthority = constraints.skipIf(derTag.boolean) && constraints.content()[0] !== 0;
  if (!isAuthority) return { basicConstraints: 'endEntity' };
  if (!constraints.skipIf(derTag.integer)) return { basicConstraints: 'authority' };
  return { basicConstraints: 'authority', pathLength: Number.parseInt(integerHex(constraints.content()), 16) };
}

function includesClientAuth(value: DerReader): boolean {
  const usages = value.next(derTag.sequence).inside();
  while (!usages.isAtEnd) if (usages.next(derTag.objectIdentifier).contentIs(clientAuthOid)) return true;
  return false;
}

const oid = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const rsaEncryptionOid = oid('2a864886f70d010101');
const ecPublicKeyOid = oid('2a8648ce3d0201');
const dsaOid = oid('2a8648ce380401');
const basicConstraintsOid = oid('551d13');
const keyUsageOid = oid('551d0f');
const extendedKeyUsageOid = oid('551d25');
const clientAuthOid = oid('2b06010505070302');
/** Subject alternative name, certificate policies: nothing in them could forbid what we allow. */
const harmlessOids = [oid('551d11'), oid('551d20')];
/** MD2, MD5 and SHA-1 with RSA (two object identifiers), SHA-1 with ECDSA and with DSA. */
const weakSignatureOids = [
  oid('2a864886f70d010102'),
  oid('2a864886f70d010104'),
  oid('2a864886f70d010105'),
  oid('2b0e03021d'),
  oid('2a8648ce3d0401'),
  oid('2a8648ce380403'),
];
