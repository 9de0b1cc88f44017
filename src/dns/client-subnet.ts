import type { AskingNetwork } from './asking-network.ts';

/** RFC 7871 section 6, FAMILY; 0 comes with no address from who does not want to be known. */
const family = { none: 0, ipv4: 1, ipv6: 2 } as const;
const fixedOctets = 4;

/**
 * What a client subnet option says; `undefined` when it is malformed, which is answered with FORMERR (RFC 7871
 * section 7.1.2): an unknown family, a prefix longer than an address, octets too few or too many, bits beyond the
 * prefix, a scope in a query. `at` and `length` are those of the option's data.
 */
export function readClientSubnet(message: Uint8Array, at: number, length: number): AskingNetwork | undefined {
  if (length < fixedOctets) return undefined;
  const familyCode = ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
  const prefixLength = message[at + 2] ?? 0;
  const scope = message[at + 3] ?? 0;
  const addressOctets = addressOctetsOf(familyCode);
  const sentOctets = length - fixedOctets;
  if (scope !== 0 || addressOctets < 0 || prefixLength > addressOctets * 8) return undefined;
  if (sentOctets !== (prefixLength + 7) >> 3) return undefined;
  const address = new Uint8Array(addressOctets);
  for (let index = 0; index < sentOctets; index += 1) address[index] = message[at + fixedOctets + index] ?? 0;
  const spareBits = sentOctets * 8 - prefixLength;
  if (((address[sentOctets - 1] ?? 0) & ((1 << spareBits) - 1)) !== 0) return undefined;
  return { address, prefixLength };
}

function addressOctetsOf(familyCode: number): number {
  if (familyCode === family.ipv4) return 4;
  if (familyCode === family.ipv6) return 16;
  return familyCode === family.none ? 0 : -1;
}
