import type { DeviceKeyKind } from './device-key.ts';

export type AssignmentReason =
  /** An override named this device. */
  | 'override'
  /** The first matching cohort, position below its weight. */
  | 'cohort-target'
  /** The first matching cohort, position at or above its weight. */
  | 'cohort-source'
  /** No cohort matched. */
  | 'no-cohort'
  /** The device presented none of the plan's identities. */
  | 'no-key';

/** The plan's answer for one device: the broker it wants it on (`desired`), and why. */
export interface Assignment {
  readonly broker: string;
  readonly reason: AssignmentReason;
  readonly revision: number;
  readonly kind?: DeviceKeyKind;
  readonly key?: string;
  readonly cohort?: string;
  /** position(salt/COHORT) when a cohort matched, else position(salt); 0 ≤ position < 10 000. */
  readonly position?: number;
  readonly weightBps?: number;
}
