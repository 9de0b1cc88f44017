import { createServer } from 'node:net';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';

/**
 * Refuses an address that anybody listens on. Workers share their ports by SO_REUSEPORT, so a second gateway would
 * silently take half of the devices; a bind without it, just before, finds the first one.
 */
export function assertPortIsFree(name: string, address: HostPort): Promise<void> {
  if (address.port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const text = renderHostPort(address);
      const problem =
        systemErrorCode(error) === 'EADDRINUSE'
          ? `${text} is in use: is another gateway running? Stop it, or give ${name} another address`
          : `${text} cannot be bound: ${errorMessage(error)}`;
      reject(new CrossfadeError('bind', `${name}: ${problem}`, { cause: error }));
    });
    probe.listen({ host: address.host, port: address.port }, () => probe.close(() => resolve()));
  });
}
