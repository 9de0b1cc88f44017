import { hash } from 'node:crypto';
import type { MasterRecord } from './master-file.ts';
import { bigEndian } from './rdata/integers.ts';
import { recordType } from './record-type.ts';
import { isSameName, lowerName, renderName, type WireName } from './wire-name.ts';

/** RFC 6605: ECDSA over P-256 with SHA-256. */
export const ecdsaP256 = 13;
/** RFC 4509: SHA-256. */
const sha256Digest = 2;

/** RFC 4034 section 2.1.1 and RFC 7344: zone key; zone key that parents point to. */
export const keyFlags = { zone: 256, entryPoint: 257 } as const;

/** A key of a zone. The private half stays with whoever made `sign`. */
export interface ZoneKey {
  readonly flags: number;
  /** x and y, 32 octets each (RFC 6605 section 4). */
  readonly publicKey: Uint8Array;
  /** r and s of ECDSA with SHA-256 over the octets, 32 octets each. */
  readonly sign: (octets: Uint8Array) => Uint8Array;
}

export function dnskeyRdata({ flags, publicKey }: Pick<ZoneKey, 'flags' | 'publicKey'>): Uint8Array {
  return Uint8Array.from([...bigEndian(flags, 2), 3, ecdsaP256, ...publicKey]);
}

/** RFC 4034 appendix B: which key a signature or DS is of, nearly. */
export function keyTag(dnskey: Uint8Array): number {
  const sum = dnskey.reduce((total, octet, index) => total + (index % 2 === 0 ? octet << 8 : octet), 0);
  return (sum + (sum >>> 16)) & 0xffff;
}

/** What the parent zone publishes: RFC 4034 section 5.1.4 with SHA-256. */
export function dsRdata(origin: WireName, dnskey: Uint8Array): Uint8Array {
  const digest = hash('sha256', Buffer.concat([lowerName(origin), dnskey]), 'buffer');
  return Uint8Array.from([...bigEndian(keyTag(dnskey), 2), dnskey[3] ?? 0, sha256Digest, ...digest]);
}

/** Keys that sign the DNSKEY set and are named by DS: those with the entry-point flag, else all. */
export function entryKeys(keys: readonly ZoneKey[]): readonly ZoneKey[] {
  const entries = keys.filter(({ flags }) => flags === keyFlags.entryPoint);
  return entries.length === 0 ? keys : entries;
}

/** Keys that sign everything else: those without the flag, else all: a single key does both. */
export function dataKeys(keys: readonly ZoneKey[]): readonly ZoneKey[] {
  const plain = keys.filter(({ flags }) => flags === keyFlags.zone);
  return plain.length === 0 ? keys : plain;
}

/**
 * DNSKEY, CDS and CDNSKEY of the apex for a zone that has these keys (RFC 7344 section 4). CDS and CDNSKEY that the zone
 * file has itself, for example those that ask for the end of signing (RFC 8078 section 4), stand instead.
 */
export function keyRecords(
  origin: WireName,
  keys: readonly ZoneKey[],
  zone: { readonly records: readonly MasterRecord[]; readonly ttl: number },
): readonly MasterRecord[] {
  const own = new Set(zone.records.filter(({ owner }) => isSameName(owner, origin)).map(({ type }) => type));
  const hasOwnCds = own.has(recordType.CDS) || own.has(recordType.CDNSKEY);
  const entries = hasOwnCds ? [] : entryKeys(keys).map(dnskeyRdata);
  const apex = { owner: origin, ttl: zone.ttl, file: `keys of ${renderName(origin)}`, line: 0 };
  return [
    ...keys.map((key) => ({ ...apex, type: recordType.DNSKEY, rdata: dnskeyRdata(key) })),
    ...entries.map((dnskey) => ({ ...apex, type: recordType.CDS, rdata: dsRdata(origin, dnskey) })),
    ...entries.map((dnskey) => ({ ...apex, type: recordType.CDNSKEY, rdata: dnskey })),
  ];
}
