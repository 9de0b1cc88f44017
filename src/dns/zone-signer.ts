import { LRUCache } from 'lru-cache';
import { dataKeys, dnskeyRdata, entryKeys, keyTag, type ZoneKey } from './dnssec-key.ts';
import { FamiliarNames } from './familiar-names.ts';
import { findName } from './name-search.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { type SigningKey, signatureRdata, signedOctets, type Validity } from './signature.ts';
import type { PassingKind, SignatureBudget } from './signature-budget.ts';
import { nameKey } from './wire-name.ts';
import type { Zone } from './zone.ts';

/** Of each: devices that are known, other names that are not in the zone but answered, denials of names. */
const mostPassingSignatures = 20_000;
/** A name of the zone has its sets, its denial, and as many answers of steering as there are parts and sites. */
const mostSignaturesOfName = 16;

const hourSeconds = 3_600;
/** How long a signature is given out before another takes its place. */
const periodSeconds = 24 * hourSeconds;
/** What is left of a signature when it is last given out: longer than a TTL, and than an outage. */
const reserveSeconds = 3 * 24 * hourSeconds;
/** For validators whose clocks are behind. */
const allowanceSeconds = hourSeconds;

export interface Signatures {
  /** The RRSIGs, one for each key. */
  readonly set: RecordSet;
  /** Wall clock: when others take their place. */
  readonly reusableUntilMs: number;
  /** Wall clock: a clock that was ahead when they were made, and was set back, makes others. */
  readonly reusableFromMs: number;
}

export interface ZoneSignerOptions {
  readonly keys: readonly ZoneKey[];
  readonly budget: SignatureBudget;
  /** The signer of the zone before a reload: what it has signed with the same keys need not be signed again. */
  readonly former?: ZoneSigner;
}

export interface SignatureWish {
  readonly set: RecordSet;
  /** The NSEC of a name that does not exist, or has no data. */
  readonly isDenial: boolean;
  /** Without: what was not signed before is left unsigned. */
  readonly mayMake: boolean;
}

/**
 * Signs the sets of one zone when they are asked for, and remembers the signatures. How many are made for names of the
 * zone is bounded by the zone; those for other names have a budget, so that random names cannot buy signatures. It is to
 * live as long as its zone, whatever becomes of plan and health: another one begins without signatures.
 */
export class ZoneSigner {
  readonly zone: Zone;
  readonly #keys: readonly ZoneKey[];
  readonly #entryKeys: readonly SigningKey[];
  readonly #dataKeys: readonly SigningKey[];
  readonly #budget: SignatureBudget;
  readonly #memory: SignatureMemory;
  /** How many signatures were made, those of several keys for one set as one. */
  made = 0;

