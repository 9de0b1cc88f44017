import type { CACertificateDescription } from '@aws-sdk/client-iot';
import { readNameAttributes } from '../../tls/distinguished-name.ts';
import type { Account, AuthorityRecord } from './account.ts';
import {
  type CertificateFacts,
  expectStrong,
  invalidCertificate,
  isSignedBy,
  readCertificatePem,
} from './certificate-facts.ts';
import { arnOf } from './identity.ts';
import { expectOneOf } from './names.ts';
import type { Input, Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { registrationCode } from './registration-code.ts';
import { expectRegistrationConfig } from './registration-config.ts';
import { expectTags, setTags } from './tags.ts';

export const authorityOperations = {
  RegisterCACertificate(input, { account, wallMs }) {
    const { certificateMode: mode = 'DEFAULT', registrationConfig, tags } = input;
    expectOneOf('certificateMode', mode, ['DEFAULT', 'SNI_ONLY']);
    const certificate = readCertificatePem(input.caCertificate);
    expectAuthority(certificate);
    expectVerification(account, certificate, input);
    expectRegistrationConfig(account, registrationConfig);
    expectTags(account, tags);
    expectRoomForSubject(account, certificate);
    const arn = arnOf(account.identity, 'cacert', certificate.id);
    account.authorities.add(certificate.id, {
      ...{ arn, certificate, mode, registrationConfig },
      status: input.setAsActive === true ? 'ACTIVE' : 'INACTIVE',
      registersAutomatically: input.allowAutoRegistration === true,
      ...{ createdMs: wallMs, modifiedMs: wallMs, version: 1, generation: account.identifiers.uuid() },
    });
    setTags(account, arn, tags);
    return { certificateArn: arn, certificateId: certificate.id };
  },

  DescribeCACertificate({ certificateId }, { account }) {
    const record = account.authorities.get(certificateId);
    return {
      certificateDescription: describe(account, record),
      ...(record.registrationConfig === undefined ? {} : { registrationConfig: record.registrationConfig }),
    };
  },

  UpdateCACertificate(input, { account, wallMs }) {
    const record = account.authorities.get(input.certificateId);
    expectRegistrationConfig(account, input.registrationConfig);
    const isRemoved = input.removeAutoRegistration === true;
    if (isRemoved && input.registrationConfig !== undefined) {
      throw invalidRequest('Expected either registrationConfig or removeAutoRegistration, got both');
    }
    const automatic = input.newAutoRegistrationStatus;
    expectOneOf('newAutoRegistrationStatus', automatic, ['ENABLE', 'DISABLE']);
    account.authorities.replace(input.certificateId, {
      ...record,
      status: authorityStatus(input.newStatus) ?? record.status,
      registersAutomatically:
        !isRemoved && (automatic === undefined ? record.registersAutomatically : automatic === 'ENABLE'),
      registrationConfig: isRemoved ? undefined : (input.registrationConfig ?? record.registrationConfig),
      ...{ modifiedMs: wallMs, version: record.version + 1 },
    });
    return {};
  },

  DeleteCACertificate({ certificateId }, { account }) {
    const { arn, status } = account.authorities.get(certificateId);
    if (status === 'ACTIVE') {
      const message = `CA certificate must be deactivated (not ACTIVE) before deletion, id ${certificateId}`;
      throw new IotRefusal('CertificateStateException', message, { resourceId: certificateId });
    }
    account.authorities.remove(certificateId);
    account.tagsByArn.delete(arn);
    return {};
  },

  ListCACertificates({ pageSize, marker, ascendingOrder, templateName }, { account }) {
    const wanted = account.authorities
      .all()
      .filter(
        ({ registrationConfig }) => templateName === undefined || registrationConfig?.templateName === templateName,
      );
    const page = pageOf(wanted, orderKey, { size: pageSize, token: marker, descending: ascendingOrder !== true });
    return {
      certificates: page.items.map(({ arn, certificate, status, createdMs }) => ({
        ...{ certificateArn: arn, certificateId: certificate.id, status, creationDate: new Date(createdMs) },
      })),
      nextMarker: page.next,
    };
  },
} satisfies Operations;

/** Lists go by the time of creation. */
export function orderKey({ createdMs, certificate }: Pick<AuthorityRecord, 'createdMs' | 'certificate'>): string {
  return `${String(createdMs).padStart(16, '0')}|${certificate.id}`;
}

function expectAuthority(certificate: CertificateFacts): void {
  expectStrong(certificate);
  if (!certificate.x509.ca) throw invalidCertificate('The certificate is not a CA certificate');
}

function expectVerification(
  account: Account,
  authority: CertificateFacts,
  input: Input<'RegisterCACertificate'>,
): void {
  if (input.certificateMode === 'SNI_ONLY') {
    if (input.verificationCertificate === undefined) return;
    throw invalidRequest('Expected no verification certificate with certificateMode SNI_ONLY');
  }
  if (input.verificationCertificate === undefined) {
    throw invalidRequest('Expected a verification certificate with certificateMode DEFAULT');
  }
  const verification = readCertificatePem(input.verificationCertificate);
  if (!isSignedBy(verification, authority)) {
    throw invalidCertificate('The verification certificate is not signed by the CA certificate');
  }
  const { commonNames } = readNameAttributes(verification.structure.subject);
  if (commonNames.length === 1 && commonNames[0] === registrationCode(account)) return;
  const message = 'The common name of the verification certificate is not the registration code';
  throw new IotRefusal('RegistrationCodeValidationException', message);
}

function expectRoomForSubject({ authorities, limits }: Account, { id, subject }: CertificateFacts): void {
  authorities.expectFree(id);
  const same = authorities.all().filter(({ certificate }) => certificate.subject === subject);
  if (same.length < limits.authoritiesPerSubject) return;
  const message = `An account may have ${limits.authoritiesPerSubject} CA certificates with the same subject`;
  throw new IotRefusal('LimitExceededException', message);
}

function authorityStatus(status: string | undefined): 'ACTIVE' | 'INACTIVE' | undefined {
  if (status === undefined || status === 'ACTIVE' || status === 'INACTIVE') return status;
  throw invalidRequest(`Expected the status ACTIVE or INACTIVE, got ${status}`);
}

function describe({ identity }: Account, record: AuthorityRecord): CACertificateDescription {
  const { certificate, mode, status, createdMs, modifiedMs, version, generation } = record;
  return {
    ...{ certificateArn: record.arn, certificateId: certificate.id, status, certificatePem: certificate.pem },
    ...{ ownedBy: identity.accountId, creationDate: new Date(createdMs), lastModifiedDate: new Date(modifiedMs) },
    autoRegistrationStatus: record.registersAutomatically ? 'ENABLE' : 'DISABLE',
    ...{ customerVersion: version, generationId: generation, certificateMode: mode },
    validity: {
      notBefore: new Date(certificate.structure.notBefore),
      notAfter: new Date(certificate.structure.notAfter),
    },
  };
}
