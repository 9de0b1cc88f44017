import type { Account } from '../account/account.ts';
import { arnOf } from '../account/identity.ts';
import { defaultVersion } from '../account/policies.ts';
import { policiesOf } from '../account/policy-attachments.ts';
import type { Policy } from '../account/policy-document.ts';
import { evaluatePolicies } from '../account/policy-evaluation.ts';
import type { PolicyVariables } from '../account/policy-pattern.ts';
import { groupsOfThing } from '../account/thing-groups.ts';
import type { ConnectQuestion, TopicAction } from '../account-gate.ts';

/** The policies of a certificate: its own, and those of the groups that its things are in. */
export function certificatePolicies(account: Account, arn: string): Policy[] {
  const things = account.thingPrincipals.leftsOf(arn);
  const groups = things.flatMap((thing) => groupsOfThing(account, thing).map((group) => group.arn));
  return policiesOf(account, [arn, ...groups]).map((record) => defaultVersion(record).policy);
}

/** `iot:ConnectAttributes` of a CONNECT. */
export function connectAttributes({ persistent, will }: ConnectQuestion): string[] {
  return [...(persistent ? ['PersistentConnect'] : []), ...(will === undefined ? [] : ['LastWill'])];
}

/** Whether a client may connect: with its client ID, its kind of session, and its will's topic. */
export function mayConnect(
  { identity }: Account,
  policies: readonly Policy[],
  { clientId, will }: ConnectQuestion,
  variables: PolicyVariables,
): boolean {
  const isAllowed = (action: string, kind: 'client' | 'topic', name: string) =>
    evaluatePolicies(policies, { action, resource: arnOf(identity, kind, name), variables }) === 'allowed';
  if (!isAllowed('iot:Connect', 'client', clientId)) return false;
  if (will === undefined) return true;
  if (!isAllowed('iot:Publish', 'topic', will.topic)) return false;
  return !will.retain || isAllowed('iot:RetainPublish', 'topic', will.topic);
}

export function mayUseTopic(
  { identity }: Account,
  policies: readonly Policy[],
  { action, name }: { readonly action: TopicAction; readonly name: string },
  variables: PolicyVariables,
): boolean {
  const resource = arnOf(identity, action === 'iot:Subscribe' ? 'topicfilter' : 'topic', name);
  return evaluatePolicies(policies, { action, resource, variables }) === 'allowed';
}
