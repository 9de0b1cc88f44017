import type { DeviceRegistry } from './device-registry.ts';

export interface CertificateCollection {
  /** `absent`: the account does not know it. `found`: it is there, and nothing was changed. */
  readonly outcome: 'absent' | 'found' | 'collected';
  readonly certificateId: string;
}

/**
 * Removes a certificate that nobody presents any more: without rights first, deleted last, so that a collection that was
 * ended in between leaves a certificate that the next one finds. With `isDryRun` it only looks. Rejects with an IotFailure.
 */
export async function collectCertificate(
  registry: DeviceRegistry,
  certificateId: string,
  isDryRun: boolean,
): Promise<CertificateCollection> {
  const registered = await registry.describeCertificate(certificateId);
  if (registered === undefined) return { outcome: 'absent', certificateId };
  if (isDryRun) return { outcome: 'found', certificateId };
  const { arn, status } = registered;
  if (status !== 'INACTIVE' && status !== 'REVOKED') await registry.setCertificateStatus(certificateId, 'INACTIVE');
  for (const policyName of await registry.listPolicies(arn)) await registry.detachPolicy(policyName, arn);
  for (const { thingName } of await registry.listThings(arn)) await registry.detachThing(thingName, arn);
  await registry.deleteCertificate(certificateId);
  return { outcome: 'collected', certificateId };
}
