import { isIotFailure } from '../iot-failure.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { RemovalStep } from './account-removal.ts';

/** Deletes the certificates of the CAs and of the policies that are to be removed; things stay. Answers how many. */
export async function removeDeviceCertificates(
  iot: ControlPlane,
  steps: readonly RemovalStep[],
  onRemoved: (count: number) => void,
): Promise<number> {
  let count = 0;
  const removeAll = async (next: () => Promise<readonly string[]>) => {
    // A page holds what is still there, so the first one is asked for until it is empty.
    for (let arns = await next(); arns.length > 0; arns = await next()) {
      for (const arn of arns) {
        await removeCertificate(iot, arn);
        count += 1;
        onRemoved(count);
      }
    }
  };
  for (const step of steps) {
    if (step.action === 'keep') continue;
    const { kind, name } = step.resource;
    if (kind === 'ca-certificate') {
      const certificateId = step.actual.knownAs ?? name;
      const off = { newStatus: 'INACTIVE', newAutoRegistrationStatus: 'DISABLE' } as const;
      await iot.updateCACertificate({ certificateId, ...off });
      await removeAll(() => certificatesOf(iot, certificateId));
    }
    if (kind === 'policy') await removeAll(() => certificatesWith(iot, name));
  }
  return count;
}

async function certificatesOf(iot: ControlPlane, caCertificateId: string): Promise<readonly string[]> {
  const { certificates = [] } = await iot.listCertificatesByCA({ caCertificateId, pageSize: 250 });
  return certificates.flatMap(({ certificateArn }) => (certificateArn === undefined ? [] : [certificateArn]));
}

async function certificatesWith(iot: ControlPlane, policyName: string): Promise<readonly string[]> {
  const { targets = [] } = await iot.listTargetsForPolicy({ policyName, pageSize: 250 });
  return targets.filter((target) => target.includes(':cert/'));
}

/** Detached from everything, inactive, gone: in the order that AWS wants. */
async function removeCertificate(iot: ControlPlane, arn: string): Promise<void> {
  const certificateId = arn.slice(arn.lastIndexOf('/') + 1);
  const { things = [] } = await iot.listPrincipalThings({ principal: arn });
  for (const thingName of things) await gone(iot.detachThingPrincipal({ thingName, principal: arn }));
  const { policies = [] } = await iot.listAttachedPolicies({ target: arn });
  for (const { policyName } of policies) await gone(iot.detachPolicy({ policyName, target: arn }));
  await gone(iot.updateCertificate({ certificateId, newStatus: 'INACTIVE' }));
  await gone(iot.deleteCertificate({ certificateId }));
}

async function gone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isIotFailure(error, 'not-found')) throw error;
  }
}
