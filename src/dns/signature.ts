import { canonicalRdatas } from './canonical-form.ts';
import { ecdsaP256, type ZoneKey } from './dnssec-key.ts';
import { bigEndian } from './rdata/integers.ts';
import type { RecordSet } from './record-set.ts';
import { recordClass } from './record-type.ts';
import { labelCount, lowerName, type WireName } from './wire-name.ts';

/** Seconds since 1970. */
export interface Validity {
  readonly inception: number;
  readonly expiration: number;
}

/** A key as an RRSIG needs it. */
export interface SigningKey extends Pick<ZoneKey, 'sign'> {
  /** RFC 4034 appendix B. */
  readonly tag: number;
}

/** The octets of a set that a signature covers (RFC 4034 section 3.1.8.1), without the RRSIG's own fields before them. */
export function signedOctets({ owner, type, ttl, rdatas }: RecordSet): Uint8Array {
  const canonical = canonicalRdatas(type, rdatas);
  const headLength = owner.length + 10;
  const octets = Buffer.allocUnsafe(canonical.reduce((sum, { length }) => sum + headLength + length, 0));
  const name = lowerName(owner);
  let at = 0;
  for (const rdata of canonical) {
    octets.set(name, at);
    octets.writeUInt16BE(type, at + name.length);
    octets.writeUInt16BE(recordClass.IN, at + name.length + 2);
    octets.writeUInt32BE(ttl, at + name.length + 4);
    octets.writeUInt16BE(rdata.length, at + name.length + 8);
    octets.set(rdata, at + headLength);
    at += headLength + rdata.length;
  }
  return octets;
}

/**
 * The data of the RRSIG of a set. The label count is that of the owner, also where a wildcard stands for it: with compact
 * denial every name that has an answer exists (RFC 9824 section 3.3). A `*` at the front does not count.
 */
export function signatureRdata(
  set: RecordSet,
  octets: Uint8Array,
  by: { readonly key: SigningKey; readonly signer: WireName },
  { inception, expiration }: Validity,
): Uint8Array {
  const isWildcard = set.owner[0] === 1 && set.owner[1] === 0x2a;
  const fields = Buffer.concat([
    bigEndian(set.type, 2),
    Uint8Array.of(ecdsaP256, labelCount(set.owner) - (isWildcard ? 1 : 0)),
    bigEndian(set.ttl, 4),
    bigEndian(expiration % 2 ** 32, 4),
    bigEndian(inception % 2 ** 32, 4),
    bigEndian(by.key.tag, 2),
    lowerName(by.signer),
  ]);
  return Uint8Array.from(Buffer.concat([fields, by.key.sign(Buffer.concat([fields, octets]))]));
}
