import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { HostPort } from '../base/addresses.ts';

/** One address of one socket. */
export interface SocketAddress {
  /** With its zone (`fe80::1%eth0`) where it needs one. */
  readonly host: string;
  readonly family: 4 | 6;
  readonly port: number;
}

export type NetworkInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The addresses that need a UDP socket of their own: an answer must leave from the address that was asked, and a socket
 * bound to all addresses leaves the choice to the routing table.
 */
export function udpAddresses(binds: readonly HostPort[], interfaces: NetworkInterfaces): readonly SocketAddress[] {
  const byText = new Map<string, SocketAddress>();
  for (const bind of binds) {
    for (const address of expand(bind, interfaces)) byText.set(`${address.host} ${address.port}`, address);
  }
  return [...byText.values()];
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

function expand({ host, port }: HostPort, interfaces: NetworkInterfaces): readonly SocketAddress[] {
  if (host === 'localhost') return [{ host: '127.0.0.1', family: 4, port }];
  const family = isIP(host.replace(/%.*$/, '')) === 6 ? 6 : 4;
  if (!isWildcard(host)) return [{ host, family, port }];
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter((address) => address.family === `IPv${family}`)
      .map(({ address, scopeid }) => ({ host: scopeid ? `${address}%${name}` : address, family, port })),
  );
}
