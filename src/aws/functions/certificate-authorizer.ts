import { hash } from 'node:crypto';
import type { ClientIdPolicy } from '../../plan/client-id-policy.ts';
import { commonNameOf } from '../thing-name.ts';
import { type AuthorizerAnswer, type AuthorizerTimes, denied } from './authorizer-answer.ts';
import type { CertificateCheck } from './certificate-check.ts';
import { readEventCertificate } from './certificate-text.ts';
import { isClientIdBound } from './client-binding.ts';
import { textOf } from './event-fields.ts';
import type { FunctionLog } from './function-log.ts';

export interface CertificateAuthorizerOptions {
  /** Rights beside those of the certificate's own policies; AWS fills in their variables. At most ten, may be none. */
  readonly policyDocuments: readonly unknown[];
  readonly clientIdPolicy: ClientIdPolicy;
  readonly times: AuthorizerTimes;
}

export interface CertificateAuthorizerDeps {
  readonly check: Pick<CertificateCheck, 'refusals'>;
  readonly log: FunctionLog;
}

/**
 * The authorizer of a CUSTOM_AUTH_X509 domain: AWS has verified that the certificate is registered and ACTIVE; this looks
 * at what it does not, the client ID and the certificate's own faults. Never rejects.
 */
export function createCertificateAuthorizer(options: CertificateAuthorizerOptions, deps: CertificateAuthorizerDeps) {
  return async (event: unknown): Promise<AuthorizerAnswer> => {
    const certificateId = textOf(event, 'protocolData', 'tls', 'principalId') ?? '';
    const clientId = textOf(event, 'protocolData', 'mqtt', 'clientId');
    const reasons = await refusals(event, { certificateId, clientId }, options, deps.check);
    if (reasons.length > 0) {
      deps.log({ function: 'certificate-authorizer', outcome: 'denied', reasons, certificateId, clientId });
      return denied;
    }
    const { disconnectAfterSeconds, refreshAfterSeconds } = options.times;
    return {
      isAuthenticated: true,
      principalId: certificateId,
      policyDocuments: options.policyDocuments,
      disconnectAfterInSeconds: disconnectAfterSeconds,
      refreshAfterInSeconds: Math.min(refreshAfterSeconds, disconnectAfterSeconds),
    };
  };
}

async function refusals(
  event: unknown,
  { certificateId, clientId }: { readonly certificateId: string; readonly clientId: string | undefined },
  { clientIdPolicy }: CertificateAuthorizerOptions,
  check: CertificateAuthorizerDeps['check'],
): Promise<readonly string[]> {
  const certificate = readEventCertificate(textOf(event, 'protocolData', 'tls', 'x509CertificatePem'));
  if (certificate === undefined) return ['no-certificate'];
  if (hash('sha256', certificate.raw) !== certificateId) return ['other-certificate'];
  // HTTPS publishes have no client ID.
  const isBound = clientId === undefined || isClientIdBound(clientIdPolicy, clientId, commonNameOf(certificate));
  return [...(isBound ? [] : ['client-id-not-bound']), ...(await check.refusals(certificate))];
}
