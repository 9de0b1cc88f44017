import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';
import { type SocketAddress, udpAddresses } from '../nameserver/udp-addresses.ts';

/**
 * Refuses an address that anybody listens on. Workers share their ports by SO_REUSEPORT, so a second gateway would
 * silently take half of the devices; a bind without it, just before, finds the first one.
 */
export function assertPortIsFree(
  name: string,
  address: HostPort,
  { ipv6Only = false }: { readonly ipv6Only?: boolean } = {},
): Promise<void> {
  if (address.port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(bindProblem(name, address, error)));
    probe.listen({ host: address.host, port: address.port, ipv6Only }, () => probe.close(() => resolve()));
  });
}

/** The same for the nameserver's addresses, over TCP and over UDP. */
export async function assertNameserverPortsAreFree(binds: readonly HostPort[]): Promise<void> {
  for (const bind of binds) await assertPortIsFree('nameserver.bind', bind, { ipv6Only: isIPv6(bind.host) });
  const fixed = binds.filter(({ port }) => port !== 0);
  for (const address of udpAddresses(fixed, networkInterfaces())) await assertUdpPortIsFree(address);
}

function assertUdpPortIsFree(address: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createSocket({ type: address.family === 6 ? 'udp6' : 'udp4', ipv6Only: address.family === 6 });
    probe.once('error', (error) => {
      probe.close();
      // An address that is not usable yet is the nameserver's to wait for.
      if (systemErrorCode(error) === 'EADDRINUSE') reject(bindProblem('nameserver.bind', address, error));
      else resolve();
    });
    probe.bind({ address: address.host, port: address.port }, () => probe.close(() => resolve()));
  });
}

function bindProblem(name: string, address: HostPort, error: unknown): CrossfadeError {
  const text = renderHostPort(address);
  const problem =
    systemErrorCode(error) === 'EADDRINUSE'
      ? `${text} is in use: is another gateway or bridge running? Stop it, or give ${name} another address`
      : `${text} cannot be bound: ${errorMessage(error)}`;
  return new CrossfadeError('bind', `${name}: ${problem}`, { cause: error });
}
