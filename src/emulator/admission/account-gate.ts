import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { toPem } from '../../tls/certificate-minting.ts';
import type { Account, CertificateRecord, DomainRecord } from '../account/account.ts';
import type { Policy } from '../account/policy-document.ts';
import type { AccountGate, Admission, AdmittedClient, ConnectQuestion, MessageBroker } from '../account-gate.ts';
import type { AuthorizerAnswer } from './authorizer-answer.ts';
import { certificatePolicies, connectAttributes, mayConnect, mayUseTopic } from './connection-rights.ts';
import { type ConnectionFacts, connectionVariables } from './connection-variables.ts';
import { authorize } from './custom-authorizer.ts';
import { selectDomain } from './domain-selection.ts';
import { JustInTime } from './just-in-time.ts';
import { associatedThing, propagatedAttributes } from './thing-association.ts';

export interface AccountGateOptions {
  readonly account: Account;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly publish: MessageBroker['publish'];
  /** Default: true. */
  readonly registrationEventTellsClientId?: boolean;
  /** How the client certificate callback gets the chain; AWS does not say. Default: PEM. */
  readonly callbackChain?: 'pem' | 'base64';
}

/** Who is let into the account, and what they may do there. */
export function createAccountGate(options: AccountGateOptions): AccountGate {
  const { account, publish, registrationEventTellsClientId: tellsClientId = true } = options;
  const justInTime = new JustInTime({ account, publish, tellsClientId });
  return {
    accepts: (connection) => selectDomain(account, connection) !== undefined,
    async admit(question) {
      const selected = selectDomain(account, question.connection);
      if (selected === undefined) return refused('unknown-certificate', undefined);
      const { domain, authentication } = selected;
      if (authentication === 'authorizer') return admitByAuthorizer(options, domain, question);
      if (!(await passesCallback(options, domain, question))) {
        return refused('unknown-certificate', certificateIdOf(question));
      }
      const certificate = presentedCertificate(account, justInTime, question);
      if ('admitted' in certificate) return certificate;
      return authentication === 'certificate'
        ? admitByCertificate(options, certificate, question)
        : admitByAuthorizer(options, domain, question, certificate);
    },
  };
}

type Refused = Extract<Admission, { readonly admitted: false }>;

function refused(why: Refused['why'], principalId: string | undefined): Refused {
  return { admitted: false, why, principalId };
}

/** The registered and ACTIVE certificate of the client, or the refusal. */
function presentedCertificate(
  account: Account,
  justInTime: JustInTime,
  question: ConnectQuestion,
): CertificateRecord | Refused {
  const id = certificateIdOf(question);
  if (id === undefined) return refused('unknown-certificate', undefined);
  const record = account.certificates.find(id);
  if (record === undefined) return refused(justInTime.register(question) ? 'pending' : 'unknown-certificate', id);
  if (record.mode === 'SNI_ONLY' && question.connection.serverName === undefined) {
    return refused('unknown-certificate', id);
  }
  if (record.status === 'PENDING_ACTIVATION') {
    justInTime.handlePending(record, question);
    return refused('pending', id);
  }
  return record.status === 'ACTIVE' ? record : refused('not-active', id);
}

function admitByCertificate(
  { account }: AccountGateOptions,
  record: CertificateRecord,
  question: ConnectQuestion,
): Admission {
  const facts = factsOf(account, question, record);
  const policies = certificatePolicies(account, record.arn);
  if (!mayConnect(account, policies, question, connectVariables(facts, question))) {
    return refused('not-authorized', record.certificate.id);
  }
  return { admitted: true, client: admittedClient(account, facts, { record, principalId: record.certificate.id }) };
}

async function admitByAuthorizer(
  options: AccountGateOptions,
  domain: DomainRecord,
  question: ConnectQuestion,
  record?: CertificateRecord,
): Promise<Admission> {
  const { account, clock } = options;
  const ask = () =>
    authorize(account, domain, {
      ...{ username: question.username, password: question.password, clientId: question.clientId },
      serverName: question.connection.serverName,
      certificate: record === undefined ? undefined : { pem: record.certificate.pem, id: record.certificate.id },
    });
  const answer = await ask();
  if (typeof answer === 'string') return refused('bad-credentials', record?.certificate.id);
  if (record !== undefined && account.certificates.find(record.certificate.id)?.status !== 'ACTIVE') {
    return refused('not-active', record.certificate.id);
  }
  const facts = factsOf(account, question, record);
  const own = record === undefined ? [] : certificatePolicies(account, record.arn);
  if (!mayConnect(account, [...own, ...answer.policies], question, connectVariables(facts, question))) {
    return refused('not-authorized', answer.principalId);
  }
  const lease = new AuthorizerLease(answer, { ask, clock });
  const client = admittedClient(account, facts, {
    record,
    principalId: answer.principalId,
    authorized: () => lease.policies(),
  });
  const endsAtWallMs = clock.wallMs() + answer.disconnectAfterSeconds * 1000;
  return { admitted: true, client: { ...client, endsAtWallMs } };
}

