import type { Socket } from 'node:net';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { flushLingerMs, takeoverLingerMs } from './gateway-ports.ts';
import { abandonToPeer, closeAfterFlush, closedWithin } from './socket-closing.ts';

interface ParkedUpstream {
  readonly socket: Socket;
  /** It stands between two packets, so that a DISCONNECT can follow. */
  readonly mayBeTold: boolean;
}

/**
 * Upstream legs that were left to their broker's own takeover, by connection number, until they are closed. If the newer
 * CONNECT never reaches that broker, because a still newer one goes elsewhere, they are ended like any leg then.
 */
export class ParkedUpstreams {
  readonly #parked = new Map<number, ParkedUpstream>();

  park(connection: number, socket: Socket, mayBeTold: boolean): void {
    abandonToPeer(socket, takeoverLingerMs);
    if (socket.closed) return;
    this.#parked.set(connection, { socket, mayBeTold });
    socket.once('close', () => this.#parked.delete(connection));
  }

  /** Resolves when the leg is closed, by its broker or after `closeMs` by force; at once when none is parked. */
  end(connection: number, closeMs: number): Promise<void> {
    const upstream = this.#parked.get(connection);
    if (upstream === undefined) return Promise.resolve();
    const { socket, mayBeTold } = upstream;
    closeAfterFlush(socket, flushLingerMs, mayBeTold ? encodeClientDisconnect() : undefined);
    return closedWithin(socket, closeMs);
  }
}
