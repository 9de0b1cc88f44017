import type { Account, PolicyRecord } from './account.ts';
import { certificateWithArn } from './device-certificates.ts';
import { nameInArn } from './identity.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { defaultVersion } from './policies.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';
import { ancestorsOf, groupsOfThing } from './thing-groups.ts';

export const policyAttachmentOperations = {
  AttachPolicy({ policyName, target }, { account }) {
    attachPolicy(account, policyName, target);
    return {};
  },
  DetachPolicy({ policyName, target }, { account }) {
    detachPolicy(account, policyName, target);
    return {};
  },
  AttachPrincipalPolicy({ policyName, principal }, { account }) {
    attachPolicy(account, policyName, principal);
    return {};
  },
  DetachPrincipalPolicy({ policyName, principal }, { account }) {
    detachPolicy(account, policyName, principal);
    return {};
  },

  ListAttachedPolicies({ target, recursive = false, pageSize, marker }, { account }) {
    expectTarget(account, target);
    const group = nameInArn(account.identity, 'thinggroup', target);
    const targets = [
      target,
      ...(recursive && group !== undefined ? ancestorsOf(account, group).map(({ arn }) => arn) : []),
    ];
    const attached = policiesOf(account, targets);
    const page = pageOf(attached, ({ name }) => name, { size: pageSize, token: marker });
    return {
      policies: page.items.map(({ name, arn }) => ({ policyName: name, policyArn: arn })),
      nextMarker: page.next,
    };
  },

  ListPrincipalPolicies({ principal, pageSize, marker }, { account }) {
    const page = pageOf(policiesOf(account, [principal]), ({ name }) => name, { size: pageSize, token: marker });
    return {
      policies: page.items.map(({ name, arn }) => ({ policyName: name, policyArn: arn })),
      nextMarker: page.next,
    };
  },

  ListTargetsForPolicy({ policyName, pageSize, marker }, { account }) {
    account.policies.get(policyName);
    const targets = account.policyTargets.rightsOf(policyName);
    const page = pageOf(targets, (target) => target, { size: pageSize, token: marker });
    return { targets: page.items, nextMarker: page.next };
  },

  ListPolicyPrincipals({ policyName, pageSize, marker }, { account }) {
    account.policies.get(policyName);
    const principals = account.policyTargets.rightsOf(policyName).filter((target) => target.includes(':cert/'));
    const page = pageOf(principals, (principal) => principal, { size: pageSize, token: marker });
    return { principals: page.items, nextMarker: page.next };
  },

  GetEffectivePolicies({ principal, thingName }, { account }) {
    if (principal === undefined && thingName === undefined) throw invalidRequest('Expected a principal or a thing');
    if (principal !== undefined) certificateWithArn(account, principal);
    if (thingName !== undefined) account.things.get(thingName);
    const things = thingName !== undefined ? [thingName] : account.thingPrincipals.leftsOf(principal ?? '');
    const groups = things.flatMap((thing) => groupsOfThing(account, thing));
    const targets = [...(principal === undefined ? [] : [principal]), ...groups.map(({ arn }) => arn)];
    return {
      effectivePolicies: policiesOf(account, targets).map((record) => ({
        ...{ policyName: record.name, policyArn: record.arn, policyDocument: defaultVersion(record).text },
      })),
    };
  },
} satisfies Operations;

/** Attaching what is attached changes nothing. */
export function attachPolicy(account: Account, policyName: string, target: string): void {
  account.policies.get(policyName);
  const bound = expectTarget(account, target);
  const attached = account.policyTargets.leftsOf(target);
  if (!attached.includes(policyName) && attached.length >= bound) {
    throw new IotRefusal('LimitExceededException', `${target} may have ${bound} policies`);
  }
  account.policyTargets.attach(policyName, target, true);
}

/** Every policy that is attached to one of the targets, once. */
export function policiesOf(account: Account, targets: readonly string[]): PolicyRecord[] {
  const names = new Set(targets.flatMap((target) => account.policyTargets.leftsOf(target)));
  return [...names].map((name) => account.policies.get(name));
}

function detachPolicy(account: Account, policyName: string, target: string): void {
  account.policies.get(policyName);
  expectTarget(account, target);
  if (!account.policyTargets.detach(policyName, target)) {
    throw notFound(`The policy ${policyName} is not attached to ${target}`);
  }
}

/** How many policies the target may have; throws when there is no such target. */
function expectTarget(account: Account, target: string): number {
  const { identity, limits } = account;
  const group = nameInArn(identity, 'thinggroup', target);
  if (group !== undefined) {
    account.thingGroups.get(group);
    return limits.policiesPerThingGroup;
  }
  if (nameInArn(identity, 'cert', target) === undefined) {
    throw invalidRequest(`Expected the ARN of a certificate or a thing group of this account, got ${target}`);
  }
  certificateWithArn(account, target);
  return limits.policiesPerTarget;
}
