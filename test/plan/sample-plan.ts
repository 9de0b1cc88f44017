import assert from 'node:assert/strict';
import type { DeviceIdentity } from '../../src/plan/device-key.ts';
import type { Cohort, Plan } from '../../src/plan/plan.ts';
import { createSnapshot, type RoutingSnapshot } from '../../src/plan/snapshot.ts';

/** One cohort `everyone` from legacy to aws at 5 %, by client ID, salt `demo`. */
export const samplePlan: Plan = {
  default: 'legacy',
  salt: 'demo',
  identity: ['mqtt.clientId'],
  overrides: [],
  cohorts: [
    { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 500, announce: 'source' },
  ],
  splits: [],
};

export const sampleBrokers = ['legacy', 'aws', 'third'] as const;

export function sampleCohort(changes: Partial<Cohort>): Cohort {
  return {
    name: 'everyone',
    match: { all: true },
    source: 'legacy',
    target: 'aws',
    weightBps: 500,
    announce: 'source',
    ...changes,
  };
}

/** The snapshot of a plan that names the given files, if any. */
export function snapshotOf(
  plan: Partial<Plan>,
  files: Readonly<Record<string, string>> = {},
  revision = 7,
): RoutingSnapshot {
  const snapshot = createSnapshot({
    revision,
    plan: { ...samplePlan, ...plan },
    readInclude: (path) => {
      const value = files[path];
      return value === undefined ? { ok: false, error: 'no such file' } : { ok: true, value };
    },
  });
  assert.ok(snapshot.ok);
  return snapshot.value;
}

export function byClientId(clientId: string): DeviceIdentity {
  return { clientId };
}
