import type { Assignment } from '../plan/assignment.ts';
import { type DeviceIdentity, type DeviceKeyKind, parseFingerprint, serialNumberOf } from '../plan/device-key.ts';
import { canEndDeviceLabels, keyOfDeviceLabels } from '../plan/device-label.ts';
import type { Plan } from '../plan/plan.ts';
import { decisionOf, type Steering, type SteeringDecision, type SteeringFacts } from './steering-decision.ts';
import type { CohortRule } from './steering-rule.ts';

/** A device's own name, answered by the side of its cohort that the plan sends it to: the same as `crossfade where`. */
export function createCohortSteering(rule: CohortRule, facts: SteeringFacts): Steering {
  const { plan } = facts.plan;
  const bySide = {
    source: decisionOf(rule.source, { side: 'source' }, facts.aliases),
    target: decisionOf(rule.target, { side: 'target' }, facts.aliases),
  };
  const noDevice: SteeringDecision = { kind: 'no-device' };
  const aboveDevices: SteeringDecision = { kind: 'above-devices' };
  return {
    rule,
    dependsOnNetwork: false,
    decide: (labels) => {
      const key = deviceKeyOfLabels(labels, rule.label);
      if (key === undefined) return isAboveDevices(labels) ? aboveDevices : noDevice;
      return bySide[sideOf(facts.plan.assign(deviceOfKey(rule.label, key)), plan)];
    },
    scopeOf: () => 0,
  };
}

/** The key whose name these labels are; undefined when no device of that kind can have it. */
export function deviceKeyOfLabels(labels: readonly Uint8Array[], kind: DeviceKeyKind): string | undefined {
  const key = keyOfDeviceLabels(labels.map(latin1));
  return key === undefined || !isKeyOfKind(key, kind) ? undefined : key;
}

/** Whether names of devices may end with these labels, so that resolvers which ask from the top must not be stopped here. */
export function isAboveDevices(labels: readonly Uint8Array[]): boolean {
  return canEndDeviceLabels(labels.map(latin1));
}

/** A device of which only this is known. */
export function deviceOfKey(kind: DeviceKeyKind, key: string): DeviceIdentity {
  switch (kind) {
    case 'cn':
      return { certificate: { commonName: key } };
    case 'fingerprint':
      return { certificate: { fingerprint: key } };
    case 'serial':
      return { certificate: { serialNumber: key } };
    case 'clientid':
      return { clientId: key };
    case 'username':
      return { username: key };
  }
}

/**
 * The side that a device is answered with. A broker that an override or the default names has no side of its own: it is
 * the target's where it is only ever a target, else the source's.
 */
export function sideOf({ reason, broker }: Assignment, { cohorts }: Plan): 'source' | 'target' {
  if (reason === 'cohort-target') return 'target';
  if (reason === 'cohort-source') return 'source';
  const isTarget = cohorts.some(({ target }) => target === broker);
  return isTarget && !cohorts.some(({ source }) => source === broker) ? 'target' : 'source';
}

/** Fingerprints and serial numbers have one spelling (contract section 1); another is no device's. */
function isKeyOfKind(key: string, kind: DeviceKeyKind): boolean {
  if (kind === 'fingerprint') {
    const fingerprint = parseFingerprint(key);
    return fingerprint.ok && fingerprint.value === key;
  }
  return kind !== 'serial' || (/^[0-9a-f]+$/.test(key) && serialNumberOf(key) === key);
}

/** Octets beyond ASCII are no part of a device's label, but must not be taken for other ones. */
function latin1(label: Uint8Array): string {
  return Buffer.from(label.buffer, label.byteOffset, label.length).toString('latin1');
}
