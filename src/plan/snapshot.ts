import { deepFreeze } from '../base/freeze.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Assignment } from './assignment.ts';
import { type CohortPredicate, createCohortPredicate, type ReadInclude } from './cohort-match.ts';
import { type DeviceIdentity, type DeviceKey, type DeviceKeyKind, deviceKeyOf, identityOfKind } from './device-key.ts';
import type { Cohort, Override, Plan } from './plan.ts';
import { cohortSalt, positionOf } from './position.ts';

/** The plan of one revision, prepared for questions; immutable, swapped whole. */
export interface RoutingSnapshot {
  readonly revision: number;
  readonly plan: Plan;
  /** Pure: the same device gets the same answer in every process. */
  assign(device: DeviceIdentity): Assignment;
}

export interface SnapshotOptions {
  readonly revision: number;
  readonly plan: Plan;
  /** Not asked unless a cohort names a `clientIdsFile`. Read once, here: later changes of the file change nothing. */
  readonly readInclude: ReadInclude;
}

/** Fails when a file that the plan names cannot be read: then the snapshot that is in force should stay. */
export function createSnapshot({ revision, plan, readInclude }: SnapshotOptions): Result<RoutingSnapshot> {
  const frozenPlan = Object.isFrozen(plan) ? plan : deepFreeze(structuredClone(plan));
  const prepared: PreparedCohort[] = [];
  for (const cohort of frozenPlan.cohorts) {
    const predicate = createCohortPredicate(cohort.match, readInclude);
    if (!predicate.ok) return failure(`cohort ${cohort.name}: ${predicate.error}`);
    prepared.push({ cohort, isMember: predicate.value, salt: cohortSalt(frozenPlan.salt, cohort.name) });
  }
  const overrideFor = createOverrideLookup(frozenPlan.overrides);

  function assign(device: DeviceIdentity): Assignment {
    const override = overrideFor(device);
    if (override !== undefined) return overrideAssignment(override, frozenPlan.salt, revision);
    const deviceKey = deviceKeyOf(device, frozenPlan.identity);
    if (deviceKey === undefined) return { broker: frozenPlan.default, reason: 'no-key', revision };
    const fleetPosition = createLazyPosition(frozenPlan.salt, deviceKey);
    const first = prepared.find(({ isMember }) => isMember(device, fleetPosition));
    if (first !== undefined) return cohortAssignment(first, deviceKey, revision);
    const { kind, key } = deviceKey;
    return { broker: frozenPlan.default, reason: 'no-cohort', revision, kind, key, position: fleetPosition() };
  }

  return success(Object.freeze({ revision, plan: frozenPlan, assign }));
}

interface PreparedCohort {
  readonly cohort: Cohort;
  readonly isMember: CohortPredicate;
  readonly salt: string;
}

/**
 * The override of a device, whatever the plan's `identity` is: an override looks at its own kind only. When several
 * kinds of one device are overridden, the first in the plan's order decides.
 */
function createOverrideLookup(overrides: readonly Override[]): (device: DeviceIdentity) => Override | undefined {
  const rankByKeyByKind = new Map<DeviceKeyKind, Map<string, number>>();
  overrides.forEach(({ kind, key }, rank) => {
    const rankByKey = rankByKeyByKind.get(kind) ?? new Map<string, number>();
    rankByKeyByKind.set(kind, rankByKey);
    if (!rankByKey.has(key)) rankByKey.set(key, rank);
  });
  return (device) => {
    let first = overrides.length;
    for (const [kind, rankByKey] of rankByKeyByKind) {
      const key = identityOfKind(device, kind);
      const rank = key === undefined ? undefined : rankByKey.get(key);
      if (rank !== undefined && rank < first) first = rank;
    }
    return overrides[first];
  };
}

/** Names the identity that decided, which need not be the device's key. */
function overrideAssignment({ kind, key, broker }: Override, salt: string, revision: number): Assignment {
  return { broker, reason: 'override', revision, kind, key, position: positionOf(salt, kind, key) };
}

function cohortAssignment({ cohort, salt }: PreparedCohort, { kind, key }: DeviceKey, revision: number): Assignment {
  const position = positionOf(salt, kind, key);
  const isOnTarget = position < cohort.weightBps;
  return {
    broker: isOnTarget ? cohort.target : cohort.source,
    reason: isOnTarget ? 'cohort-target' : 'cohort-source',
    revision,
    kind,
    key,
    cohort: cohort.name,
    position,
    weightBps: cohort.weightBps,
  };
}

function createLazyPosition(salt: string, { kind, key }: DeviceKey): () => number {
  let position: number | undefined;
  return () => {
    position ??= positionOf(salt, kind, key);
    return position;
  };
}
