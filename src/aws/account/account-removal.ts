import { adviceOn } from '../failure-advice.ts';
import { type IotFailure, isIotFailure } from '../iot-failure.ts';
import type { ControlPlane } from '../control-plane.ts';
import { ownerOf, type PlanTerms } from './account-plan.ts';
import { type ActualResource, type Reading, type Resource, resourceId } from './resource.ts';
import { operationsOf, readResource } from './resource-operations.ts';

/** What becomes of one resource when the account is cleared of a fleet. */
export type RemovalStep =
  | { readonly resource: Resource; readonly action: 'remove'; readonly actual: ActualResource }
  | { readonly resource: Resource; readonly action: 'keep'; readonly reason: string };

/** In the reverse of the order in which they were made; what is not there has no step. */
export function planRemoval(
  desired: readonly Resource[],
  readings: ReadonlyMap<string, Reading>,
  terms: Pick<PlanTerms, 'fleet' | 'prefix'>,
): readonly RemovalStep[] {
  return desired.toReversed().flatMap((resource): readonly RemovalStep[] => {
    const reading = readings.get(resourceId(resource));
    if (reading?.state !== 'present') return [];
    const { actual } = reading;
    if (resource.kind === 'logging-options') {
      const reason = 'it is the whole account’s, and what it was before is not known: change it by hand';
      return [{ resource, action: 'keep', reason }];
    }
    const owner = ownerOf(resource, actual, terms);
    if (owner.kind === 'ours') return [{ resource, action: 'remove', actual }];
    const reason = owner.kind === 'nobody' ? 'not made by Crossfade' : `it belongs to the fleet ${owner.fleet}`;
    return [{ resource, action: 'keep', reason }];
  });
}

export interface RemovalReport {
  readonly removed: readonly Resource[];
  /** What AWS refused to remove, each with what to do. */
  readonly left: readonly { readonly resource: Resource; readonly reason: string; readonly nextStep: string }[];
}

/**
 * Removes one after the other. What AWS refuses because something else needs it, or not yet, is left and the rest goes
 * on; rejects with an IotFailure where going on makes no sense.
 */
export async function removeResources(
  iot: ControlPlane,
  steps: readonly RemovalStep[],
  onStep: (done: number, step: RemovalStep) => void,
): Promise<RemovalReport> {
  const removed: Resource[] = [];
  const left: RemovalReport['left'][number][] = [];
  for (const [index, step] of steps.entries()) {
    onStep(index, step);
    if (step.action === 'keep') continue;
    const failure = await removeResource(iot, step.resource);
    if (failure === undefined) removed.push(step.resource);
    else left.push({ resource: step.resource, reason: failure.message, nextStep: nextStepOf(step.resource, failure) });
  }
  return { removed, left };
}

/** Why it could not be removed; undefined: it is gone. */
async function removeResource(iot: ControlPlane, resource: Resource): Promise<IotFailure | undefined> {
  const reading = await readResource(iot, resource);
  if (reading.state !== 'present') return undefined;
  try {
    await operationsOf(resource).remove(iot, resource, reading.actual);
    return undefined;
  } catch (error) {
    if (isIotFailure(error, 'not-found')) return undefined;
    if (isIotFailure(error, 'conflict', 'invalid', 'unsupported')) return error;
    throw error;
  }
}

function nextStepOf({ kind }: Resource, failure: IotFailure): string {
  switch (kind) {
    case 'thing-type':
      return 'it is deprecated now; AWS deletes it five minutes later at the earliest and when no thing has it: run destroy again';
    case 'policy':
      return 'it is attached to certificates: pass --device-certificates to delete those too, or detach it';
    case 'domain-configuration':
      return 'it is disabled now: run destroy again in a while';
    default:
      return adviceOn(failure);
  }
}
