import type { Agenda, Cancel } from './agenda.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { ClientSession } from './client-session.ts';
import type { StoredBytes } from './message-queue.ts';

export interface SessionRegistryOptions {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly stored: StoredBytes;
  readonly newId: () => string;
  /** The session is over: nothing of it may stay. */
  readonly handleEnd: (session: ClientSession) => void;
}

export interface SessionRequest {
  readonly clientId: string;
  readonly family: 3 | 5;
  readonly cleanStart: boolean;
  readonly expirySeconds: number;
}

/** The session of each client ID, from the first CONNECT until it expires. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Map<string, ClientSession>();
  readonly #expiries = new Map<ClientSession, Cancel>();

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get(clientId: string): ClientSession | undefined {
    return this.#sessions.get(clientId);
  }

  /** The session that the CONNECT asks for; undefined: there are as many as there may be. */
  open(request: SessionRequest): { readonly session: ClientSession; readonly isResumed: boolean } | undefined {
    const { terms, stored, newId } = this.#options;
    const { clientId, family, cleanStart, expirySeconds } = request;
    const before = this.#sessions.get(clientId);
    const isResumed = before !== undefined && !cleanStart && before.family === family;
    if (before !== undefined && !isResumed) this.end(before);
    if (!isResumed && this.#sessions.size >= terms.bounds.sessions) return undefined;
    const identifier = newId();
    const session = isResumed
      ? before
      : new ClientSession({ clientId, family, identifier }, stored, terms.bounds.queuedMessages);
    this.#keep(session);
    session.expirySeconds = expirySeconds;
    this.#sessions.set(clientId, session);
    return { session, isResumed };
  }

  /** Its connection is gone: it ends now, or when it expires. */
  leave(session: ClientSession, nowMs: number): void {
    if (!session.isPersistent) return void this.end(session);
    const untilMs = nowMs + session.expirySeconds * 1_000;
    this.#expiries.set(
      session,
      this.#options.agenda.at(untilMs, () => this.end(session)),
    );
  }

  end(session: ClientSession): void {
    this.#keep(session);
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    session.stored.clear();
    this.#options.handleEnd(session);
  }

  #keep(session: ClientSession): void {
    this.#expiries.get(session)?.();
    this.#expiries.delete(session);
  }
}
