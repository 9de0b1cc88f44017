import { itemsOfStep, type Steps } from '../base/steps.ts';
import { targetName } from './rdata/target-names.ts';
import { recordType, renderType } from './record-type.ts';
import { isAtOrBelow, isSameName, nameKey, parentName, renderName, rootName, type WireName } from './wire-name.ts';
import type { PlacedSet, PlacedSets, ZoneFinding } from './zone-records.ts';

export interface ZoneDraft {
  readonly origin: WireName;
  readonly setsByOwner: ReadonlyMap<string, PlacedSets>;
  readonly steered: readonly WireName[];
  /** False: some records could not be read, so that nothing can be said of what is missing. */
  readonly isWhole: boolean;
}

/** Everything that is wrong or odd about the sets of a zone, each with the place where it stands. */
export function* checkZone(whole: ZoneDraft): Steps<readonly ZoneFinding[]> {
  const outside = yield* checkEach(whole, (sets) => checkInside(whole, sets));
  // The other checks go up from each owner to the apex. What an owner outside was meant to be is missing inside.
  const draft = outside.length === 0 ? whole : { ...whole, setsByOwner: ownersInside(whole), isWhole: false };
  const trees = yield* checkTrees(draft);
  const owners = yield* checkEach(draft, (sets) => [
    ...checkOwner(draft, sets),
    ...checkTargets(draft, sets),
    ...checkChain(draft, sets),
  ]);
  return [
    ...outside,
    ...checkApex(draft),
    ...trees,
    ...owners,
    ...draft.steered.flatMap((owner) => checkSteered(draft, owner)),
  ];
}

function ownersInside({ origin, setsByOwner }: ZoneDraft): ZoneDraft['setsByOwner'] {
  const isInside = (sets: PlacedSets) => [...sets.values()].every(({ set }) => isAtOrBelow(set.owner, origin));
  return new Map([...setsByOwner].filter(([, sets]) => isInside(sets)));
}

function* checkEach(
  { setsByOwner }: ZoneDraft,
  check: (sets: PlacedSets) => readonly ZoneFinding[],
): Steps<readonly ZoneFinding[]> {
  const findings: ZoneFinding[] = [];
  let count = 0;
  for (const sets of setsByOwner.values()) {
    findings.push(...check(sets));
    count += 1;
    if (count % itemsOfStep === 0) yield;
  }
  return findings;
}

function checkInside({ origin }: ZoneDraft, sets: PlacedSets): ZoneFinding[] {
  return [...sets.values()]
    .filter(({ set }) => !isAtOrBelow(set.owner, origin))
    .map((placed) => mistake(placed, `expected names of ${renderName(origin)}, got ${renderName(placed.set.owner)}`));
}

function checkApex({ origin, setsByOwner, isWhole }: ZoneDraft): ZoneFinding[] {
  if (!isWhole) return [];
  const apex = setsByOwner.get(nameKey(origin));
  const [somebody] = setsByOwner.values();
  const [anywhere] = somebody?.values() ?? [];
  const place = { file: anywhere?.file ?? renderName(origin), line: anywhere?.line ?? 0 };
  return [recordType.SOA, recordType.NS]
    .filter((type) => apex?.has(type) !== true)
    .map((type) => mistake(place, `expected ${renderType(type)} at ${renderName(origin)}, got none`));
}

function checkOwner(draft: ZoneDraft, sets: PlacedSets): ZoneFinding[] {
  const [first] = sets.values();
  if (first === undefined) return [];
  const { owner } = first.set;
  const name = () => renderName(owner);
  const isApex = isSameName(owner, draft.origin);
  const isWildcard = owner[0] === 1 && owner[1] === 0x2a;
  const [soa, cname, dname] = [sets.get(recordType.SOA), sets.get(recordType.CNAME), sets.get(recordType.DNAME)];
  const [ns, ds] = [sets.get(recordType.NS), sets.get(recordType.DS)];
  return [
    ...when(soa, !isApex, () => `expected SOA at ${renderName(draft.origin)} only, got one at ${name()}`),
    ...single(soa),
    ...single(cname),
    ...single(dname),
    ...when(cname, sets.size > 1, () => {
      return `expected nothing beside the CNAME of ${name()} (RFC 1034 section 3.6.2), got ${types(sets)}`;
    }),
    ...when(dname, ns !== undefined && !isApex, () => {
      return `expected no NS beside the DNAME of ${name()} (RFC 6672 section 2.3)`;
    }),
    ...when(ds, (ns === undefined && draft.isWhole) || isApex, () => {
      return `expected DS beside the NS of a delegation only, got one at ${name()}`;
    }),
    ...when(ns, isWildcard, () => `expected no NS at a wildcard (RFC 4592 section 4.2), got ${name()}`),
    ...when(dname, isWildcard, () => `expected no DNAME at a wildcard (RFC 4592 section 4.4), got ${name()}`),
  ];
}

/** RFC 6672 section 2.4: nothing lies below a DNAME. */
function* checkTrees(draft: ZoneDraft): Steps<readonly ZoneFinding[]> {
  const mapped: WireName[] = [];
  yield* checkEach(draft, (sets) => {
    const dname = sets.get(recordType.DNAME);
    if (dname !== undefined) mapped.push(dname.set.owner);
    return [];
  });
  if (mapped.length === 0) return [];
  return yield* checkEach(draft, (sets) => {
    const [placed] = sets.values();
    const above = placed && mapped.find((owner) => isBelow(placed.set.owner, owner));
    if (placed === undefined || above === undefined) return [];
    const { owner } = placed.set;
    return [mistake(placed, `expected nothing below the DNAME of ${renderName(above)}, got ${renderName(owner)}`)];
  });
}

