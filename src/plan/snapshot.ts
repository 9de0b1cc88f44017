import type { Assignment } from './assignment.ts';
import type { DeviceIdentity } from './device-key.ts';
import type { Plan } from './plan.ts';

/** The plan of one revision, prepared for questions; immutable, swapped whole. */
export interface RoutingSnapshot {
  readonly revision: number;
  readonly plan: Plan;
  /** Pure: the same device gets the same answer in every process. */
  assign(device: DeviceIdentity): Assignment;
}
