import { addressOctets } from '../dns/asking-network.ts';
import type { AddressOctets } from '../plan/subnet-key.ts';

/** Texts remembered; beyond that all are forgotten, so that spoofed sources cost no memory. */
const mostRemembered = 16_384;

/** Turns the address texts of sockets into octets; resolvers come again and again. */
export function createAskerAddresses(): (text: string) => AddressOctets {
  const known = new Map<string, AddressOctets>();
  return (text) => {
    const octets = known.get(text);
    if (octets !== undefined) return octets;
    if (known.size >= mostRemembered) known.clear();
    const read = addressOctets(text);
    known.set(text, read);
    return read;
  };
}
