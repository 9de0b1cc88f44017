import { addressOctets } from './asking-network.ts';

/** Addresses as rdata: 4 octets of each A, 16 of each AAAA. */
export interface SteeredAddresses {
  readonly a: readonly Uint8Array[];
  readonly aaaa: readonly Uint8Array[];
}

/** Texts that `isIP` accepts, each address once, in their order. */
export function steeredAddresses(texts: readonly string[]): SteeredAddresses {
  const octets = [...new Set(texts)].map(addressOctets);
  return {
    a: octets.filter(({ length }) => length === 4),
    aaaa: octets.filter(({ length }) => length === 16),
  };
}