  constructor(zone: Zone, { keys, budget, former }: ZoneSignerOptions) {
    this.zone = zone;
    this.#keys = keys;
    this.#entryKeys = entryKeys(keys).map(tagged);
    this.#dataKeys = dataKeys(keys).map(tagged);
    this.#budget = budget;
    // `max` alone would take its room at once, for as many as a large zone may ever have.
    const maxSize = mostSignaturesOfName * zone.nodeByKey.size;
    const own = new LRUCache<string, Signatures>({ maxSize, sizeCalculation: () => 1 });
    this.#memory =
      former !== undefined && identityOf(former.zone, former.#keys) === identityOf(zone, keys)
        ? { ...former.#memory, own, formerOwn: former.#memory.own }
        : { own, ...createPassingMemory() };
  }

  /**
   * The RRSIGs of a set; undefined when the budget of its kind is used up, or none is to be made. `nowMs`: wall clock.
   */
  signatures({ set, isDenial, mayMake }: SignatureWish, nowMs: number): Signatures | undefined {
    const octets = signedOctets(set);
    const content = Buffer.from(octets).toString('latin1');
    const isOwn = this.zone.nodeByKey.has(nameKey(set.owner));
    const kind = isOwn ? undefined : this.#kindOf(set, isDenial, nowMs);
    const memory = this.#memoryOf(kind);
    const known = memory.get(content) ?? this.#elsewhere(kind, content);
    if (known !== undefined && nowMs >= known.reusableFromMs && nowMs < known.reusableUntilMs) {
      memory.set(content, known);
      return known;
    }
    if (!mayMake || (kind !== undefined && !this.#budget.take(kind, nowMs))) return undefined;
    const validity = validityAt(Math.floor(nowMs / 1_000), spread(octets));
    const signed = {
      set: this.#sign(set, octets, validity),
      reusableUntilMs: (validity.expiration - reserveSeconds) * 1_000,
      reusableFromMs: (validity.inception + allowanceSeconds) * 1_000,
    };
    this.made += 1;
    memory.set(content, signed);
    return signed;
  }

  #kindOf(set: RecordSet, isDenial: boolean, nowMs: number): PassingKind {
    if (isDenial) return 'denial';
    const found = findName(this.zone, nameKey(set.owner), set.type);
    if (found.kind !== 'node' || found.node.steering === undefined) return 'wildcard';
    return this.#memory.familiar.note(set.owner, nowMs) ? 'known-device' : 'new-device';
  }

  /** Names that nobody has asked for before are free to whoever floods: they must not push out the devices. */
  #memoryOf(kind: PassingKind | undefined): LRUCache<string, Signatures> {
    const { own, devices, others, denials } = this.#memory;
    if (kind === undefined) return own;
    if (kind === 'denial') return denials;
    return kind === 'known-device' ? devices : others;
  }

  /** Of a device from when it was new; of a name of the zone from before a reload. */
  #elsewhere(kind: PassingKind | undefined, content: string): Signatures | undefined {
    if (kind === 'known-device') return this.#memory.others.get(content);
    return kind === undefined ? this.#memory.formerOwn?.get(content) : undefined;
  }

  #sign(set: RecordSet, octets: Uint8Array, validity: Validity): RecordSet {
    const isOfKeys = [recordType.DNSKEY, recordType.CDS, recordType.CDNSKEY].some((type) => type === set.type);
    const keys = isOfKeys ? this.#entryKeys : this.#dataKeys;
    const rdatas = keys.map((key) => signatureRdata(set, octets, { key, signer: this.zone.origin }, validity));
    return { owner: set.owner, type: recordType.RRSIG, ttl: set.ttl, rdatas };
  }
}

interface SignatureMemory {
  readonly own: LRUCache<string, Signatures>;
  /** Of the zone before a reload: taken over as it is asked for, because all at once would hold up a large zone. */
  readonly formerOwn?: LRUCache<string, Signatures>;
  readonly devices: LRUCache<string, Signatures>;
  readonly others: LRUCache<string, Signatures>;
  readonly denials: LRUCache<string, Signatures>;
  readonly familiar: FamiliarNames;
}

function createPassingMemory(): Omit<SignatureMemory, 'own'> {
  const create = () => new LRUCache<string, Signatures>({ max: mostPassingSignatures });
  return { devices: create(), others: create(), denials: create(), familiar: new FamiliarNames() };
}

function tagged(key: ZoneKey): SigningKey {
  return { tag: keyTag(dnskeyRdata(key)), sign: key.sign };
}

/** What a signature depends on besides the set. */
function identityOf({ originKey }: Zone, keys: readonly ZoneKey[]): string {
  return [originKey, ...keys.map((key) => Buffer.from(dnskeyRdata(key)).toString('latin1'))].join('\n');
}

/** The same for every worker and gateway at one moment. Sets change over at different moments, by their `offset`. */
export function validityAt(seconds: number, offset: number): Validity {
  const start = Math.floor((seconds - offset) / periodSeconds) * periodSeconds + offset;
  return { inception: start - allowanceSeconds, expiration: start + periodSeconds + reserveSeconds };
}

/** Spreads sets over the period (FNV-1a). */
function spread(octets: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const octet of octets) sum = Math.imul(sum ^ octet, 0x01000193);
  return (sum >>> 0) % periodSeconds;
}
