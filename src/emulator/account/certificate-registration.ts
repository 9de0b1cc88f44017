import { createPublicKey } from 'node:crypto';
import type { Account, AuthorityRecord } from './account.ts';
import {
  type CertificateFacts,
  expectStrong,
  invalidCertificate,
  isSignedBy,
  readCertificatePem,
} from './certificate-facts.ts';
import { readCertificateRequest, usualSubjectName } from './certificate-issuance.ts';
import { addCertificate, initialStatus } from './device-certificates.ts';
import type { OperationContext, Operations } from './operation.ts';
import { IotRefusal } from './refusal.ts';

export const certificateRegistrationOperations = {
  RegisterCertificate({ certificatePem, caCertificatePem, setAsActive, status }, { account, wallMs }) {
    const certificate = readCertificatePem(certificatePem);
    expectStrong(certificate);
    const authority = issuerOf(account, certificate, caCertificatePem);
    const { arn } = addCertificate(
      account,
      {
        ...{ certificate, status: initialStatus(setAsActive, status) },
        ...{ mode: authority.mode, authorityId: authority.certificate.id },
      },
      wallMs,
    );
    return { certificateArn: arn, certificateId: certificate.id };
  },

  RegisterCertificateWithoutCA({ certificatePem, status }, { account, wallMs }) {
    const certificate = readCertificatePem(certificatePem);
    expectStrong(certificate);
    const { arn } = addCertificate(
      account,
      { certificate, status: initialStatus(undefined, status), mode: 'SNI_ONLY', authorityId: undefined },
      wallMs,
    );
    return { certificateArn: arn, certificateId: certificate.id };
  },

  CreateCertificateFromCsr({ certificateSigningRequest, setAsActive }, context) {
    return issued(context, readCertificateRequest(certificateSigningRequest), setAsActive);
  },

  CreateKeysAndCertificate({ setAsActive }, context) {
    const { publicKey, privateKey } = context.account.issuance.newKeyPair();
    const subject = { subjectName: usualSubjectName(), publicKey: createPublicKey(publicKey) };
    return {
      ...issued(context, subject, setAsActive),
      keyPair: { PublicKey: publicKey, PrivateKey: privateKey },
    };
  },
} satisfies Operations;

/** The registered CA behind a certificate; with several of its subject the caller must say which. */
function issuerOf(account: Account, certificate: CertificateFacts, caPem: string | undefined): AuthorityRecord {
  const wanted = caPem === undefined ? undefined : readCertificatePem(caPem).id;
  const candidates = account.authorities
    .all()
    .filter((authority) => authority.status === 'ACTIVE' && isSignedBy(certificate, authority.certificate));
  if (wanted === undefined && candidates.length > 1) {
    const message = 'Several registered CA certificates have this subject and key; expected caCertificatePem';
    throw new IotRefusal('CertificateConflictException', message);
  }
  const found = candidates.find((authority) => wanted === undefined || authority.certificate.id === wanted);
  if (found !== undefined) return found;
  throw invalidCertificate('CA certificate not found, not active, or it did not sign the certificate');
}

function issued(
  { account, wallMs }: OperationContext,
  subject: ReturnType<typeof readCertificateRequest>,
  setAsActive: boolean | undefined,
) {
  const pem = account.issuance.issue(subject, wallMs);
  const certificate = readCertificatePem(pem);
  const status = initialStatus(setAsActive, undefined);
  const { arn } = addCertificate(account, { certificate, status, mode: 'DEFAULT', authorityId: undefined }, wallMs);
  return { certificateArn: arn, certificateId: certificate.id, certificatePem: pem };
}
