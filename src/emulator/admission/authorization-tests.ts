import type { AuthInfo, AuthResult } from '@aws-sdk/client-iot';
import type { PolicyRecord } from '../account/account.ts';
import { certificateWithArn } from '../account/device-certificates.ts';
import type { Operations } from '../account/operation.ts';
import { defaultVersion } from '../account/policies.ts';
import { policiesOf } from '../account/policy-attachments.ts';
import { applies, evaluatePolicies, type PolicyQuestion } from '../account/policy-evaluation.ts';
import type { PolicyVariables } from '../account/policy-pattern.ts';
import { invalidRequest } from '../account/refusal.ts';
import { groupsOfThing } from '../account/thing-groups.ts';
import { connectionVariables } from './connection-variables.ts';
import { associatedThing } from './thing-association.ts';

export const authorizationTestOperations = {
  /** What the policies of a certificate would decide, some added and some left out. */
  TestAuthorization(input, { account }) {
    const { principal, clientId, authInfos, policyNamesToAdd = [], policyNamesToSkip = [] } = input;
    if (principal === undefined && policyNamesToAdd.length === 0) {
      throw invalidRequest('Expected a principal or policies to add');
    }
    const record = principal === undefined ? undefined : certificateWithArn(account, principal);
    const groups =
      principal === undefined
        ? []
        : account.thingPrincipals.leftsOf(principal).flatMap((thing) => groupsOfThing(account, thing));
    const targets = [...(principal === undefined ? [] : [principal]), ...groups.map(({ arn }) => arn)];
    const added = policyNamesToAdd.map((name) => account.policies.get(name));
    const policies = [...policiesOf(account, targets), ...added].filter(
      ({ name }) => !policyNamesToSkip.includes(name),
    );
    const variables = connectionVariables({
      ...{ clientId, sourceAddress: undefined, serverName: undefined, certificate: record?.certificate },
      thing: () => (record === undefined ? undefined : associatedThing(account, record.arn, clientId ?? '')),
    });
    return { authResults: authInfos.map((info) => authResult(info, policies, variables)) };
  },
} satisfies Operations;

const actionNames: ReadonlyMap<string, string> = new Map([
  ['PUBLISH', 'iot:Publish'],
  ['SUBSCRIBE', 'iot:Subscribe'],
  ['RECEIVE', 'iot:Receive'],
  ['CONNECT', 'iot:Connect'],
]);

/** Resources are ARNs; all of them have to be allowed. */
function authResult(info: AuthInfo, policies: readonly PolicyRecord[], variables: PolicyVariables): AuthResult {
  const action = actionNames.get(info.actionType ?? '');
  if (action === undefined) throw invalidRequest(`Expected an action type, got ${info.actionType ?? 'none'}`);
  const questions = (info.resources ?? []).map((resource): PolicyQuestion => ({ action, resource, variables }));
  const documents = policies.map((record) => defaultVersion(record).policy);
  const decisions = questions.map((question) => evaluatePolicies(documents, question));
  const said = (effect: 'Allow' | 'Deny') =>
    policies
      .filter((record) =>
        defaultVersion(record).policy.statements.some(
          (statement) => statement.effect === effect && questions.some((question) => applies(statement, question)),
        ),
      )
      .map(({ name, arn }) => ({ policyName: name, policyArn: arn }));
  const authDecision = decisions.includes('explicit-deny')
    ? 'EXPLICIT_DENY'
    : decisions.includes('implicit-deny')
      ? 'IMPLICIT_DENY'
      : 'ALLOWED';
  return {
    ...{ authInfo: info, authDecision, missingContextValues: [] },
    allowed: { policies: said('Allow') },
    denied: { implicitDeny: { policies: [] }, explicitDeny: { policies: said('Deny') } },
  };
}
