import type { Socket } from 'node:net';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { flushLingerMs, takeoverLingerMs } from './gateway-ports.ts';
import { abandonToPeer, closeAfterFlush, closedWithin } from './socket-closing.ts';

interface ParkedUpstream {
  readonly socket: Socket;
  /** It stands between two packets, so that a DISCONNECT can follow. */
  readonly mayBeTold: boolean;
  /** Set when it is being ended: a second request waits for the same close. */
  closed?: Promise<void>;
}

/**
 * Upstream legs that gave their client ID up before they were closed, by connection number, until they are: the newer
 * session goes to the same broker, whose own takeover ends them. If its CONNECT never gets there, because a still newer
 * one goes elsewhere, they are ended like any leg then.
 */
export class ParkedUpstreams {
  readonly #parked = new Map<number, ParkedUpstream>();

  park(connection: number, socket: Socket, mayBeTold: boolean): void {
    abandonToPeer(socket, takeoverLingerMs);
    this.#keep(connection, { socket, mayBeTold });
  }

  /** A leg that closes already, and may be asked for its client ID before it is closed: `end` waits for that close too. */
  watch(connection: number, socket: Socket): void {
    if (!this.#parked.has(connection)) this.#keep(connection, { socket, mayBeTold: false });
  }

  /** Resolves when the leg is closed, by its broker or after `closeMs` by force; at once when none is parked. */
  end(connection: number, closeMs: number): Promise<void> {
    const upstream = this.#parked.get(connection);
    if (upstream === undefined) return Promise.resolve();
    upstream.closed ??= close(upstream, closeMs);
    return upstream.closed;
  }

  #keep(connection: number, upstream: ParkedUpstream): void {
    if (upstream.socket.closed) return;
    this.#parked.set(connection, upstream);
    upstream.socket.once('close', () => this.#parked.delete(connection));
  }
}

function close({ socket, mayBeTold }: ParkedUpstream, closeMs: number): Promise<void> {
  closeAfterFlush(socket, flushLingerMs, mayBeTold ? encodeClientDisconnect() : undefined);
  return closedWithin(socket, closeMs);
}
