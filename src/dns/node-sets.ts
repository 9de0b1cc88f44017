import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import type { WireName } from './wire-name.ts';
import type { ZoneNode } from './zone.ts';

/**
 * The A or AAAA of a steered name. `undefined`: it has none of that type. `no-name`: there is no such name, for example no
 * device that this label could be of. `unresolved`: its addresses are those of another name that was never resolved.
 */
export type Steered = RecordSet | 'no-name' | 'unresolved' | undefined;

/** `owner`: the name asked for, where a wildcard is steered; else the steered name itself. */
export type Steer = (steering: number, owner: WireName, type: number) => Steered;

/** The set of a type at a node, in the name of `owner`: the node's own, or a name that the node, a wildcard, stands for. */
export function setAt(node: ZoneNode, type: number, owner: WireName, steer: Steer): Steered {
  const { steering } = node;
  if (steering !== undefined && isAddressType(type)) return steer(steering, owner, type);
  if (steering !== undefined && steer(steering, owner, recordType.A) === 'no-name') return 'no-name';
  const set = node.setByType.get(type);
  return set === undefined || node.owner === owner ? set : { ...set, owner };
}

/** The types at a node, ascending; those of a cut are what its parent zone has of it. */
export function typesAt(node: ZoneNode, owner: WireName, steer: Steer): readonly number[] {
  const types = [...node.setByType.keys()].filter(
    (type) => node.place !== 'cut' || type === recordType.NS || type === recordType.DS,
  );
  const { steering } = node;
  if (steering !== undefined) {
    for (const type of [recordType.A, recordType.AAAA]) {
      if (typeof steer(steering, owner, type) === 'object') types.push(type);
    }
  }
  return types.sort((one, other) => one - other);
}

function isAddressType(type: number): boolean {
  return type === recordType.A || type === recordType.AAAA;
}
