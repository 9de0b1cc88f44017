import { recordType } from '../record-type.ts';
import type { WireName } from '../wire-name.ts';
import { uncompressedName } from './names.ts';

/** Where the name stands whose addresses who asks for the record will want next. */
const targetOffsetByType: ReadonlyMap<number, number> = new Map([
  [recordType.NS, 0],
  [recordType.MX, 2],
  [recordType.SRV, 6],
  [recordType.SVCB, 2],
  [recordType.HTTPS, 2],
]);

export function hasTarget(type: number): boolean {
  return targetOffsetByType.has(type);
}

/**
 * The name that NS, MX, SRV, SVCB or HTTPS data points to; undefined for other types and for the root: there is none, or
 * the owner itself is meant (RFC 9460 section 2.5.2), whose addresses are not added, as Knot does not add them.
 */
export function targetName(type: number, rdata: Uint8Array): WireName | undefined {
  const offset = targetOffsetByType.get(type);
  const name = offset === undefined ? undefined : uncompressedName(rdata, offset);
  return name !== undefined && name.length > 1 ? name : undefined;
}
