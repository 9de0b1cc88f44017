import type { TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';

/**
 * Whose session it is. An upstream TLS session is only ever resumed under the same scope: a resumed session carries the
 * client certificate and the verification of the handshake that made it, and neither is looked at again.
 */
export interface SessionScope {
  /** `host:port` of the endpoint. */
  readonly endpoint: string;
  /** What the endpoint's certificate was verified against: the CA set and the expected name. */
  readonly trust: string;
  /** Opaque; what was presented: the fingerprint of a client certificate, or `none`. */
  readonly identity: string;
}

/** What is used of a client's TLSSocket. */
export interface SessionSource extends Pick<TLSSocket, 'isSessionReused' | 'getPeerX509Certificate'> {
  once(event: 'session', listener: (session: Buffer) => void): unknown;
}

/** One session per scope, at most `maxSessions`, the least recently used leaves first. */
export class UpstreamTlsSessions {
  readonly #sessions: LRUCache<string, KeptSession>;
  readonly #clock: Clock;

  constructor(maxSessions: number, clock: Clock) {
    this.#clock = clock;
    this.#sessions = new LRUCache({
      max: Math.max(1, maxSessions),
      ttl: maxSessionAgeMs,
      perf: { now: () => clock.monotonicMs() },
      ttlResolution: 0,
    });
  }

  /** The session to offer, the same one to all dials of its time (a broker that takes a ticket once says no). */
  find(scope: SessionScope): Buffer | undefined {
    return this.#sessions.get(sessionKey(scope))?.session;
  }

  /**
   * Keeps the first session that `socket` gets: at the handshake's end with TLS 1.2, with the first ticket behind it
   * with TLS 1.3, so this listener is the one that stays until then. Node emits `session` only after the chain and the
   * name were verified, or not at all.
   */
  remember(socket: SessionSource, scope: SessionScope): void {
    socket.once('session', (session: Buffer) => this.#keep(socket, sessionKey(scope), session));
  }

  get size(): number {
    return this.#sessions.size;
  }

  #keep(socket: SessionSource, key: string, session: Buffer): void {
    const keptAtMs = this.#clock.monotonicMs();
    const validForMs = socket.isSessionReused() ? this.#renewalMs(key, keptAtMs) : this.#certificateMs(socket);
    const ttl = Math.floor(Math.min(maxSessionAgeMs, validForMs));
    if (ttl >= 1) this.#sessions.set(key, { session, keptAtMs }, { ttl });
  }

  /**
   * A session that was resumed is replaced, but not at every dial: Node holds on to the session that a socket offered,
   * and so the sockets share one. Renewal never goes on for longer than the full handshake allowed.
   */
  #renewalMs(key: string, nowMs: number): number {
    const kept = this.#sessions.peek(key);
    if (kept === undefined || nowMs - kept.keptAtMs < renewAfterMs) return 0;
    return this.#sessions.getRemainingTTL(key);
  }

  #certificateMs(socket: SessionSource): number {
    return (socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0) - this.#clock.wallMs();
  }
}

interface KeptSession {
  readonly session: Buffer;
  readonly keptAtMs: number;
}

const maxSessionAgeMs = 24 * 3_600_000;
const renewAfterMs = 60_000;

/** JSON, so that no part can be read as another's beginning. */
function sessionKey({ endpoint, trust, identity }: SessionScope): string {
  return JSON.stringify([endpoint, trust, identity]);
}
