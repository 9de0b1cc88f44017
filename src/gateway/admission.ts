import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { OccasionalLog } from './occasional-log.ts';

/** Why a device connection ended before a broker was asked; the label of `crossfade_connections_refused_total`. */
export type ConnectionRefusal =
  | 'connections'
  | 'pending'
  | 'descriptors'
  | 'proxy-header'
  | 'tls'
  | 'certificate'
  | 'timeout'
  | 'not-connect'
  | 'packet-size'
  | 'malformed'
  | 'version'
  | 'client-id'
  | 'credentials'
  | 'authentication-method'
  | 'gone';

/** Milliseconds a pending connection may stay silent when others want its place. */
const silenceMs = 1_000;

/** How many of the oldest pending connections are looked at to find a silent one. */
const oldestLookedAt = 8;

/**
 * Counts the worker's connections and those that have not finished CONNECT (`pending`), and says when there are too
 * many. When pending ones are too many, one that has not sent a byte makes room: a crowd of silent connections keeps
 * nobody out. Where all are at work, as when a fleet comes back at once, the newest is turned away: closing an older
 * one would throw away what its handshake has cost already.
 */
export class Admission {
  readonly #limits: { readonly connectionsPerWorker: number; readonly pendingConnectionsPerWorker: number };
  readonly #metrics: Metrics;
  readonly #log: OccasionalLog;
  readonly #clock: Clock;
  /** When each pending connection was accepted; oldest first. */
  readonly #pending = new Map<Socket, number>();
  #connections = 0;

  constructor(
    limits: { readonly connectionsPerWorker: number; readonly pendingConnectionsPerWorker: number },
    { metrics, log, clock }: { readonly metrics: Metrics; readonly log: OccasionalLog; readonly clock: Clock },
  ) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#log = log;
    this.#clock = clock;
  }

  get connections(): number {
    return this.#connections;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** False: close it at once. True: `leave` must follow when its socket closes, `settle` when it is pending no more. */
  enter(listener: string, socket: Socket): boolean {
    if (this.#connections >= this.#limits.connectionsPerWorker) return this.#turnAway(listener, 'connections');
    if (this.#pending.size >= this.#limits.pendingConnectionsPerWorker && !this.#closeSilent(listener)) {
      return this.#turnAway(listener, 'pending');
    }
    this.#connections += 1;
    this.#pending.set(socket, this.#clock.monotonicMs());
    this.#metrics.connections.inc({ listener });
    return true;
  }

  settle(socket: Socket): void {
    this.#pending.delete(socket);
  }

  leave(listener: string): void {
    this.#connections -= 1;
    this.#metrics.connections.dec({ listener });
  }

  countRefusal(listener: string, reason: ConnectionRefusal): void {
    this.#metrics.connectionsRefused.inc({ listener, reason });
  }

  /** The process has no descriptor left for a device that knocks; those inside notice nothing. */
  reportAcceptError(listener: string, code: string): void {
    this.countRefusal(listener, 'descriptors');
    this.#log.warn(`accept ${listener}`, { listener, code }, 'cannot accept device connections');
  }

  #closeSilent(listener: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    let lookedAt = 0;
    for (const [socket, acceptedMs] of this.#pending) {
      lookedAt += 1;
      if (lookedAt > oldestLookedAt || nowMs - acceptedMs < silenceMs) return false;
      if (socket.bytesRead > 0) continue;
      this.countRefusal(listener, 'pending');
      this.#pending.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #turnAway(listener: string, reason: 'connections' | 'pending'): boolean {
    this.countRefusal(listener, reason);
    this.#log.warn(`${reason} ${listener}`, { listener, limit: reason }, 'device connections are closed at accept');
    return false;
  }
}
