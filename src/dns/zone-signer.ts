import { LRUCache } from 'lru-cache';
import type { TokenBucket } from '../base/rates.ts';
import { dataKeys, entryKeys, type ZoneKey } from './dnssec-key.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { signatureRdata, signedOctets, type Validity } from './signature.ts';
import { nameKey } from './wire-name.ts';
import type { Zone } from './zone.ts';

/** Signatures of names that are not in the zone: devices, wildcards, names that do not exist. */
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

/**
 * Signs the sets of one zone when they are asked for, and remembers the signatures. How many are made for names of the
 * zone is bounded by the zone; those for other names have a budget, so that random names cannot buy signatures.
 */
export class ZoneSigner {
  readonly zone: Zone;
  readonly #keys: readonly ZoneKey[];
  readonly #budget: Pick<TokenBucket, 'take'>;
  readonly #own: LRUCache<string, Signatures>;
  readonly #passing = new LRUCache<string, Signatures>({ max: mostPassingSignatures });

  /** The budget grants signatures at milliseconds of the wall clock; all zones may share it. */
  constructor(zone: Zone, { keys, budget }: { keys: readonly ZoneKey[]; budget: Pick<TokenBucket, 'take'> }) {
    this.zone = zone;
    this.#keys = keys;
    this.#budget = budget;
    this.#own = new LRUCache({ max: mostSignaturesOfName * zone.nodeByKey.size });
  }

  /** The RRSIGs of a set; undefined when the budget is used up. `nowMs`: wall clock. */
  signatures(set: RecordSet, nowMs: number): Signatures | undefined {
    const octets = signedOctets(set);
    const content = Buffer.from(octets).toString('latin1');
    const isOwn = this.zone.nodeByKey.has(nameKey(set.owner));
    const memory = isOwn ? this.#own : this.#passing;
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
