import type { Socket } from 'node:net';
import type { DevicePeer } from './device-peer.ts';
import { decodeProxyHeader } from './proxy-protocol.ts';

export type ProxiedArrival =
  /** `peer` absent: the header speaks of no device (a health check), the connection's own addresses stand. */
  { readonly kind: 'header'; readonly peer?: DevicePeer } | { readonly kind: 'invalid'; readonly message: string };

/**
 * Takes a PROXY v2 header off a connection and calls back once; the bytes behind it are put back, so that TLS or the
 * first packet's reader finds them. Nothing is called when the socket closes before.
 */
export function receiveProxyHeader(socket: Socket, handleArrival: (arrival: ProxiedArrival) => void): void {
  let received: Buffer = Buffer.alloc(0);
  const handleData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const decoded = decodeProxyHeader(received);
    if (decoded.kind === 'incomplete') return;
    socket.off('data', handleData);
    socket.pause();
    if (decoded.kind === 'invalid') {
      handleArrival(decoded);
      return;
    }
    const rest = received.subarray(decoded.byteLength);
    if (rest.length > 0) socket.unshift(rest);
    const { source, destination } = decoded;
    if (source === undefined || destination === undefined) handleArrival({ kind: 'header' });
    else handleArrival({ kind: 'header', peer: peerFrom(source, destination) });
  };
  socket.on('data', handleData);
}

function peerFrom(
  source: { readonly address: string; readonly port: number },
  destination: { readonly address: string; readonly port: number },
): DevicePeer {
  return {
    remoteAddress: source.address,
    remotePort: source.port,
    localAddress: destination.address,
    localPort: destination.port,
  };
}
