import { findName } from './name-search.ts';
import { type Steer, setAt } from './node-sets.ts';
import { hasTarget, targetName } from './rdata/target-names.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { nameKey, type WireName } from './wire-name.ts';
import { isInZone, type Zone, type ZoneNode } from './zone.ts';

/** Addresses of the names that NS, MX, SRV, SVCB and HTTPS data points to, as far as this zone has them, glue included. */
export function additionalSets(zone: Zone, sets: readonly RecordSet[], steer: Steer): readonly RecordSet[] {
  const added: RecordSet[] = [];
  let seen: Set<string> | undefined;
  for (const { type, rdatas } of sets) {
    if (!hasTarget(type)) continue;
    seen ??= new Set(sets.filter((set) => set.type === recordType.A).map((set) => nameKey(set.owner)));
    for (const rdata of rdatas) {
      const target = targetName(type, rdata);
      if (target === undefined || !isInZone(target, zone)) continue;
      const key = nameKey(target);
      if (!seen.has(key)) added.push(...addressesOf(zone, key, target, steer));
      seen.add(key);
    }
  }
  return added;
}

function addressesOf(zone: Zone, key: string, target: WireName, steer: Steer): readonly RecordSet[] {
  const exact = zone.nodeByKey.get(key);
  const node = exact ?? wildcardNode(zone, key);
  if (node === undefined) return [];
  return [recordType.A, recordType.AAAA]
    .map((type) => setAt(node, type, exact?.owner ?? target, steer))
    .filter((set) => typeof set === 'object');
}

function wildcardNode(zone: Zone, key: string): ZoneNode | undefined {
  const found = findName(zone, key, recordType.A);
  return found.kind === 'node' ? found.node : undefined;
}
