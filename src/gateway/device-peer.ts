import type { Socket } from 'node:net';

/** Both ends of a device's TCP connection; behind a load balancer, as its PROXY header says. */
export interface DevicePeer {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The socket's own ends; an IPv4-mapped IPv6 address is its IPv4 address, and a closed socket's are empty. */
export function peerOf(socket: Socket): DevicePeer {
  return {
    remoteAddress: plainAddress(socket.remoteAddress),
    remotePort: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
  };
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
