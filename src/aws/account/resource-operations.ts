import { isIotFailure } from '../iot-failure.ts';
import type { ControlPlane } from '../control-plane.ts';
import { authorizerOperations } from './kinds/authorizer-operations.ts';
import { caCertificateOperations } from './kinds/ca-certificate-operations.ts';
import { domainConfigurationOperations } from './kinds/domain-configuration-operations.ts';
import type { KindOperations } from './kinds/kind-operations.ts';
import { loggingOptionsOperations } from './kinds/logging-options-operations.ts';
import { policyOperations } from './kinds/policy-operations.ts';
import { thingTypeOperations } from './kinds/thing-type-operations.ts';
import { topicRuleOperations } from './kinds/topic-rule-operations.ts';
import { type ActualResource, fleetTag, type Reading, type Resource, type ResourceKind } from './resource.ts';

const operationsByKind = {
  policy: policyOperations,
  'thing-type': thingTypeOperations,
  authorizer: authorizerOperations,
  'topic-rule': topicRuleOperations,
  'ca-certificate': caCertificateOperations,
  'domain-configuration': domainConfigurationOperations,
  'logging-options': loggingOptionsOperations,
} as const satisfies { readonly [Kind in ResourceKind]: KindOperations<Extract<Resource, { kind: Kind }>> };

/** The operations of a resource's own kind. */
export function operationsOf(resource: Resource): KindOperations {
  return operationsByKind[resource.kind] as unknown as KindOperations;
}

/** A resource as it is now, tags included. Rejects with an IotFailure where that cannot be known. */
export async function readResource(iot: ControlPlane, resource: Resource): Promise<Reading> {
  try {
    const actual = await operationsOf(resource).read(iot, resource);
    return actual === undefined ? { state: 'absent' } : { state: 'present', actual: await withTags(iot, actual) };
  } catch (error) {
    if (isIotFailure(error, 'not-found')) return { state: 'absent' };
    if (isIotFailure(error, 'unsupported')) return { state: 'unsupported', operation: error.operation };
    throw error;
  }
}

/** Marks what the endpoint made without its tag, and what is taken over. No failure where there are no tags. */
export async function tagResource(iot: ControlPlane, arn: string, fleet: string): Promise<void> {
  try {
    await iot.tagResource({ resourceArn: arn, tags: [{ Key: fleetTag, Value: fleet }] });
  } catch (error) {
    if (!isIotFailure(error, 'unsupported')) throw error;
  }
}

async function withTags(iot: ControlPlane, actual: ActualResource): Promise<ActualResource> {
  if (actual.arn === undefined) return actual;
  const tags = await tagsOf(iot, actual.arn);
  return tags === undefined ? actual : { ...actual, tags };
}

/** Undefined: the endpoint has no tags. */
async function tagsOf(iot: ControlPlane, resourceArn: string): Promise<Readonly<Record<string, string>> | undefined> {
  const tags: Record<string, string> = {};
  let nextToken: string | undefined;
  try {
    do {
      const page = await iot.listTagsForResource({ resourceArn, ...(nextToken !== undefined && { nextToken }) });
      for (const { Key, Value = '' } of page.tags ?? []) if (Key !== undefined) tags[Key] = Value;
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return tags;
  } catch (error) {
    if (isIotFailure(error, 'unsupported')) return undefined;
    // What has just been made may not have reached the place of the tags yet.
    if (isIotFailure(error, 'not-found')) return {};
    throw error;
  }
}
