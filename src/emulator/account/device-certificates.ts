import type { CertificateDescription } from '@aws-sdk/client-iot';
import type { Account, CertificateRecord, CertificateStatus } from './account.ts';
import { orderKey } from './certificate-authorities.ts';
import { arnOf } from './identity.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';

export const deviceCertificateOperations = {
  DescribeCertificate: ({ certificateId }, { account }) => ({
    certificateDescription: describe(account, account.certificates.get(certificateId)),
  }),

  UpdateCertificate({ certificateId, newStatus }, { account, wallMs }) {
    const record = account.certificates.get(certificateId);
    changeStatus(account, record, settableStatus(newStatus), wallMs);
    return {};
  },

  DeleteCertificate({ certificateId, forceDelete = false }, { account }) {
    const { arn, status } = account.certificates.get(certificateId);
    if (status === 'ACTIVE') {
      const message = `Certificate must be deactivated (not ACTIVE) before deletion, id ${certificateId}`;
      throw new IotRefusal('CertificateStateException', message, { resourceId: certificateId });
    }
    if (account.thingPrincipals.leftsOf(arn).length > 0) {
      throw new IotRefusal('DeleteConflictException', `Things must be detached before deletion (arn: ${arn})`);
    }
    const policies = account.policyTargets.leftsOf(arn);
    if (policies.length > 0 && !forceDelete) {
      const message = `Certificate policies must be detached before deletion (arn: ${arn})`;
      throw new IotRefusal('DeleteConflictException', message);
    }
    for (const policy of policies) account.policyTargets.detach(policy, arn);
    account.certificates.remove(certificateId);
    return {};
  },

  ListCertificates: ({ pageSize, marker, ascendingOrder }, { account }) =>
    listed(account.certificates.all(), { pageSize, marker, ascendingOrder }),

  ListCertificatesByCA({ caCertificateId, pageSize, marker, ascendingOrder }, { account }) {
    const wanted = account.certificates.all().filter(({ authorityId }) => authorityId === caCertificateId);
    return listed(wanted, { pageSize, marker, ascendingOrder });
  },
} satisfies Operations;

/** Sets a certificate's status; one that is not ACTIVE any more loses its connections. */
export function changeStatus(account: Account, record: CertificateRecord, status: CertificateStatus, wallMs: number) {
  const { id } = record.certificate;
  account.certificates.replace(id, { ...record, status, modifiedMs: wallMs, version: record.version + 1 });
  if (record.status !== 'ACTIVE' || status === 'ACTIVE') return;
  for (const listener of account.onPrincipalEnded) listener(id);
}

/** The certificate with this ARN; throws ResourceNotFoundException. */
export function certificateWithArn(account: Account, arn: string): CertificateRecord {
  const record = account.certificates.find(arn.slice(arn.lastIndexOf('/') + 1));
  if (record?.arn === arn) return record;
  throw new IotRefusal('ResourceNotFoundException', `The principal ${arn} does not exist`);
}

export function addCertificate(
  account: Account,
  record: Pick<CertificateRecord, 'certificate' | 'mode' | 'status' | 'authorityId'>,
  wallMs: number,
): CertificateRecord {
  const { id } = record.certificate;
  const added: CertificateRecord = {
    ...{ ...record, arn: arnOf(account.identity, 'cert', id) },
    ...{ createdMs: wallMs, modifiedMs: wallMs, version: 1, generation: account.identifiers.uuid() },
  };
  account.certificates.add(id, added);
  return added;
}

function settableStatus(status: string): CertificateStatus {
  if (status === 'ACTIVE' || status === 'INACTIVE' || status === 'REVOKED') return status;
  const exception = knownStatuses.includes(status) ? 'CertificateStateException' : 'InvalidRequestException';
  throw new IotRefusal(exception, `A certificate cannot be set to ${status}`);
}

const knownStatuses: readonly string[] = ['PENDING_TRANSFER', 'PENDING_ACTIVATION', 'REGISTER_INACTIVE'];

function listed(
  records: readonly CertificateRecord[],
  request: {
    readonly pageSize: number | undefined;
    readonly marker: string | undefined;
    readonly ascendingOrder: boolean | undefined;
  },
) {
  const descending = request.ascendingOrder !== true;
  const page = pageOf(records, orderKey, { size: request.pageSize, token: request.marker, descending });
  return {
    certificates: page.items.map(({ arn, certificate, status, mode, createdMs }) => ({
      ...{ certificateArn: arn, certificateId: certificate.id, status, certificateMode: mode },
      creationDate: new Date(createdMs),
    })),
    nextMarker: page.next,
  };
}

function describe({ identity }: Account, record: CertificateRecord): CertificateDescription {
  const { certificate, mode, status, authorityId, createdMs, modifiedMs, version, generation } = record;
  return {
    ...{ certificateArn: record.arn, certificateId: certificate.id, status, certificatePem: certificate.pem },
    ...(authorityId === undefined ? {} : { caCertificateId: authorityId }),
    ...{ ownedBy: identity.accountId, creationDate: new Date(createdMs), lastModifiedDate: new Date(modifiedMs) },
    ...{ customerVersion: version, generationId: generation, certificateMode: mode, transferData: {} },
    validity: {
      notBefore: new Date(certificate.structure.notBefore),
      notAfter: new Date(certificate.structure.notAfter),
    },
  };
}

export function initialStatus(setAsActive: boolean | undefined, status: string | undefined): CertificateStatus {
  if (setAsActive === true) return 'ACTIVE';
  if (status === undefined || status === 'INACTIVE') return 'INACTIVE';
  if (status === 'ACTIVE' || status === 'REVOKED') return status;
  if (!knownStatuses.includes(status)) throw invalidRequest(`There is no certificate status ${status}`);
  throw new IotRefusal('CertificateStateException', `Not allowed to register certificate with ${status} status`);
}
