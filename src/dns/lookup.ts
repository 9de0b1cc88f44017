import { additionalSets } from './additional.ts';
import { type Answer, type ExtendedError, extendedError } from './answer.ts';
import { synthesizeCname } from './dname.ts';
import { findName } from './name-search.ts';
import { existenceAt, isAddressType, type Steer, setAt, typesAt } from './node-sets.ts';
import type { RecordSet } from './record-set.ts';
import { rcode, recordType } from './record-type.ts';
import { nameKey, type WireName } from './wire-name.ts';
import { isInZone, type Zone, type ZoneNode } from './zone.ts';
import { type Zones, zoneFor } from './zones.ts';

export interface LookupQuestion {
  readonly name: WireName;
  /** `nameKey(name)`. */
  readonly key: string;
  readonly type: number;
}

/** What does not exist, for who must prove it (RFC 4035 section 3.1.3, RFC 9824 section 3). */
export interface Denial {
  /** The name at the end of the chain. */
  readonly name: WireName;
  /** The types that it has, ascending; undefined: the name does not exist. */
  readonly types: readonly number[] | undefined;
  /** Seconds that it may be kept. */
  readonly ttl: number;
}

/**
 * How a question ended, after all CNAMEs.
 * `refused`: no zone of ours. `answer`: data. `no-data`: the name has none of the type. `name-error`: no such name.
 * `referral`: the zone below a cut knows. `elsewhere`: the last CNAME leads out of the zone or in a circle.
 * `too-long`: a DNAME makes a name of over 255 octets (RFC 6672 section 2.2). `unresolved`: steered to a name that was
 * never resolved.
 */
export type LookupKind =
  | 'refused'
  | 'answer'
  | 'no-data'
  | 'name-error'
  | 'referral'
  | 'elsewhere'
  | 'too-long'
  | 'unresolved';

export interface Lookup {
  readonly kind: LookupKind;
  readonly answer: Answer;
  /** Where the answer comes from; undefined when it is refused. */
  readonly zone: Zone | undefined;
  /** Names that answered, in the order of the chain; a wildcard's own where it stood for a name. */
  readonly path: readonly WireName[];
  /** Absent: nothing is denied. */
  readonly denial?: Denial;
  /** Of a referral: its DS, or that it has none, goes to who validates. */
  readonly cut?: ZoneNode;
  /** Sets that carry no signature: NS of a cut, glue, CNAMEs made of a DNAME (RFC 4035 section 2.2, RFC 6672 section 5.3.1). */
  readonly unsigned: ReadonlySet<RecordSet>;
}

/** What a name with a CNAME is asked for itself: the CNAME, and what may stand beside it (RFC 4035 section 2.5). */
const besideCname: ReadonlySet<number> = new Set([recordType.CNAME, recordType.ANY, recordType.NSEC, recordType.RRSIG]);
/** CNAMEs that are followed, as many as Knot does. */
const longestChain = 20;

/** The answer of the zones (RFC 1034 section 4.3.2). CNAMEs are followed within the zone, as Knot does. */
export function lookUp(zones: Zones, question: LookupQuestion, steer: Steer = noSteering): Lookup {
  const zone = zoneFor(zones, question.key, question.type);
  if (zone === undefined) return refused;
  const walk: Walk = {
    zone,
    type: question.type,
    steer,
    name: question.name,
    key: question.key,
    answer: [],
    authority: [],
    unsigned: new Set(),
    path: [],
    followed: new Set(),
    denial: undefined,
    cut: undefined,
  };
  let kind: LookupKind | 'follow' = 'follow';
  while (kind === 'follow') kind = visit(walk);
  return finish(walk, kind);
}

const nothing: ReadonlySet<RecordSet> = new Set();
const refused: Lookup = {
  kind: 'refused',
  answer: {
    rcode: rcode.REFUSED,
    authoritative: false,
    answer: [],
    authority: [],
    additional: [],
    extendedErrors: [{ infoCode: extendedError.notAuthoritative }],
  },
  zone: undefined,
  path: [],
  unsigned: nothing,
};

const noSteering: Steer = { set: () => undefined, existence: () => 'name', ttl: () => 0 };

interface Walk {
  readonly zone: Zone;
  readonly type: number;
  readonly steer: Steer;
  name: WireName;
  key: string;
  readonly answer: RecordSet[];
  readonly authority: RecordSet[];
  readonly unsigned: Set<RecordSet>;
  readonly path: WireName[];
  /** Keys of the CNAMEs' owners. */
  readonly followed: Set<string>;
  denial: Denial | undefined;
  cut: ZoneNode | undefined;
}

type Step = LookupKind | 'follow';

