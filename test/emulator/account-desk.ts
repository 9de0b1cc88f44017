import { createHash, X509Certificate } from 'node:crypto';
import type { Account } from '../../src/emulator/account/account.ts';
import { readCertificatePem } from '../../src/emulator/account/certificate-facts.ts';
import { addCertificate } from '../../src/emulator/account/device-certificates.ts';
import { type NewAccountOptions, newAccount } from '../../src/emulator/account/new-account.ts';
import type { Input, Operation, OperationName, Output } from '../../src/emulator/account/operation.ts';
import type { ArrivedConnection, ConnectQuestion, MessageBroker } from '../../src/emulator/account-gate.ts';
import { type AccountGateOptions, createAccountGate } from '../../src/emulator/admission/account-gate.ts';
import { operationTable } from '../../src/emulator/control/operation-table.ts';
import type { MintedCertificate } from '../../src/tls/certificate-minting.ts';
import { deviceCa, startMs } from './control-world.ts';

export const endpoint = 'endpoint.example.com';

type Published = Parameters<MessageBroker['publish']>[0];

/** An account and its gate without a socket; time is what the test says. */
export class AccountDesk {
  readonly account: Account;
  readonly gate: ReturnType<typeof createAccountGate>;
  readonly published: Published[] = [];
  nowMs = startMs;

  constructor(options: NewAccountOptions = {}, gate: Partial<AccountGateOptions> = {}) {
    this.account = newAccount({ dataHost: endpoint, ...options }, startMs);
    this.gate = createAccountGate({
      account: this.account,
      clock: { wallMs: () => this.nowMs },
      publish: (message) => this.published.push(message),
      ...gate,
    });
  }

  call<Name extends OperationName>(name: Name, input: Input<Name>): Output<Name> {
    const operation = operationTable[name] as unknown as Operation<Name>;
    return operation(input, { account: this.account, wallMs: this.nowMs }) as Output<Name>;
  }

  /** An ACTIVE certificate with one policy; answers its ARN. */
  addDevice(certificate: MintedCertificate, policyDocument?: string): string {
    const facts = readCertificatePem(certificate.certificate);
    const record = { certificate: facts, mode: 'DEFAULT', status: 'ACTIVE', authorityId: undefined } as const;
    const { arn } = addCertificate(this.account, record, this.nowMs);
    if (policyDocument === undefined) return arn;
    const policyName = `policy-${this.account.policies.size}`;
    this.call('CreatePolicy', { policyName, policyDocument });
    this.call('AttachPolicy', { policyName, target: arn });
    return arn;
  }

  /** The fleet's CA, ACTIVE, registering what it issued. */
  addAuthority(changes: Partial<Input<'RegisterCACertificate'>> = {}): string {
    const { certificateId } = this.call('RegisterCACertificate', {
      caCertificate: deviceCa.certificate,
      certificateMode: 'SNI_ONLY',
      setAsActive: true,
      allowAutoRegistration: true,
      ...changes,
    });
    return certificateId ?? '';
  }

  question(certificate: MintedCertificate | undefined, changes: QuestionChanges = {}): ConnectQuestion {
    const { connection, ...rest } = changes;
    const certificates = certificate === undefined ? [] : [new X509Certificate(certificate.certificate).raw];
    return {
      connection: { ...this.connection(), certificates, ...connection },
      clientId: 'meter-7',
      username: undefined,
      password: undefined,
      persistent: false,
      will: undefined,
      wallMs: this.nowMs,
      ...rest,
    };
  }

  connection(changes: Partial<ArrivedConnection> = {}): ArrivedConnection {
    const address = { serverName: endpoint, alpn: undefined, sourceAddress: '203.0.113.9' };
    return { port: 'mqtts', certificates: [], ...address, ...changes };
  }

  async admit(certificate: MintedCertificate | undefined, changes: QuestionChanges = {}) {
    return this.gate.admit(this.question(certificate, changes));
  }

  /** `admitted`, or why not. */
  async outcome(certificate: MintedCertificate | undefined, changes: QuestionChanges = {}): Promise<string> {
    const admission = await this.admit(certificate, changes);
    return admission.admitted ? 'admitted' : admission.why;
  }
}

type QuestionChanges = Partial<Omit<ConnectQuestion, 'connection'>> & {
  readonly connection?: Partial<ArrivedConnection>;
};

export function certificateId({ certificate }: Pick<MintedCertificate, 'certificate'>): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

export function policy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function allow(Action: string | string[], Resource: string | string[], Condition?: object): object {
  return { Effect: 'Allow', Action, Resource, ...(Condition === undefined ? {} : { Condition }) };
}

export function deny(Action: string | string[], Resource: string | string[]): object {
  return { Effect: 'Deny', Action, Resource };
}

/** An ARN of the test's account, with policy variables as they are. */
export function arn(rest: string): string {
  return `arn:aws:iot:eu-central-1:123456789012:${rest}`;
}
