import type { PolicyVersion } from '@aws-sdk/client-iot';
import { isIotFailure } from '../../iot-failure.ts';
import type { ControlPlane } from '../../control-plane.ts';
import { parsePolicyDocument } from '../policy-document.ts';
import type { PolicyResource } from '../resource.ts';
import { type KindOperations, told } from './kind-operations.ts';

/** Versions that AWS keeps of one policy. */
const mostVersions = 5;

export const policyOperations: KindOperations<PolicyResource> = {
  async read(iot, { name }) {
    const { policyArn, policyDocument = '' } = await iot.getPolicy({ policyName: name });
    const parsed = parsePolicyDocument(policyDocument);
    const document = parsed.ok ? parsed.value : policyDocument;
    return { ...(policyArn !== undefined && { arn: policyArn }), properties: told({ document }) };
  },

  async create(iot, { name, properties }, tag) {
    const policyDocument = JSON.stringify(properties.document);
    const { policyArn } = await iot.createPolicy({ policyName: name, policyDocument, tags: [tag] });
    return policyArn;
  },

  /** A new default version; the oldest gives way where there are five. */
  async update(iot, { name, properties }) {
    const versions = await versionsOf(iot, name);
    const [oldest] = versions.filter(({ isDefaultVersion }) => isDefaultVersion !== true);
    if (versions.length >= mostVersions && oldest?.versionId !== undefined) {
      await iot.deletePolicyVersion({ policyName: name, policyVersionId: oldest.versionId });
    }
    const policyDocument = JSON.stringify(properties.document);
    await iot.createPolicyVersion({ policyName: name, policyDocument, setAsDefault: true });
  },

  async remove(iot, { name }) {
    for (const { versionId, isDefaultVersion } of await versionsOf(iot, name)) {
      if (isDefaultVersion === true || versionId === undefined) continue;
      await iot.deletePolicyVersion({ policyName: name, policyVersionId: versionId }).catch(ignoreMissing);
    }
    await iot.deletePolicy({ policyName: name });
  },
};

/** The oldest first. */
async function versionsOf(iot: ControlPlane, policyName: string): Promise<readonly PolicyVersion[]> {
  const { policyVersions = [] } = await iot.listPolicyVersions({ policyName });
  return policyVersions.toSorted((left, right) => Number(left.versionId) - Number(right.versionId));
}

function ignoreMissing(error: unknown): void {
  if (!isIotFailure(error, 'not-found')) throw error;
}
