import { hash } from 'node:crypto';
import type { ClientIdPolicy } from '../../plan/client-id-policy.ts';
import type { DeviceRegistry } from '../device-registry.ts';
import { type EquipmentTerms, equipCertificate } from '../equip-certificate.ts';
import { commonNameOf, thingOf } from '../thing-name.ts';
import type { CertificateCheck } from './certificate-check.ts';
import { readEventCertificate } from './certificate-text.ts';
import { isClientIdBound } from './client-binding.ts';
import { textOf } from './event-fields.ts';
import type { FunctionLog } from './function-log.ts';

export interface ActivationOptions {
  readonly terms: EquipmentTerms;
  /** IDs of the registered CAs whose certificates are activated; empty: every CA's that registers just in time. */
  readonly caCertificateIds: readonly string[];
  readonly clientIdPolicy: ClientIdPolicy;
  /** Whether an event without a client ID is refused; AWS began to send it in 2024, and the policy judges it anyway. */
  readonly requiresClientId: boolean;
}

export interface ActivationDeps {
  readonly registry: DeviceRegistry;
  readonly check: Pick<CertificateCheck, 'refusals'>;
  readonly log: FunctionLog;
}

export interface ActivationOutcome {
  /** `ignored`: there is nothing to activate. `refused`: the certificate stays as it is, or is REVOKED where a list says so. */
  readonly outcome: 'activated' | 'already-active' | 'ignored' | 'refused';
  readonly certificateId: string;
  readonly thingName?: string;
  readonly reasons?: readonly string[];
}

/**
 * Just-in-time registration: what a rule on `$aws/events/certificates/registered/+` calls. A certificate becomes ACTIVE
 * last, so that one whose activation was ended in between stays PENDING_ACTIVATION, and the device's next CONNECT brings
 * the event again. Rejects when AWS has no room or fails, so that Lambda tries again.
 */
export function createActivation(options: ActivationOptions, deps: ActivationDeps) {
  return async (event: unknown): Promise<ActivationOutcome> => {
    const certificateId = textOf(event, 'certificateId') ?? '';
    const clientId = textOf(event, 'clientId');
    const outcome = { certificateId, ...(await activate(certificateId, clientId, options, deps)) };
    deps.log({ function: 'activation', ...outcome, ...(clientId === undefined ? {} : { clientId }) });
    return outcome;
  };
}

type Outcome = Omit<ActivationOutcome, 'certificateId'>;

async function activate(
  certificateId: string,
  clientId: string | undefined,
  options: ActivationOptions,
  { registry, check }: ActivationDeps,
): Promise<Outcome> {
  if (!/^[0-9a-f]{64}$/.test(certificateId)) return { outcome: 'ignored', reasons: ['malformed-event'] };
  // The event says what was; the registry says what is.
  const registered = await registry.describeCertificate(certificateId);
  if (registered === undefined) return { outcome: 'ignored', reasons: ['unknown-certificate'] };
  const { status, caCertificateId, arn } = registered;
  if (status === 'ACTIVE') return { outcome: 'already-active' };
  if (status !== 'PENDING_ACTIVATION') return { outcome: 'ignored', reasons: [`certificate-${status.toLowerCase()}`] };
  const certificate = readEventCertificate(registered.pem);
  if (certificate === undefined || hash('sha256', certificate.raw) !== certificateId) {
    return { outcome: 'refused', reasons: ['invalid'] };
  }
  const faults = await check.refusals(certificate);
  const reasons = [
    ...(isOfListedAuthority(caCertificateId, options) ? [] : ['other-authority']),
    ...clientIdFaults(clientId, commonNameOf(certificate), options),
    ...faults,
  ];
  if (faults.includes('revoked')) await registry.setCertificateStatus(certificateId, 'REVOKED');
  if (reasons.length > 0) return { outcome: 'refused', reasons };
  const thing = thingOf(certificate);
  await equipCertificate(registry, { arn, thing }, options.terms);
  await registry.setCertificateStatus(certificateId, 'ACTIVE');
  return { outcome: 'activated', thingName: thing.thingName };
}

function isOfListedAuthority(caCertificateId: string | undefined, { caCertificateIds }: ActivationOptions): boolean {
  if (caCertificateIds.length === 0) return true;
  return caCertificateId !== undefined && caCertificateIds.includes(caCertificateId);
}

function clientIdFaults(
  clientId: string | undefined,
  commonName: string | undefined,
  { clientIdPolicy, requiresClientId }: ActivationOptions,
): readonly string[] {
  if (clientId === undefined) return requiresClientId ? ['no-client-id'] : [];
  return isClientIdBound(clientIdPolicy, clientId, commonName) ? [] : ['client-id-not-bound'];
}