function isBelow(name: WireName, other: WireName): boolean {
  return name.length > other.length && isAtOrBelow(name, other);
}

function single(placed: PlacedSet | undefined): ZoneFinding[] {
  const { owner, type, rdatas } = placed?.set ?? { owner: rootName, type: 0, rdatas: [] };
  return when(placed, rdatas.length > 1, () => {
    return `expected one ${renderName(owner)} ${renderType(type)}, got ${rdatas.length}`;
  });
}

/** What NS, MX and SRV point to: an address that is missing, or an alias where none may be (RFC 2181 section 10.3). */
function checkTargets(draft: ZoneDraft, sets: PlacedSets): ZoneFinding[] {
  return [recordType.NS, recordType.MX, recordType.SRV].flatMap((type) => {
    const placed = sets.get(type);
    if (placed === undefined) return [];
    return placed.set.rdatas.flatMap((rdata) => {
      const target = targetName(type, rdata);
      return target === undefined || !isAtOrBelow(target, draft.origin) ? [] : checkTarget(draft, placed, target);
    });
  });
}

function checkTarget(draft: ZoneDraft, placed: PlacedSet, target: WireName): ZoneFinding[] {
  const { origin, setsByOwner, steered } = draft;
  const subject = `${renderName(placed.set.owner)} ${renderType(placed.set.type)}`;
  const sets = setsByOwner.get(nameKey(target));
  if (sets?.has(recordType.CNAME) === true) {
    return [warning(placed, `expected an address of ${renderName(target)}, the target of ${subject}, got CNAME`)];
  }
  const isSteered = steered.some((owner) => nameKey(owner) === nameKey(target));
  const hasAddress = sets?.has(recordType.A) === true || sets?.has(recordType.AAAA) === true || isSteered;
  if (hasAddress || !draft.isWhole || hasWildcard(draft, target)) return [];
  const isApexNs = placed.set.type === recordType.NS && nameKey(placed.set.owner) === nameKey(origin);
  const message = `expected A or AAAA of ${renderName(target)}, the target of ${subject}, got none`;
  // A delegation may get its addresses from elsewhere unless the target lies below the cut: glue.
  return [isApexNs || isGlue(placed, target) ? mistake(placed, message) : warning(placed, message)];
}

function isGlue({ set }: PlacedSet, target: WireName): boolean {
  return set.type === recordType.NS && isAtOrBelow(target, set.owner);
}

function hasWildcard({ origin, setsByOwner, steered }: ZoneDraft, target: WireName): boolean {
  for (let name = parentName(target); name !== undefined && isAtOrBelow(name, origin); name = parentName(name)) {
    const key = `\u0001*${nameKey(name)}`;
    if (setsByOwner.has(key) || steered.some((owner) => nameKey(owner) === key)) return true;
  }
  return false;
}

/** A chain of aliases that comes back to itself is answered as far as it goes, and leads nowhere. */
function checkChain({ setsByOwner }: ZoneDraft, sets: PlacedSets): ZoneFinding[] {
  const placed = sets.get(recordType.CNAME);
  if (placed === undefined) return [];
  const start = nameKey(placed.set.owner);
  const seen = new Set<string>();
  for (let next = placed.set.rdatas[0]; next !== undefined; ) {
    const key = nameKey(next);
    if (key === start)
      return [warning(placed, `expected an end of the CNAMEs from ${renderName(placed.set.owner)}, got a circle`)];
    if (seen.has(key)) return [];
    seen.add(key);
    next = setsByOwner.get(key)?.get(recordType.CNAME)?.set.rdatas[0];
  }
  return [];
}

/** A steered owner has no addresses of its own, and must be a name that this zone answers for. */
function checkSteered(draft: ZoneDraft, owner: WireName): ZoneFinding[] {
  const place = [...(draft.setsByOwner.get(nameKey(draft.origin))?.values() ?? [])][0] ?? { file: '', line: 0 };
  const name = renderName(owner);
  if (!isAtOrBelow(owner, draft.origin)) return [mistake(place, `expected steered names of the zone, got ${name}`)];
  const sets = draft.setsByOwner.get(nameKey(owner));
  const clashing = [recordType.A, recordType.AAAA, recordType.CNAME].flatMap((type) => sets?.get(type) ?? []);
  const findings = clashing.map((placed) => {
    return mistake(placed, `expected no ${renderType(placed.set.type)} at ${name}, which is steered`);
  });
  for (let above: WireName | undefined = owner; above !== undefined; above = parentName(above)) {
    if (nameKey(above) === nameKey(draft.origin)) break;
    const cut = draft.setsByOwner.get(nameKey(above))?.get(recordType.NS);
    if (cut !== undefined)
      findings.push(mistake(cut, `expected no delegation of ${renderName(above)}, below which ${name} is steered`));
  }
  return findings;
}

function types(sets: PlacedSets): string {
  return [...sets.keys()]
    .filter((type) => type !== recordType.CNAME)
    .map(renderType)
    .join(', ');
}

/** A message is made only for who reads it: zones are large, and reloaded between questions. */
function when(placed: PlacedSet | undefined, isWrong: boolean, message: () => string): ZoneFinding[] {
  return placed !== undefined && isWrong ? [mistake(placed, message())] : [];
}

type Place = Pick<ZoneFinding, 'file' | 'line'>;

function mistake({ file, line }: Place, message: string): ZoneFinding {
  return { severity: 'mistake', file, line, message };
}

function warning({ file, line }: Place, message: string): ZoneFinding {
  return { severity: 'warning', file, line, message };
}
