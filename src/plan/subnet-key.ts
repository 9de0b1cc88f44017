/** Octets of an IP address in network order: 4 of IPv4, 16 of IPv6. */
export type AddressOctets = Uint8Array;

/** Prefix lengths of the networks that a DNS split hashes (contract section 1). */
export const subnetPrefixLength = { 4: 24, 6: 56 } as const;

/**
 * The key of an asking network, kind `subnet` (contract section 1): the canonical CIDR of the /24 (IPv4) or /56 (IPv6)
 * that the address is in, IPv6 as RFC 5952 writes it.
 */
export function subnetKeyOf(address: AddressOctets): string {
  if (address.length === 4) return `${address[0]}.${address[1]}.${address[2]}.0/24`;
  const groups = [0, 2, 4, 6].map((at) => ((address[at] ?? 0) << 8) | (address[at + 1] ?? 0));
  groups[3] = (groups[3] ?? 0) & 0xff00;
  while (groups.at(-1) === 0) groups.pop();
  // The four zero groups at the end are always the longest run, so that `::` stands nowhere else.
  return `${groups.map((group) => group.toString(16)).join(':')}::/56`;
}
