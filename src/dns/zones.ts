import { recordType } from './record-type.ts';
import type { Zone } from './zone.ts';

/** The zones that are served, found by the names that are asked for. */
export interface Zones {
  readonly zoneByOrigin: ReadonlyMap<string, Zone>;
  /** Lengths of their keys: no other end of a name can be an origin. */
  readonly originLengths: ReadonlySet<number>;
}

export function createZones(zones: readonly Zone[]): Zones {
  return {
    zoneByOrigin: new Map(zones.map((zone) => [zone.originKey, zone])),
    originLengths: new Set(zones.map(({ originKey }) => originKey.length)),
  };
}

/**
 * The zone that answers a question: the one with the longest origin that the name ends with; for DS at an origin the one
 * above, which has the delegation (RFC 4035 section 3.1.4.1), if it is served too.
 */
export function zoneFor(zones: Zones, key: string, type: number): Zone | undefined {
  const zone = zoneAt(zones, key, 0);
  if (type !== recordType.DS || zone === undefined || zone.originKey !== key || key.length === 1) return zone;
  return zoneAt(zones, key, 1 + key.charCodeAt(0)) ?? zone;
}

function zoneAt({ zoneByOrigin, originLengths }: Zones, key: string, from: number): Zone | undefined {
  for (let at = from; at < key.length; at += 1 + key.charCodeAt(at)) {
    const zone = originLengths.has(key.length - at) ? zoneByOrigin.get(at === 0 ? key : key.slice(at)) : undefined;
    if (zone !== undefined) return zone;
  }
  return undefined;
}
