import { recordType } from '../record-type.ts';

/** Octets by DS digest type (SHA-1, SHA-256, SHA-384), by SSHFP fingerprint type, by TLSA matching type. */
const digestOctets: ReadonlyMap<number, number> = new Map([
  [1, 20],
  [2, 32],
  [4, 48],
]);
const fingerprintOctets: ReadonlyMap<number, number> = new Map([
  [1, 20],
  [2, 32],
]);
const associationOctets: ReadonlyMap<number, number> = new Map([
  [1, 32],
  [2, 64],
]);

interface DigestPlace {
  /** Where the kind of digest stands, and where the digest begins. */
  readonly kindAt: number;
  readonly digestAt: number;
  readonly octetsByKind: ReadonlyMap<number, number>;
}

const delegationSigner = { kindAt: 3, digestAt: 4, octetsByKind: digestOctets };
const association = { kindAt: 2, digestAt: 3, octetsByKind: associationOctets };
const placeByType: ReadonlyMap<number, DigestPlace> = new Map<number, DigestPlace>([
  [recordType.DS, delegationSigner],
  [recordType.CDS, delegationSigner],
  [recordType.SSHFP, { kindAt: 1, digestAt: 2, octetsByKind: fingerprintOctets }],
  [recordType.TLSA, association],
  [recordType.SMIMEA, association],
]);

/** What is wrong with the length of a digest whose kind says how long it is; undefined when nothing is. */
export function digestLengthProblem(type: number, rdata: Uint8Array): string | undefined {
  const place = placeByType.get(type);
  const expected = place?.octetsByKind.get(rdata[place.kindAt] ?? 0);
  const got = rdata.length - (place?.digestAt ?? 0);
  return expected === undefined || expected === got ? undefined : `expected a digest of ${expected} octets, got ${got}`;
}
