import { failure, type Result, success } from '../base/result.ts';
import { itemsOfStep, runAtOnce, type Steps } from '../base/steps.ts';
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
  /** The nodes whose addresses a steering gives. */
  readonly steeredNodes: readonly ZoneNode[];
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
  return runAtOnce(zoneSteps(source));
}

/** createZone, to be interrupted. */
export function* zoneSteps(source: ZoneSource): Steps<Result<CheckedZone, readonly ZoneFinding[]>> {
  const { setsByOwner, findings: grouping } = yield* groupRecords(source.records);
  const steered = source.steered ?? [];
  const checks = yield* checkZone({ origin: source.origin, setsByOwner, steered, isWhole: true });
  const findings = [...grouping, ...checks];
  const mistakes = findings.filter(({ severity }) => severity === 'mistake');
  if (mistakes.length > 0) return failure(mistakes);
  return success({ zone: yield* buildZone(source.origin, setsByOwner, steered), warnings: findings });
}

/** The mistakes of a zone that only some records of its files could be read of. */
export function* partialZoneSteps({ origin, records, steered = [] }: ZoneSource): Steps<readonly ZoneFinding[]> {
  const { setsByOwner } = yield* groupRecords(records);
  const findings = yield* checkZone({ origin, setsByOwner, steered, isWhole: false });
  return findings.filter(({ severity }) => severity === 'mistake');
}

function* buildZone(
  origin: WireName,
  setsByOwner: ReadonlyMap<string, PlacedSets>,
  steered: readonly WireName[],
): Steps<Zone> {
  const originKey = nameKey(origin);
  const steeringByKey = new Map(steered.map((owner, index) => [nameKey(owner), index]));
  const nodeByKey = new Map<string, ZoneNode>();
  const owners = [setsByOwner.keys(), steeringByKey.keys()];
  const keysByLength = yield* keysWithAncestors(owners, originKey);
  // From the apex down: a node's place follows from the place of the one above, whose key is shorter.
  for (const [index, key] of [...keysByLength.values()].flat().entries()) {
    if (index % itemsOfStep === 0) yield;
    const above = key === originKey ? undefined : nodeByKey.get(parentKey(key));
    nodeByKey.set(key, nodeAt(key, { above, sets: setsByOwner.get(key), steering: steeringByKey.get(key) }));
  }
  const apex = nodeByKey.get(originKey);
  const soa = apex?.setByType.get(recordType.SOA);
  if (apex === undefined || soa === undefined) throw new Error('A zone without SOA passed its checks');
  const keyLengths = new Set(keysByLength.keys());
  const steeredNodes = [...steeringByKey.keys()].flatMap((key) => nodeByKey.get(key) ?? []);
  const negativeSoa = { ...soa, ttl: negativeTtl(soa) };
  return { origin, originKey, apex, nodeByKey, keyLengths, steeredNodes, negativeSoa };
}

interface NodeParts {
  readonly above: ZoneNode | undefined;
  readonly sets: PlacedSets | undefined;
  readonly steering: number | undefined;
}

function nodeAt(key: string, { above, sets, steering }: NodeParts): ZoneNode {
  const setByType = new Map<number, RecordSet>();
  for (const [type, { set }] of sets ?? []) setByType.set(type, set);
  const node = { owner: ownerOf(key, setByType), setByType, ...(steering === undefined ? {} : { steering }) };
  const cut = above?.place === 'cut' ? above : above?.cut;
  if (cut !== undefined) return { ...node, place: 'occluded', cut };
  return { ...node, place: above !== undefined && setByType.has(recordType.NS) ? 'cut' : 'authoritative' };
}

/** The serial number of a zone's SOA. */
export function zoneSerial({ negativeSoa: { rdatas } }: Zone): number {
  const [rdata = new Uint8Array(20)] = rdatas;
  return new DataView(rdata.buffer, rdata.byteOffset).getUint32(rdata.length - 20);
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

/** Empty non-terminals exist because something below them does (RFC 4592 section 2.2.2). By length, the shortest first. */
function* keysWithAncestors(
  owners: Iterable<Iterable<string>>,
  originKey: string,
): Steps<ReadonlyMap<number, readonly string[]>> {
  const all = new Set<string>();
  const keysByLength = new Map<number, string[]>();
  const add = (key: string) => {
    all.add(key);
    const alike = keysByLength.get(key.length);
    if (alike === undefined) keysByLength.set(key.length, [key]);
    else alike.push(key);
  };
  add(originKey);
  let count = 0;
  for (const keys of owners) {
    for (const owner of keys) {
      for (let key = owner; !all.has(key); key = parentKey(key)) add(key);
      count += 1;
      if (count % itemsOfStep === 0) yield;
    }
  }
  return new Map([...keysByLength].sort(([one], [other]) => one - other));
}

/** In the case of its first record. */
function ownerOf(key: string, setByType: ReadonlyMap<number, RecordSet>): WireName {
  const [first] = setByType.values();
  return first?.owner ?? nameOfKey(key);
}

function negativeTtl({ ttl, rdatas: [rdata = new Uint8Array(4)] }: RecordSet): number {
  return Math.min(ttl, new DataView(rdata.buffer, rdata.byteOffset).getUint32(rdata.length - 4));
}