function visit(walk: Walk): Step {
  const found = findName(walk.zone, walk.key, walk.type);
  switch (found.kind) {
    case 'node':
      walk.path.push(found.node.owner);
      return visitNode(walk, found.node, found.isWildcard ? walk.name : found.node.owner);
    case 'referral':
      walk.path.push(found.node.owner);
      return refer(walk, found.node);
    case 'dname':
      walk.path.push(found.node.owner);
      return mapTree(walk, found.dname);
    case 'none':
      return deny(walk, undefined);
  }
}

function visitNode(walk: Walk, node: ZoneNode, owner: WireName): Step {
  const { type, steer } = walk;
  const existence = existenceAt(node, owner, steer);
  if (existence !== 'name') return deny(walk, existence === 'empty' ? [] : undefined);
  const alias = besideCname.has(type) ? undefined : setAt(node, recordType.CNAME, owner, steer);
  if (typeof alias === 'object') return follow(walk, alias);
  // RFC 8482 section 4.1: one set says that the name exists; that of the lowest type, as with Knot.
  const asked = type === recordType.ANY ? typesAt(node) : [type];
  for (const one of asked) {
    const set = setAt(node, one, owner, steer);
    if (set === undefined) continue;
    if (set === 'unresolved') {
      walk.answer.length = 0;
      return 'unresolved';
    }
    walk.answer.push(set);
    return 'answer';
  }
  return denyTypes(walk, node, asked);
}

/** Of a steered name, what is denied is denied to who asks now, and only for as long as its addresses may be kept. */
function denyTypes(walk: Walk, node: ZoneNode, asked: readonly number[]): Step {
  const types = typesAt(node).filter((type) => !asked.includes(type));
  const isOfAsker = node.steering !== undefined && asked.some(isAddressType);
  return deny(walk, types, isOfAsker ? walk.steer.ttl(node.steering) : undefined);
}

function follow(walk: Walk, alias: RecordSet): Step {
  const [target] = alias.rdatas;
  if (target === undefined || walk.followed.has(walk.key)) return 'elsewhere';
  walk.answer.push(alias);
  walk.followed.add(walk.key);
  walk.name = target;
  walk.key = nameKey(target);
  return isInZone(target, walk.zone) && walk.followed.size < longestChain ? 'follow' : 'elsewhere';
}

function mapTree(walk: Walk, dname: RecordSet): Step {
  if (!walk.answer.includes(dname)) walk.answer.push(dname);
  const alias = synthesizeCname(dname, walk.name);
  if (alias === undefined) return 'too-long';
  walk.unsigned.add(alias);
  // What asks for the CNAME itself has its answer (RFC 6672 section 3.2).
  const step = follow(walk, alias);
  return walk.type === recordType.CNAME && step === 'follow' ? 'answer' : step;
}

function refer(walk: Walk, cut: ZoneNode): Step {
  const servers = cut.setByType.get(recordType.NS);
  if (servers !== undefined) {
    walk.authority.push(servers);
    walk.unsigned.add(servers);
  }
  walk.cut = cut;
  return 'referral';
}

/** `mostTtl`: for less than the zone's negative TTL. */
function deny(walk: Walk, types: readonly number[] | undefined, mostTtl = Number.POSITIVE_INFINITY): Step {
  const { negativeSoa } = walk.zone;
  const ttl = Math.min(negativeSoa.ttl, mostTtl);
  walk.authority.push(ttl === negativeSoa.ttl ? negativeSoa : { ...negativeSoa, ttl });
  walk.denial = { name: walk.name, types, ttl };
  return types === undefined ? 'name-error' : 'no-data';
}

function finish(walk: Walk, kind: LookupKind): Lookup {
  const { zone, answer, authority, path, unsigned, denial, cut, steer } = walk;
  const additional = additionalSets(zone, kind === 'referral' ? authority : answer, steer);
  for (const set of additional) {
    if (zone.nodeByKey.get(nameKey(set.owner))?.place === 'occluded') unsigned.add(set);
  }
  // A failure is no answer of the zone, and says nothing with its authority.
  const isAuthoritative = kind !== 'unresolved' && (kind !== 'referral' || answer.length > 0);
  return {
    kind,
    answer: {
      ...{ rcode: rcodeOf(kind), authoritative: isAuthoritative, answer, authority, additional },
      ...(kind === 'unresolved' && { extendedErrors: unresolvedErrors }),
    },
    zone,
    path,
    unsigned: unsigned.size === 0 ? nothing : unsigned,
    ...(denial === undefined ? {} : { denial }),
    ...(cut === undefined ? {} : { cut }),
  };
}

/** RFC 8914: not why the resolvers gave no answer, which is not known here. */
const unresolvedErrors: readonly ExtendedError[] = [
  { infoCode: extendedError.other, text: 'steered to a name whose addresses are not known yet' },
];

function rcodeOf(kind: LookupKind): number {
  switch (kind) {
    case 'name-error':
      return rcode.NXDOMAIN;
    case 'too-long':
      return rcode.YXDOMAIN;
    case 'unresolved':
      return rcode.SERVFAIL;
    default:
      return rcode.NOERROR;
  }
}
