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
  | 'obstacle'
  | 'gone';

/** Milliseconds in one stage (TLS, first packet) after which a pending connection may have to make room for another. */
const patienceMs = { least: 1_000, most: 5_000 };

/** The share of the pending connections that one source address may have. */
const addressShare = 1 / 4;

interface Pending {
  readonly stageSinceMs: number;
  /** Unknown while a load balancer has not named the device. */
  readonly address: string | undefined;
}

/**
 * Counts the worker's connections and those that have not finished CONNECT (`pending`), and says when there are too
 * many, in all or from one address. Then the one that has been in its stage for longest makes room, whatever it sent: a
 * crowd of slow connections keeps nobody out. It had its time, a second at least; when a fleet comes back at once and
 * stages take longer, twice what they take (five seconds at most), and until then the newest is turned away: closing
 * an older one would throw away what its handshake has cost already.
 */
export class Admission {
  readonly #limits: { readonly connectionsPerWorker: number; readonly pendingConnectionsPerWorker: number };
  readonly #metrics: Metrics;
  readonly #log: OccasionalLog;
  readonly #clock: Clock;
  /** The one that has been in its stage for longest first. */
  readonly #pending = new Map<Socket, Pending>();
  /** The same sockets in the same order, by address. */
  readonly #pendingByAddress = new Map<string, Set<Socket>>();
  /** Milliseconds that a stage takes lately, smoothed. */
  #stageMs = 0;
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

  /**
   * False: close it at once. True: `leave` must follow when its socket closes, `settle` when it is pending no more.
   * Without an address, because a load balancer is about to name the device, `name` follows.
   */
  enter(listener: string, socket: Socket, address: string | undefined): boolean {
    if (this.#connections >= this.#limits.connectionsPerWorker) return this.#turnAway(listener, 'connections');
    if (
      this.#pending.size >= this.#limits.pendingConnectionsPerWorker &&
      !this.#evict(listener, this.#pending.keys())
    ) {
      return this.#turnAway(listener, 'pending');
    }
    if (address !== undefined && !this.#hasRoomFor(listener, address)) return this.#turnAway(listener, 'pending');
    this.#connections += 1;
    this.#note(socket, address);
    this.#metrics.connections.inc({ listener });
    return true;
  }

  /** A load balancer named the device. False: its address has too many pending; close it. */
  name(listener: string, socket: Socket, address: string): boolean {
    if (!this.#hasRoomFor(listener, address)) return this.#turnAway(listener, 'pending');
    const pending = this.#pending.get(socket);
    if (pending === undefined) return true;
    this.#pending.set(socket, { ...pending, address });
    this.#noteAddress(socket, address);
    return true;
  }

  /** The connection goes on to its next stage, and is the youngest again. */
  advance(socket: Socket): void {
    const pending = this.#finishStage(socket);
    if (pending !== undefined) this.#note(socket, pending.address);
  }

  /** The connection is pending no more. */
  settle(socket: Socket): void {
    this.#finishStage(socket);
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

  #note(socket: Socket, address: string | undefined): void {
    this.#pending.set(socket, { stageSinceMs: this.#clock.monotonicMs(), address });
    if (address !== undefined) this.#noteAddress(socket, address);
  }

  #noteAddress(socket: Socket, address: string): void {
    const sockets = this.#pendingByAddress.get(address);
    if (sockets === undefined) this.#pendingByAddress.set(address, new Set([socket]));
    else sockets.add(socket);
  }

  #finishStage(socket: Socket): Pending | undefined {
    const pending = this.#forget(socket);
    if (pending !== undefined) {
      this.#stageMs += (this.#clock.monotonicMs() - pending.stageSinceMs - this.#stageMs) / 64;
    }
    return pending;
  }

  #forget(socket: Socket): Pending | undefined {
    const pending = this.#pending.get(socket);
    this.#pending.delete(socket);
    const sockets = pending?.address === undefined ? undefined : this.#pendingByAddress.get(pending.address);
    sockets?.delete(socket);
    if (pending?.address !== undefined && sockets?.size === 0) this.#pendingByAddress.delete(pending.address);
    return pending;
  }

  #hasRoomFor(listener: string, address: string): boolean {
    const sockets = this.#pendingByAddress.get(address);
    const most = Math.max(1, Math.floor(this.#limits.pendingConnectionsPerWorker * addressShare));
    return sockets === undefined || sockets.size < most || this.#evict(listener, sockets.keys());
  }

  /** Closes the first of `sockets` if it had its time. */
  #evict(listener: string, sockets: Iterator<Socket>): boolean {
    const { value: oldest, done } = sockets.next();
    if (done === true) return false;
    const stageSinceMs = this.#pending.get(oldest)?.stageSinceMs ?? 0;
    const patience = Math.min(Math.max(2 * this.#stageMs, patienceMs.least), patienceMs.most);
    if (this.#clock.monotonicMs() - stageSinceMs < patience) return false;
    this.countRefusal(listener, 'pending');
    this.#forget(oldest);
    oldest.destroy();
    return true;
  }

  #turnAway(listener: string, reason: 'connections' | 'pending'): boolean {
    this.countRefusal(listener, reason);
    this.#log.warn(`${reason} ${listener}`, { listener, limit: reason }, 'device connections are closed at accept');
    return false;
  }
}
