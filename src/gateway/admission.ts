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
  | 'gone';

/** Counts the worker's connections and those that have not finished CONNECT, and says when there are too many. */
export class Admission {
  readonly #limits: { readonly connectionsPerWorker: number; readonly pendingConnectionsPerWorker: number };
  readonly #metrics: Metrics;
  readonly #log: OccasionalLog;
  #connections = 0;
  #pending = 0;

  constructor(
    limits: { readonly connectionsPerWorker: number; readonly pendingConnectionsPerWorker: number },
    metrics: Metrics,
    log: OccasionalLog,
  ) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#log = log;
  }

  get connections(): number {
    return this.#connections;
  }

  get pending(): number {
    return this.#pending;
  }

  /** False: close it at once. True: `leave` must follow when its socket closes, `settle` when it is pending no more. */
  enter(listener: string): boolean {
    if (this.#connections >= this.#limits.connectionsPerWorker) return this.#turnAway(listener, 'connections');
    if (this.#pending >= this.#limits.pendingConnectionsPerWorker) return this.#turnAway(listener, 'pending');
    this.#connections += 1;
    this.#pending += 1;
    this.#metrics.connections.inc({ listener });
    return true;
  }

  settle(): void {
    this.#pending -= 1;
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

  #turnAway(listener: string, reason: 'connections' | 'pending'): boolean {
    this.countRefusal(listener, reason);
    this.#log.warn(`${reason} ${listener}`, { listener, limit: reason }, 'device connections are closed at accept');
    return false;
  }
}
