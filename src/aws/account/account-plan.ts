import type { PropertyChange } from './property-difference.ts';
import { diffProperties } from './property-difference.ts';
import { type ActualResource, fixedProperties, fleetTag, type Reading, type Resource, resourceId } from './resource.ts';

/**
 * What is to be done about one resource. `nothing`: it is as it should be. `conflict`: it is not, and nothing may or can
 * be done about it from here. `unsupported`: the endpoint does not know this kind of thing.
 */
export type StepAction = 'create' | 'update' | 'nothing' | 'conflict' | 'unsupported';

export interface AccountStep {
  readonly resource: Resource;
  readonly action: StepAction;
  /** One sentence without a period. */
  readonly reason: string;
  readonly changes: readonly PropertyChange[];
  /** What the endpoint does not tell of it: not compared. */
  readonly notTold: readonly string[];
  /** As it was read; absent: it is not there. */
  readonly actual?: ActualResource;
}

export interface PlanTerms {
  /** The fleet's domain: the tag's value. */
  readonly fleet: string;
  readonly prefix: string;
  /** Take over what was made by hand under one of our names. */
  readonly adopt: boolean;
}

/** One step for each resource, in the order in which they are taken: what others depend on comes first. */
export function planAccount(
  desired: readonly Resource[],
  readings: ReadonlyMap<string, Reading>,
  terms: PlanTerms,
): readonly AccountStep[] {
  return inOrder(desired).map((resource) => planResource(resource, readings.get(resourceId(resource)), terms));
}

/** What is to be done about one resource that was found so. */
export function planResource(resource: Resource, reading: Reading | undefined, terms: PlanTerms): AccountStep {
  const step = { resource, changes: [], notTold: [] };
  if (reading === undefined || reading.state === 'absent') {
    return { ...step, action: 'create', reason: resource.purpose };
  }
  if (reading.state === 'unsupported') {
    const reason = `not supported by this endpoint (it does not know ${reading.operation})`;
    return { ...step, action: 'unsupported', reason };
  }
  return planPresent(resource, reading.actual, terms);
}

export function hasWork(steps: readonly AccountStep[]): boolean {
  return steps.some(({ action }) => action === 'create' || action === 'update');
}

export function conflictsOf(steps: readonly AccountStep[]): readonly AccountStep[] {
  return steps.filter(({ action }) => action === 'conflict');
}

function planPresent(resource: Resource, actual: ActualResource, terms: PlanTerms): AccountStep {
  const { changes, notTold } = diffProperties({ ...resource.properties }, actual.properties);
  const step = { resource, changes, notTold, actual };
  const owner = ownerOf(resource, actual, terms);
  if (owner.kind === 'another-fleet' && resource.kind !== 'ca-certificate') {
    const reason = `it belongs to the fleet ${owner.fleet}: give this one another aws.prefix`;
    return { ...step, action: 'conflict', reason };
  }
  if (changes.length === 0) {
    if (owner.kind === 'ours') return { ...step, action: 'nothing', reason: 'as described' };
    if (owner.kind === 'nobody' && terms.adopt) return { ...step, action: 'update', reason: 'taken over by its tag' };
    const maker = owner.kind === 'another-fleet' ? `made for the fleet ${owner.fleet}` : 'not made by Crossfade';
    return { ...step, action: 'nothing', reason: `as described; ${maker}, so destroy leaves it` };
  }
  const fixed = changes.find(({ path }) => fixedReason(resource, path) !== undefined);
  if (fixed !== undefined) {
    const reason = `${fixed.path} is another: ${fixedReason(resource, fixed.path)}`;
    return { ...step, action: 'conflict', reason };
  }
  if (owner.kind === 'another-fleet') {
    const reason = `the fleet ${owner.fleet} registered it otherwise: agree on one description`;
    return { ...step, action: 'conflict', reason };
  }
  if (owner.kind === 'nobody' && !terms.adopt) {
    const reason = 'it is there, was not made by Crossfade and differs: change it by hand, or pass --adopt';
    return { ...step, action: 'conflict', reason };
  }
  return { ...step, action: 'update', reason: `${changes.map(({ path }) => path).join(', ')} not as described` };
}

export type Owner =
  | { readonly kind: 'ours' }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'another-fleet'; readonly fleet: string };

/**
 * Whose a resource is: by its tag; without one by its name, if it begins with the prefix. What can carry no tag at this
 * endpoint is taken as ours, except what belongs to the whole account.
 */
export function ownerOf(
  resource: Pick<Resource, 'kind' | 'name'>,
  { tags }: ActualResource,
  { fleet, prefix }: Pick<PlanTerms, 'fleet' | 'prefix'>,
): Owner {
  if (resource.kind === 'logging-options' || tags === undefined) return { kind: 'ours' };
  const tagged = tags[fleetTag];
  if (tagged !== undefined) return tagged === fleet ? { kind: 'ours' } : { kind: 'another-fleet', fleet: tagged };
  // Rule names have no hyphens.
  const isNamedByUs = [`${prefix}-`, `${prefix.replaceAll('-', '_')}_`].some((start) =>
    resource.name.startsWith(start),
  );
  return { kind: isNamedByUs && resource.kind !== 'ca-certificate' ? 'ours' : 'nobody' };
}

function fixedReason({ kind }: Resource, path: string): string | undefined {
  const [property = ''] = path.split(/[.[]/);
  return fixedProperties[kind]?.[property];
}

/** Stable: what depends on nothing that comes later keeps its place. A circle cannot be: see desired-resources.ts. */
function inOrder(resources: readonly Resource[]): readonly Resource[] {
  const byId = new Map(resources.map((resource) => [resourceId(resource), resource]));
  const ordered = new Map<string, Resource>();
  function visit(resource: Resource): void {
    const id = resourceId(resource);
    if (ordered.has(id)) return;
    for (const needed of resource.dependsOn) {
      const before = byId.get(needed);
      if (before !== undefined) visit(before);
    }
    ordered.set(id, resource);
  }
  for (const resource of resources) visit(resource);
  return [...ordered.values()];
}