/** The policies of an authorizer's answer, asked for again behind its time; what does not answer takes them away. */
class AuthorizerLease {
  readonly #ask: () => Promise<AuthorizerAnswer | string>;
  readonly #clock: Pick<Clock, 'wallMs'>;
  #policies: readonly Policy[];
  #refreshAtMs: number;

  constructor(
    answer: AuthorizerAnswer,
    { ask, clock }: { readonly ask: () => Promise<AuthorizerAnswer | string>; readonly clock: Pick<Clock, 'wallMs'> },
  ) {
    this.#ask = ask;
    this.#clock = clock;
    this.#policies = answer.policies;
    this.#refreshAtMs = clock.wallMs() + answer.refreshAfterSeconds * 1000;
  }

  /** Those of the last answer; the question of the refresh runs beside. */
  policies(): readonly Policy[] {
    if (this.#clock.wallMs() >= this.#refreshAtMs) {
      this.#refreshAtMs = Number.POSITIVE_INFINITY;
      void this.#refresh();
    }
    return this.#policies;
  }

  async #refresh(): Promise<void> {
    const answer = await this.#ask();
    const isDenied = typeof answer === 'string';
    this.#policies = isDenied ? [] : answer.policies;
    if (!isDenied) this.#refreshAtMs = this.#clock.wallMs() + answer.refreshAfterSeconds * 1000;
  }
}

interface Principal {
  readonly principalId: string;
  readonly record: CertificateRecord | undefined;
  /** Policies of an authorizer's answer. */
  readonly authorized?: () => readonly Policy[];
}

function admittedClient(account: Account, facts: ConnectionFacts, principal: Principal): AdmittedClient {
  const { record, principalId, authorized = () => [] } = principal;
  const variables = connectionVariables(facts);
  return {
    principalId,
    thingName: () => facts.thing()?.name,
    allows(action, name) {
      const own = record === undefined ? [] : certificatePolicies(account, record.arn);
      return mayUseTopic(account, [...own, ...authorized()], { action, name }, variables);
    },
    propagatedAttributes: () => propagatedAttributes(account, facts.thing(), facts.clientId ?? ''),
  };
}

function factsOf(account: Account, question: ConnectQuestion, record: CertificateRecord | undefined): ConnectionFacts {
  const { clientId, connection } = question;
  return {
    ...{ clientId, sourceAddress: connection.sourceAddress, serverName: connection.serverName },
    certificate: record?.certificate,
    thing: () => (record === undefined ? undefined : associatedThing(account, record.arn, clientId)),
  };
}

function connectVariables(facts: ConnectionFacts, question: ConnectQuestion) {
  return connectionVariables({ ...facts, connectAttributes: connectAttributes(question) });
}

function certificateIdOf({ connection }: ConnectQuestion): string | undefined {
  const [leaf] = connection.certificates;
  return leaf === undefined ? undefined : hash('sha256', leaf);
}

/** The domain's function has to answer `true` at every connect, before the certificate itself is looked at. */
async function passesCallback(
  { account, callbackChain = 'pem' }: AccountGateOptions,
  { clientCertificateConfig }: DomainRecord,
  question: ConnectQuestion,
): Promise<boolean> {
  const arn = clientCertificateConfig?.clientCertificateCallbackArn;
  if (arn === undefined) return true;
  const { certificates, serverName } = question.connection;
  const event = {
    connectionMetadata: { id: account.identifiers.uuid() },
    ...{ principalId: certificateIdOf(question) ?? '', serverName: serverName ?? '' },
    clientCertificateChain: certificates.map((der) =>
      callbackChain === 'pem' ? toPem('CERTIFICATE', der) : der.toString('base64'),
    ),
  };
  try {
    const answer = await account.functions.invoke(arn, event);
    return (
      typeof answer === 'object' && answer !== null && 'isAuthenticated' in answer && answer.isAuthenticated === true
    );
  } catch {
    return false;
  }
}
