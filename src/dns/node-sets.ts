import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import type { WireName } from './wire-name.ts';
import type { ZoneNode } from './zone.ts';

/**
 * The A or AAAA of a steered name. `undefined`: it has none of that type. `unresolved`: its addresses are those of another
 * name that was never resolved.
 */
export type Steered = RecordSet | 'unresolved' | undefined;

/**
 * What there is at a steered name. `empty`: names below it, and no data. `none`: no such name, for example no device that
 * this label could be of.
 */
export type SteeredExistence = 'name' | 'empty' | 'none';

/** `owner`: the name asked for, where a wildcard is steered; else the steered name itself. */
export interface Steer {
  /** It may depend on who asks: only what needs the addresses is to ask for them. */
  set(steering: number, owner: WireName, type: number): Steered;
  existence(steering: number, owner: WireName): SteeredExistence;
  /** Seconds that what `set` says may be kept, also that there is none. */
  ttl(steering: number): number;
}

/** What there is at a node for `owner`. */
export function existenceAt({ steering }: ZoneNode, owner: WireName, steer: Steer): SteeredExistence {
  return steering === undefined ? 'name' : steer.existence(steering, owner);
}

/** The set of a type at a node, in the name of `owner`: the node's own, or a name that the node, a wildcard, stands for. */
export function setAt(node: ZoneNode, type: number, owner: WireName, steer: Steer): Steered {
  const { steering } = node;
  if (steering !== undefined && isAddressType(type)) return steer.set(steering, owner, type);
  const set = node.setByType.get(type);
  return set === undefined || node.owner === owner ? set : { ...set, owner };
}

/**
 * The types at a node, ascending; those of a cut are what its parent zone has of it. A steered name has both of
 * addresses, whatever it has for who asks now: it must not be denied what others are answered with (RFC 8198).
 */
export function typesAt(node: ZoneNode): readonly number[] {
  const types = [...node.setByType.keys()].filter(
    (type) => node.place !== 'cut' || type === recordType.NS || type === recordType.DS,
  );
  if (node.steering !== undefined) types.push(recordType.A, recordType.AAAA);
  return types.sort((one, other) => one - other);
}

export function isAddressType(type: number): boolean {
  return type === recordType.A || type === recordType.AAAA;
}
