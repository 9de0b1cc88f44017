import { connect } from 'node:net';
import { failure, success } from '../../src/base/result.ts';
import type { BrokerDialer } from '../../src/bridge/broker-dialer.ts';

/** Plain TCP to 127.0.0.1, by the broker's name. */
export function plainDialer(portByBroker: Readonly<Record<string, number>>): BrokerDialer {
  return {
    dial: (broker, { signal }) =>
      new Promise((resolve) => {
        const port = portByBroker[broker] ?? 0;
        const socket = connect({ host: '127.0.0.1', port });
        const fail = (error: Error) => resolve(failure(error.message));
        const abort = () => socket.destroy(new Error('given up'));
        signal.addEventListener('abort', abort, { once: true });
        socket.once('error', fail).once('connect', () => {
          signal.removeEventListener('abort', abort);
          socket.off('error', fail).setNoDelay(true);
          resolve(success({ socket, endpoint: `127.0.0.1:${port}`, reportOutcome: () => {} }));
        });
      }),
  };
}
