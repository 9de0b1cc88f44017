import ipaddr from 'ipaddr.js';
import { parseCidr } from '../base/cidr.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { AddressOctets } from '../plan/subnet-key.ts';

/** Who asks, as far as it is known: a client subnet (RFC 7871), or the resolver's own address with all its bits. */
export interface AskingNetwork {
  /** Bits beyond `prefixLength` are zero. */
  readonly address: AddressOctets;
  /** How many bits are known, 0 to 32 or 128. */
  readonly prefixLength: number;
}

/**
 * The network that an answer is chosen for. A client subnet of no bits is a client that does not want to be known
 * (RFC 7871 section 7.1.2): then the resolver's address decides, as without the option.
 */
export function askingNetworkOf(resolver: AddressOctets, clientSubnet: AskingNetwork | undefined): AskingNetwork {
  if (clientSubnet !== undefined && clientSubnet.prefixLength > 0) return clientSubnet;
  return { address: resolver, prefixLength: resolver.length * 8 };
}

/** Reads `198.51.100.0/24`, `2001:db8::/56` or a bare address; bits beyond the prefix are dropped. */
export function parseAskingNetwork(text: string): Result<AskingNetwork> {
  const block = parseCidr(text);
  if (!block.ok) return failure(block.error);
  const { address, prefixLength } = block.value;
  return success({ address: maskedOctets(addressOctets(address), prefixLength), prefixLength });
}

/** The octets of an address that `isIP` accepts; an IPv4-mapped IPv6 address is its IPv4 address. */
export function addressOctets(text: string): AddressOctets {
  return Uint8Array.from(ipaddr.process(text.replace(/%.*$/, '')).toByteArray());
}

/** The address with zeros beyond `prefixLength`. */
export function maskedOctets(address: AddressOctets, prefixLength: number): AddressOctets {
  return address.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    return octet & (0xff00 >>> bits);
  });
}

/** The canonical text of the network, as RFC 5952 writes IPv6. */
export function renderAskingNetwork({ address, prefixLength }: AskingNetwork): string {
  return `${ipaddr.fromByteArray([...address]).toString()}/${prefixLength}`;
}
