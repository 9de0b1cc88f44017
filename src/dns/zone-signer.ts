import { LRUCache } from 'lru-cache';
import type { TokenBucket } from '../base/rates.ts';
import { dataKeys, dnskeyRdata, entryKeys, type ZoneKey } from './dnssec-key.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { signatureRdata, signedOctets, type Validity } from './signature.ts';
import { nameKey } from './wire-name.ts';
import type { Zone } from './zone.ts';

/** Answers of names that are not in the zone: devices, wildcards. As many denials of names that do not exist. */
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
}

export interface ZoneSignerOptions {
  readonly keys: readonly ZoneKey[];
  /** Grants signatures at milliseconds of the wall clock; all zones may share it. */
  readonly budget: Pick<TokenBucket, 'take'>;
  /** The signer of the zone before a reload: what it has signed with the same keys need not be signed again. */
  readonly former?: ZoneSigner;
}

/**
 * Signs the sets of one zone when they are asked for, and remembers the signatures. How many are made for names of the
 * zone is bounded by the zone; those for other names have a budget, so that random names cannot buy signatures. It is to
 * live as long as its zone, whatever becomes of plan and health: another one begins without signatures.
 */
export class ZoneSigner {
  readonly zone: Zone;
  readonly #keys: readonly ZoneKey[];
  readonly #budget: Pick<TokenBucket, 'take'>;
  readonly #memory: SignatureMemory;

  constructor(zone: Zone, { keys, budget, former }: ZoneSignerOptions) {
    this.zone = zone;
    this.#keys = keys;
    this.#budget = budget;
    const own = new LRUCache<string, Signatures>({ max: mostSignaturesOfName * zone.nodeByKey.size });
    if (former !== undefined && identityOf(former.zone, former.#keys) === identityOf(zone, keys)) {
      own.load(former.#memory.own.dump());
      this.#memory = { ...former.#memory, own };
    } else {
      const max = mostPassingSignatures;
      this.#memory = { own, answers: new LRUCache({ max }), denials: new LRUCache({ max }) };
    }
  }

  /** The RRSIGs of a set; undefined when the budget is used up. `nowMs`: wall clock. */
  signatures(set: RecordSet, nowMs: number): Signatures | undefined {
    const octets = signedOctets(set);
    const content = Buffer.from(octets).toString('latin1');
    const isOwn = this.zone.nodeByKey.has(nameKey(set.owner));
    const { own, answers, denials } = this.#memory;
    // Names that nobody has asked for before are free to whoever floods: they must not push out the devices.
    const memory = isOwn ? own : set.type === recordType.NSEC ? denials : answers;
    const known = memory.get(content);
    if (known !== undefined && nowMs < known.reusableUntilMs) return known;
    if (!isOwn && !this.#budget.take(nowMs)) return undefined;
    const validity = validityAt(Math.floor(nowMs / 1_000), spread(octets));
    const signed = {
      set: this.#sign(set, octets, validity),
      reusableUntilMs: (validity.expiration - reserveSeconds) * 1_000,
    };
    memory.set(content, signed);
    return signed;
  }

  #sign(set: RecordSet, octets: Uint8Array, validity: Validity): RecordSet {
    const isOfKeys = [recordType.DNSKEY, recordType.CDS, recordType.CDNSKEY].some((type) => type === set.type);
    const keys = isOfKeys ? entryKeys(this.#keys) : dataKeys(this.#keys);
    const rdatas = keys.map((key) => signatureRdata(set, octets, { key, signer: this.zone.origin }, validity));
    return { owner: set.owner, type: recordType.RRSIG, ttl: set.ttl, rdatas };
  }
}

interface SignatureMemory {
  readonly own: LRUCache<string, Signatures>;
  readonly answers: LRUCache<string, Signatures>;
  readonly denials: LRUCache<string, Signatures>;
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
