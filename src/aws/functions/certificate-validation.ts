import { hash } from 'node:crypto';
import type { CertificateCheck } from './certificate-check.ts';
import { readEventCertificate } from './certificate-text.ts';
import { memberOf, textOf } from './event-fields.ts';
import type { FunctionLog } from './function-log.ts';

export interface CertificateValidationDeps {
  readonly check: Pick<CertificateCheck, 'refusals'>;
  readonly log: FunctionLog;
}

/** Certificates of one chain that are looked at. */
const longestChain = 10;

/**
 * Custom client certificate validation: what a domain configuration's `clientCertificateCallbackArn` names. AWS calls it at
 * every connect, before it looks at the certificate itself, and waits for `true`. Never rejects.
 */
export function createCertificateValidation({ check, log }: CertificateValidationDeps) {
  return async (event: unknown): Promise<{ readonly isAuthenticated: boolean }> => {
    const chain = memberOf(event, 'clientCertificateChain');
    const certificates = (Array.isArray(chain) ? chain.slice(0, longestChain) : []).map(readEventCertificate);
    const [leaf, ...presented] = certificates;
    const reasons =
      leaf === undefined
        ? ['missing']
        : await check.refusals(
            leaf,
            presented.filter((each) => each !== undefined),
          );
    if (reasons.length === 0) return { isAuthenticated: true };
    log({
      function: 'certificate-validation',
      outcome: 'refused',
      reasons,
      connection: textOf(event, 'connectionMetadata', 'id'),
      ...(leaf === undefined ? {} : { certificateId: hash('sha256', leaf.raw) }),
    });
    return { isAuthenticated: false };
  };
}
