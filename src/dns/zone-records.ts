import { itemsOfStep, type Steps } from '../base/steps.ts';
import type { MasterRecord } from './master-file.ts';
import type { RecordSet } from './record-set.ts';
import { renderType } from './record-type.ts';
import { nameKey, renderName, type WireName } from './wire-name.ts';

/** A record set, and where its first record stands. */
export interface PlacedSet {
  readonly set: RecordSet;
  readonly file: string;
  readonly line: number;
}

/** The sets of one owner by type. */
export type PlacedSets = ReadonlyMap<number, PlacedSet>;

/** A `mistake` keeps the zone from being served, a `warning` does not. */
export interface ZoneFinding {
  readonly severity: 'mistake' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface GroupedRecords {
  /** By `nameKey` of the owner. */
  readonly setsByOwner: ReadonlyMap<string, PlacedSets>;
  readonly findings: readonly ZoneFinding[];
}

/**
 * Records as sets. A record that comes twice counts once; where TTLs of a set differ, the least holds
 * (RFC 2181 sections 5 and 5.2).
 */
export function* groupRecords(records: readonly MasterRecord[]): Steps<GroupedRecords> {
  const setsByOwner = new Map<string, Map<number, GrowingSet>>();
  const findings: ZoneFinding[] = [];
  for (const [index, record] of records.entries()) {
    if (index % itemsOfStep === 0) yield;
    const key = nameKey(record.owner);
    const sets = setsByOwner.get(key) ?? new Map<number, GrowingSet>();
    setsByOwner.set(key, sets);
    const growing = sets.get(record.type);
    if (growing === undefined) sets.set(record.type, startSet(record));
    else findings.push(...addRecord(growing, record));
  }
  return { setsByOwner, findings };
}

interface GrowingSet {
  set: { readonly owner: WireName; readonly type: number; ttl: number; readonly rdatas: Uint8Array[] };
  /** Made for the second record: most sets have one. */
  known: Set<string> | undefined;
  readonly file: string;
  readonly line: number;
}

function startSet({ owner, type, ttl, rdata, file, line }: MasterRecord): GrowingSet {
  return { set: { owner, type, ttl, rdatas: [rdata] }, known: undefined, file, line };
}

function addRecord(growing: GrowingSet, record: MasterRecord): ZoneFinding[] {
  const { set } = growing;
  const known = growing.known ?? new Set(set.rdatas.map(octetsKey));
  growing.known = known;
  const { owner, type, ttl, rdata, file, line } = record;
  const subject = `${renderName(owner)} ${renderType(type)}`;
  const findings: ZoneFinding[] = [];
  if (set.ttl !== ttl) {
    const message = `expected the TTL ${set.ttl} of the ${subject} before, got ${ttl}: the least holds`;
    findings.push({ severity: 'warning', file, line, message });
    set.ttl = Math.min(set.ttl, ttl);
  }
  if (known.has(octetsKey(rdata))) {
    findings.push({ severity: 'warning', file, line, message: `expected each record once, got ${subject} again` });
  } else {
    known.add(octetsKey(rdata));
    set.rdatas.push(rdata);
  }
  return findings;
}

function octetsKey(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1');
}
