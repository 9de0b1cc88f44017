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
  readonly #parked = new Map<number, ParkedUpstream[]>();

  park(connection: number, socket: Socket, mayBeTold: boolean): void {
    abandonToPeer(socket, takeoverLingerMs);
    this.#keep(connection, { socket, mayBeTold });
  }

  /** A leg that closes already, and may be asked for its client ID before it is closed: `end` waits for that close too. */
  watch(connection: number, socket: Socket): void {
    const isKnown = this.#parked.get(connection)?.some((upstream) => upstream.socket === socket);
    if (isKnown !== true) this.#keep(connection, { socket, mayBeTold: false });
  }

  /** Resolves when its legs are closed, by their brokers or after `closeMs` by force; at once when none is parked. */
  async end(connection: number, closeMs: number): Promise<void> {
    await Promise.all(
      (this.#parked.get(connection) ?? []).map((upstream) => {
        upstream.closed ??= close(upstream, closeMs);
        return upstream.closed;
      }),
    );
  }

  #keep(connection: number, upstream: ParkedUpstream): void {
    if (upstream.socket.closed) return;
    this.#parked.set(connection, [...(this.#parked.get(connection) ?? []), upstream]);
    upstream.socket.once('close', () => this.#forget(connection, upstream));
  }

  #forget(connection: number, closed: ParkedUpstream): void {
    const left = (this.#parked.get(connection) ?? []).filter((upstream) => upstream !== closed);
    if (left.length > 0) this.#parked.set(connection, left);
    else this.#parked.delete(connection);
  }
}

function close({ socket, mayBeTold }: ParkedUpstream, closeMs: number): Promise<void> {
  closeAfterFlush(socket, flushLingerMs, mayBeTold ? encodeClientDisconnect() : undefined);
  return closedWithin(socket, closeMs);
}
