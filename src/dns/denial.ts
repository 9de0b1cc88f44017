import { encodeTypeBitmap } from './rdata/type-bitmap.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { longestLabelOctets, longestNameOctets, lowerName, type WireName } from './wire-name.ts';

/**
 * The NSEC that says which types a name has, and denies no other name (RFC 9824 section 3). `types` undefined: the name
 * does not exist, which NXNAME says. `ttl`: the negative TTL (RFC 9077).
 */
export function denialSet(name: WireName, types: readonly number[] | undefined, ttl: number): RecordSet {
  const owner = lowerName(name);
  const next = successor(owner);
  const bitmap = types === undefined ? noName : encodeTypeBitmap([...types, recordType.RRSIG, recordType.NSEC]);
  const rdata = new Uint8Array(next.length + bitmap.length);
  rdata.set(next);
  rdata.set(bitmap, next.length);
  return { owner, type: recordType.NSEC, ttl, rdatas: [rdata] };
}

const noName = encodeTypeBitmap([recordType.RRSIG, recordType.NSEC, recordType.NXNAME]);

/**
 * The next name in canonical order (RFC 4034 section 6.1, RFC 4471 section 3.1.2): `\000.NAME`. Where that is too long,
 * the least greater name that fits: NAME's first label with an octet `\000` more, or its last octet counted up.
 */
export function successor(name: WireName): WireName {
  if (name.length + 2 <= longestNameOctets) {
    const next = new Uint8Array(name.length + 2);
    next[0] = 1;
    next.set(name, 2);
    return next;
  }
  const length = name[0] ?? 0;
  if (name.length + 1 <= longestNameOctets && length < longestLabelOctets) {
    return Uint8Array.from([length + 1, ...name.subarray(1, 1 + length), 0, ...name.subarray(1 + length)]);
  }
  return countedUp(name);
}

function countedUp(name: WireName): WireName {
  const length = name[0] ?? 0;
  const label = name.subarray(1, 1 + length);
  const rest = name.subarray(1 + length);
  const last = label.findLastIndex((octet) => octet !== 0xff);
  if (last < 0) return countedUp(rest);
  const octet = (label[last] ?? 0) + 1;
  // Capitals are compared as small letters: after `@` comes `[`.
  return Uint8Array.from([last + 1, ...label.subarray(0, last), octet === 0x41 ? 0x5b : octet, ...rest]);
}
