import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What an address can be for somebody else: `other` is all that may name one host. */
export type AddressUse = 'unspecified' | 'multicast' | 'broadcast' | 'loopback' | 'other';

/** Of an address that `isIP` accepts; an IPv4-mapped IPv6 address counts as its IPv4 address. */
export function addressUse(address: string): AddressUse {
  if (isIP(address) === 0) throw new Error(`Expected an IP address, got ${JSON.stringify(address)}`);
  const range = ipaddr.process(address).range();
  switch (range) {
    case 'unspecified':
    case 'multicast':
    case 'broadcast':
    case 'loopback':
      return range;
    default:
      return 'other';
  }
}

/** Whether a device can be sent there; loopback only where gateway and devices share a machine. */
export function isReachableByDevices(
  address: string,
  { allowsLoopback }: { readonly allowsLoopback: boolean },
): boolean {
  const use = addressUse(address);
  return use === 'other' || (use === 'loopback' && allowsLoopback);
}
