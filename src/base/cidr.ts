import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { failure, type Result, success } from './result.ts';

/** A network as it was written: its address and prefix length. */
export interface CidrBlock {
  readonly address: string;
  readonly prefixLength: number;
}

/** Reads `198.51.100.0/24` or `2001:db8::/32`; a bare address is its own /32 or /128. */
export function parseCidr(text: string): Result<CidrBlock> {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const prefixLength = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(prefixLength <= bits)) {
    return failure(`expected a network such as 198.51.100.0/24 or 2001:db8::/32, got ${JSON.stringify(text)}`);
  }
  return success({ address, prefixLength });
}

/** A predicate for "this IP is in one of the blocks"; an IPv4-mapped IPv6 address counts as its IPv4 address. */
export function createCidrMatcher(blocks: readonly CidrBlock[]): (ip: string) => boolean {
  const networks = blocks.map(({ address, prefixLength }) => [ipaddr.parse(address), prefixLength] as const);
  return (ip) => {
    if (isIP(ip) === 0) return false;
    const candidate = ipaddr.process(ip);
    return networks.some(
      ([network, prefixLength]) => network.kind() === candidate.kind() && candidate.match(network, prefixLength),
    );
  };
}
