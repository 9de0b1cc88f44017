import type { Steered, SteeredExistence } from './node-sets.ts';
import { recordType } from './record-type.ts';
import type { SteeringDecision } from './steering-decision.ts';
import type { WireName } from './wire-name.ts';

/** The set that a decision gives; undefined: none of that type. */
export function steeredSet(
  decision: SteeringDecision | undefined,
  set: { readonly owner: WireName; readonly type: number; readonly ttl: number },
): Steered {
  if (decision?.kind === 'unresolved') return 'unresolved';
  if (decision?.kind !== 'addresses') return undefined;
  const rdatas = set.type === recordType.A ? decision.addresses.a : decision.addresses.aaaa;
  return rdatas.length === 0 ? undefined : { ...set, rdatas };
}

export function steeredExistence(decision: SteeringDecision | undefined): SteeredExistence {
  if (decision?.kind === 'no-device') return 'none';
  return decision?.kind === 'above-devices' ? 'empty' : 'name';
}
