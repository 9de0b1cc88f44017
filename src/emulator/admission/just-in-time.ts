import type { Account, AuthorityRecord, CertificateRecord } from '../account/account.ts';
import { type BurstBucket, createBurstBucket } from '../account/burst-bucket.ts';
import { type CertificateFacts, expectStrong, isSignedBy, readCertificateDer } from '../account/certificate-facts.ts';
import { addCertificate } from '../account/device-certificates.ts';
import { certificateParameters, provision, withDefaults } from '../account/provisioning.ts';
import { readTemplate } from '../account/provisioning-template.ts';
import { templateBody } from '../account/provisioning-templates.ts';
import { IotRefusal } from '../account/refusal.ts';
import type { ConnectQuestion } from '../account-gate.ts';

export interface JustInTimeOptions {
  readonly account: Account;
  /** Publishes as the service. */
  readonly publish: (message: { readonly topic: string; readonly payload: Buffer; readonly qos: 0 | 1 }) => void;
  /** Whether the event says the client ID; AWS announced it without its form. */
  readonly tellsClientId: boolean;
}

/** Registers unknown certificates of registered CAs when their first CONNECT comes (JITR), or provisions them (JITP). */
export class JustInTime {
  readonly #options: JustInTimeOptions;
  readonly #quota: BurstBucket;

  constructor(options: JustInTimeOptions) {
    this.#options = options;
    this.#quota = createBurstBucket(options.account.limits.registrationsPerSecond);
  }

  /** Whether the certificate is registered now, as PENDING_ACTIVATION; above the quota it is not. */
  register(question: ConnectQuestion): boolean {
    const { account } = this.#options;
    const certificate = readPresented(question);
    const authority = certificate === undefined ? undefined : issuerOf(account, certificate, question);
    if (certificate === undefined || authority === undefined || !this.#quota.take(question.wallMs)) return false;
    const { mode } = authority;
    const authorityId = authority.certificate.id;
    const record = unlessRefused(() =>
      addCertificate(account, { certificate, mode, status: 'PENDING_ACTIVATION', authorityId }, question.wallMs),
    );
    if (record === undefined) return false;
    this.handlePending(record, question, 'registered-now');
    return true;
  }

  /** A CONNECT of a certificate that waits for its activation: the event again, or the provisioning again. */
  handlePending(
    record: CertificateRecord,
    question: ConnectQuestion,
    occasion: 'registered-now' | 'again' = 'again',
  ): void {
    const { account } = this.#options;
    const authority = record.authorityId === undefined ? undefined : account.authorities.find(record.authorityId);
    if (authority?.registrationConfig === undefined) this.#publishEvent(record, question, occasion);
    else provisionJustInTime(account, authority, record, question.wallMs);
  }

  #publishEvent(record: CertificateRecord, question: ConnectQuestion, occasion: 'registered-now' | 'again'): void {
    const { account, publish, tellsClientId } = this.#options;
    const { certificate, authorityId, createdMs } = record;
    if (authorityId === undefined) return;
    const event = {
      ...{ certificateId: certificate.id, caCertificateId: authorityId, timestamp: question.wallMs },
      ...{ certificateStatus: 'PENDING_ACTIVATION', awsAccountId: account.identity.accountId },
      certificateRegistrationTimestamp: occasion === 'registered-now' ? null : String(createdMs),
      ...(tellsClientId ? { clientId: question.clientId } : {}),
    };
    const topic = `$aws/events/certificates/registered/${authorityId}`;
    publish({ topic, payload: Buffer.from(JSON.stringify(event)), qos: 1 });
  }
}

/** Without SNI the service finds the account only by a CA that the client sends along. */
function issuerOf(
  { authorities }: Account,
  certificate: CertificateFacts,
  { connection }: ConnectQuestion,
): AuthorityRecord | undefined {
  const { serverName, certificates } = connection;
  if (serverName === undefined && certificates.length < 2) return undefined;
  return authorities.all().find(({ status, registersAutomatically, mode, certificate: authority }) => {
    if (status !== 'ACTIVE' || !registersAutomatically) return false;
    return (mode === 'DEFAULT' || serverName !== undefined) && isSignedBy(certificate, authority);
  });
}

/** Undefined: nothing that could be registered. */
function readPresented({ connection }: ConnectQuestion): CertificateFacts | undefined {
  const [leaf] = connection.certificates;
  if (leaf === undefined) return undefined;
  return unlessRefused(() => {
    const certificate = readCertificateDer(leaf);
    expectStrong(certificate);
    return certificate;
  });
}

/** What fails leaves the certificate PENDING_ACTIVATION, and the next CONNECT tries again. */
function provisionJustInTime(
  account: Account,
  authority: AuthorityRecord,
  record: CertificateRecord,
  wallMs: number,
): void {
  unlessRefused(() => {
    const { templateBody: body, templateName } = authority.registrationConfig ?? {};
    const template = templateName === undefined ? undefined : account.templates.get(templateName);
    if (template?.isEnabled === false) return;
    const document = readTemplate(template === undefined ? (body ?? '') : templateBody(template));
    const values = withDefaults(document, certificateParameters(record.certificate));
    provision(account, { document, values, record }, wallMs);
  });
}

function unlessRefused<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof IotRefusal) return undefined;
    throw error;
  }
}
