import type { Account, PolicyRecord, PolicyVersionRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { readPolicyDocument } from './policy-document.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const policyOperations = {
  CreatePolicy({ policyName, policyDocument, tags }, { account, wallMs }) {
    expectName('policy', policyName);
    const version = newVersion(account, '1', policyDocument, wallMs);
    expectTags(account, tags);
    const arn = arnOf(account.identity, 'policy', policyName);
    account.policies.add(policyName, {
      ...{ arn, name: policyName, versions: [version], defaultVersionId: '1', lastVersion: 1 },
      ...{ createdMs: wallMs, modifiedMs: wallMs, generation: account.identifiers.uuid() },
    });
    setTags(account, arn, tags);
    return { policyName, policyArn: arn, policyDocument, policyVersionId: '1' };
  },

  GetPolicy({ policyName }, { account }) {
    const record = account.policies.get(policyName);
    return {
      ...{ policyName, policyArn: record.arn, policyDocument: versionOf(record, record.defaultVersionId).text },
      ...{ defaultVersionId: record.defaultVersionId, generationId: record.generation },
      ...{ creationDate: new Date(record.createdMs), lastModifiedDate: new Date(record.modifiedMs) },
    };
  },

  DeletePolicy({ policyName }, { account }) {
    const { arn, versions } = account.policies.get(policyName);
    if (account.policyTargets.rightsOf(policyName).length > 0) {
      const message = `The policy cannot be deleted as the policy is attached to one or more principals (name=${policyName})`;
      throw new IotRefusal('DeleteConflictException', message);
    }
    if (versions.length > 1) {
      const message = `Cannot delete the policy because it has one or more policy versions attached to it (name=${policyName})`;
      throw new IotRefusal('DeleteConflictException', message);
    }
    account.policies.remove(policyName);
    account.tagsByArn.delete(arn);
    return {};
  },

  ListPolicies({ pageSize, marker, ascendingOrder }, { account }) {
    const descending = ascendingOrder === false;
    const page = pageOf(account.policies.all(), ({ name }) => name, { size: pageSize, token: marker, descending });
    return {
      policies: page.items.map(({ name, arn }) => ({ policyName: name, policyArn: arn })),
      nextMarker: page.next,
    };
  },

  CreatePolicyVersion({ policyName, policyDocument, setAsDefault = false }, { account, wallMs }) {
    const record = account.policies.get(policyName);
    if (record.versions.length >= account.limits.policyVersions) {
      const message = `The policy ${policyName} already has the maximum number of versions (${account.limits.policyVersions})`;
      throw new IotRefusal('VersionsLimitExceededException', message);
    }
    const lastVersion = record.lastVersion + 1;
    const version = newVersion(account, String(lastVersion), policyDocument, wallMs);
    account.policies.replace(policyName, {
      ...{ ...record, versions: [...record.versions, version], lastVersion, modifiedMs: wallMs },
      defaultVersionId: setAsDefault ? version.id : record.defaultVersionId,
    });
    return {
      ...{ policyArn: record.arn, policyDocument, policyVersionId: version.id },
      isDefaultVersion: setAsDefault,
    };
  },

  GetPolicyVersion({ policyName, policyVersionId }, { account }) {
    const record = account.policies.get(policyName);
    const version = versionOf(record, policyVersionId);
    return {
      ...{ policyArn: record.arn, policyName, policyDocument: version.text, policyVersionId },
      ...{ isDefaultVersion: policyVersionId === record.defaultVersionId, generationId: record.generation },
      ...{ creationDate: new Date(version.createdMs), lastModifiedDate: new Date(version.createdMs) },
    };
  },

  ListPolicyVersions({ policyName }, { account }) {
    const { versions, defaultVersionId } = account.policies.get(policyName);
    return {
      policyVersions: versions.map(({ id, createdMs }) => ({
        ...{ versionId: id, isDefaultVersion: id === defaultVersionId, createDate: new Date(createdMs) },
      })),
    };
  },

  DeletePolicyVersion({ policyName, policyVersionId }, { account, wallMs }) {
    const record = account.policies.get(policyName);
    versionOf(record, policyVersionId);
    if (policyVersionId === record.defaultVersionId) {
      throw new IotRefusal('DeleteConflictException', 'Cannot delete the default version of a policy');
    }
    const versions = record.versions.filter(({ id }) => id !== policyVersionId);
    account.policies.replace(policyName, { ...record, versions, modifiedMs: wallMs });
    return {};
  },

  SetDefaultPolicyVersion({ policyName, policyVersionId }, { account, wallMs }) {
    const record = account.policies.get(policyName);
    versionOf(record, policyVersionId);
    account.policies.replace(policyName, { ...record, defaultVersionId: policyVersionId, modifiedMs: wallMs });
    return {};
  },
} satisfies Operations;

/** The version that counts. */
export function defaultVersion(record: PolicyRecord): PolicyVersionRecord {
  return versionOf(record, record.defaultVersionId);
}

function versionOf({ name, versions }: PolicyRecord, id: string): PolicyVersionRecord {
  const version = versions.find((candidate) => candidate.id === id);
  if (version === undefined) throw notFound(`The policy ${name} has no version ${id}`);
  return version;
}

function newVersion({ limits }: Account, id: string, text: string, createdMs: number): PolicyVersionRecord {
  if (text === '') throw invalidRequest('The policy document is empty');
  return { id, text, policy: readPolicyDocument(text, limits.policyCharacters), createdMs };
}
