import { subjectKeyIdentifier } from './certificate-body.ts';
import { extension } from './certificate-extensions.ts';
import { type CertificateIssuer, toPem } from './certificate-minting.ts';
import { type SignatureHash, signatureAlgorithm, signedStructure } from './der-signing.ts';
import { embedded, explicitTag, implicitTag, sequence, time, unsignedInteger } from './der-writing.ts';

export interface CrlRequest {
  readonly issuer: CertificateIssuer;
  /** Serial numbers, unsigned hexadecimal. */
  readonly revoked?: readonly string[];
  /** Default: one hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in 30 days. `null`: the CRL names none. */
  readonly nextUpdate?: Date | null;
  readonly signatureHash?: SignatureHash;
}

/** A version 2 CRL, as PEM (RFC 5280 §5.1). */
export function mintCrl(request: CrlRequest): string {
  const { issuer, revoked = [], signatureHash = 'sha256' } = request;
  const thisUpdate = request.thisUpdate ?? new Date(Date.now() - 3_600_000);
  const nextUpdate = request.nextUpdate === undefined ? new Date(Date.now() + 30 * 86_400_000) : request.nextUpdate;
  const toBeSigned = sequence(
    unsignedInteger('01'),
    signatureAlgorithm(issuer.privateKey, signatureHash),
    embedded(issuer.subjectName),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(revoked.length === 0
      ? []
      : [sequence(...revoked.map((serial) => sequence(unsignedInteger(serial), time(thisUpdate))))]),
    explicitTag(
      0,
      sequence(
        extension('2.5.29.35', sequence(implicitTag(0, subjectKeyIdentifier(issuer.publicKey)))),
        extension('2.5.29.20', unsignedInteger('01')),
      ),
    ),
  );
  return toPem('X509 CRL', signedStructure(toBeSigned, issuer.privateKey, signatureHash));
}
