import { failure, type Result, success } from '../base/result.ts';
import type { MasterRecord } from './master-file.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { isAtOrBelow, nameKey, nameOfKey, type WireName } from './wire-name.ts';
import { checkZone } from './zone-checks.ts';
import { groupRecords, type PlacedSets, type ZoneFinding } from './zone-records.ts';

/**
 * A name of a zone.
 * `authoritative`: the zone's own, also an empty non-terminal, which has no sets.
 * `cut`: it has NS below the apex, so that all but its DS belongs to another zone.
 * `occluded`: below a cut; its addresses are glue and nothing else of it is ever answered.
 */
export interface ZoneNode {
  readonly owner: WireName;
  readonly place: 'authoritative' | 'cut' | 'occluded';
  /** Of an occluded node. */
  readonly cut?: ZoneNode;
  readonly setByType: ReadonlyMap<number, RecordSet>;
  /** Which steering gives the name's A and AAAA, by its index in `ZoneSource.steered`. */
  readonly steering?: number;
}

/** A zone that can be served. It is never changed: a reload makes another. */
export interface Zone {
  readonly origin: WireName;
  readonly originKey: string;
  readonly apex: ZoneNode;
  /** By `nameKey`; empty non-terminals included, and what is below cuts. */
  readonly nodeByKey: ReadonlyMap<string, ZoneNode>;
  /** Lengths of their keys: no other end of a name is a node. */
  readonly keyLengths: ReadonlySet<number>;
  /** The SOA as it stands beside what does not exist: its TTL is the negative TTL (RFC 2308 section 5). */
  readonly negativeSoa: RecordSet;
}

export interface ZoneSource {
  readonly origin: WireName;
  readonly records: readonly MasterRecord[];
  /** Owners whose addresses are decided when they are asked for; a leftmost `*` is a wildcard. */
  readonly steered?: readonly WireName[];
}

export interface CheckedZone {
  readonly zone: Zone;
  readonly warnings: readonly ZoneFinding[];
}

/** The zone with what is odd about it; or everything that keeps it from being served. */
export function createZone(source: ZoneSource): Result<CheckedZone, readonly ZoneFinding[]> {
  const { setsByOwner, findings: grouping } = groupRecords(source.records);
  const steered = source.steered ?? [];
  const findings = [...grouping, ...checkZone({ origin: source.origin, setsByOwner, steered })];
  const mistakes = findings.filter(({ severity }) => severity === 'mistake');
  if (mistakes.length > 0) return failure(mistakes);
  return success({ zone: buildZone(source.origin, setsByOwner, steered), warnings: findings });
}

function buildZone(origin: WireName, setsByOwner: ReadonlyMap<string, PlacedSets>, steered: readonly WireName[]): Zone {
  const originKey = nameKey(origin);
  const steeringByKey = new Map(steered.map((owner, index) => [nameKey(owner), index]));
  const nodeByKey = new Map<string, ZoneNode>();
  // From the apex down: a node's place follows from the place of the one above.
  const keys = [...keysWithAncestors([...setsByOwner.keys(), ...steeringByKey.keys()], originKey)];
  for (const key of keys.sort((one, other) => one.length - other.length)) {
    const setByType = new Map([...(setsByOwner.get(key) ?? [])].map(([type, { set }]) => [type, set]));
    const above = key === originKey ? undefined : nodeByKey.get(parentKey(key));
    const steering = steeringByKey.get(key);
    const node = { owner: ownerOf(key, setByType), setByType, ...(steering === undefined ? {} : { steering }) };
    const cut = above?.place === 'cut' ? above : above?.cut;
    if (cut !== undefined) nodeByKey.set(key, { ...node, place: 'occluded', cut });
    else
      nodeByKey.set(key, {
        ...node,
        place: above !== undefined && setByType.has(recordType.NS) ? 'cut' : 'authoritative',
      });
  }
  const apex = nodeByKey.get(originKey);
  const soa = apex?.setByType.get(recordType.SOA);
  if (apex === undefined || soa === undefined) throw new Error('A zone without SOA passed its checks');
  const keyLengths = new Set([...nodeByKey.keys()].map(({ length }) => length));
  return { origin, originKey, apex, nodeByKey, keyLengths, negativeSoa: { ...soa, ttl: negativeTtl(soa) } };
}

/** The key of the name without its leftmost label. */
export function parentKey(key: string): string {
  return key.slice(1 + key.charCodeAt(0));
}

/** The key of the wildcard directly below a name. */
export function wildcardKey(key: string): string {
  return `\u0001*${key}`;
}

export function isInZone(name: WireName, zone: Zone): boolean {
  return isAtOrBelow(name, zone.origin);
}

/** Empty non-terminals exist because something below them does (RFC 4592 section 2.2.2). */
function keysWithAncestors(keys: readonly string[], originKey: string): ReadonlySet<string> {
  const all = new Set([originKey]);
  for (const owner of keys) {
    for (let key = owner; !all.has(key); key = parentKey(key)) all.add(key);
  }
  return all;
}

/** In the case of its first record. */
function ownerOf(key: string, setByType: ReadonlyMap<number, RecordSet>): WireName {
  const [first] = setByType.values();
  return first?.owner ?? nameOfKey(key);
}

function negativeTtl({ ttl, rdatas: [rdata = new Uint8Array(4)] }: RecordSet): number {
  return Math.min(ttl, new DataView(rdata.buffer, rdata.byteOffset).getUint32(rdata.length - 4));
}
