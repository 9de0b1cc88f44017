import { hash, type KeyObject, X509Certificate } from 'node:crypto';
import { errorMessage } from '../../base/errors.ts';
import { type CertificateStructure, readCertificateStructure } from '../../tls/certificate-structure.ts';
import { canonicalName } from '../../tls/distinguished-name.ts';
import { pemBlocks } from '../../tls/pem.ts';
import { IotRefusal } from './refusal.ts';

/** A certificate with what the service remembers of it. */
export interface CertificateFacts {
  /** SHA-256 of the DER, 64 lower-case hexadecimal digits. */
  readonly id: string;
  /** As it was registered; of one that was registered just in time: of its DER. */
  readonly pem: string;
  readonly x509: X509Certificate;
  readonly structure: CertificateStructure;
  /** Canonical names, for comparing. */
  readonly subject: string;
  readonly issuer: string;
}

/** Reads the one certificate of a request; throws CertificateValidationException. */
export function readCertificatePem(pem: string): CertificateFacts {
  const blocks = pemBlocks(pem, 'CERTIFICATE');
  const [der] = blocks;
  if (der === undefined || blocks.length > 1) {
    throw invalidCertificate(`Expected one PEM certificate, got ${blocks.length}`);
  }
  return readCertificateDer(der, pem);
}

/** Throws CertificateValidationException. */
export function readCertificateDer(der: Buffer, pem?: string): CertificateFacts {
  try {
    const x509 = new X509Certificate(der);
    const structure = readCertificateStructure(x509.raw);
    return {
      ...{ id: hash('sha256', x509.raw), pem: pem ?? x509.toString(), x509, structure },
      ...{ subject: canonicalName(structure.subject), issuer: canonicalName(structure.issuer) },
    };
  } catch (error) {
    throw invalidCertificate(`The certificate cannot be read: ${errorMessage(error)}`);
  }
}

/** A signature by SHA-1 or MD5, or an RSA key below 2048 bits, is no identity; throws CertificateValidationException. */
export function expectStrong({ structure, x509 }: CertificateFacts): void {
  if (structure.hasWeakSignature)
    throw invalidCertificate('The signature algorithm of the certificate is not supported');
  if (structure.hasWeakKey || !hasSupportedKey(x509)) {
    throw invalidCertificate(
      'The key of the certificate is not supported: RSA from 2048 bits, or P-256, P-384 or P-521',
    );
  }
}

/** Whether the signature verifies, the names apart. */
export function isSignedBy({ x509, issuer }: CertificateFacts, authority: CertificateFacts): boolean {
  return issuer === authority.subject && x509.verify(authority.x509.publicKey);
}

export function invalidCertificate(message: string): IotRefusal {
  return new IotRefusal('CertificateValidationException', message);
}

const supportedCurves: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** A key that nobody here can read is in a certificate all the same, and is found out only when it is asked for. */
function hasSupportedKey(certificate: X509Certificate): boolean {
  try {
    return isSupportedKey(certificate.publicKey);
  } catch {
    return false;
  }
}

export function isSupportedKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
  return asymmetricKeyType === 'ec' && supportedCurves.includes(asymmetricKeyDetails?.namedCurve);
}
