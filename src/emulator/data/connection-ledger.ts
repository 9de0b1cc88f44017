import type { Agenda, Cancel } from './agenda.ts';
import type { DisconnectReason } from './disconnect-reason.ts';

/** How a client's last connection ended. */
export interface PastConnection {
  readonly disconnectedSinceMs: number;
  readonly disconnectReason: DisconnectReason;
}

interface Entry {
  nextVersion: number;
  past: PastConnection | undefined;
  cancel: Cancel | undefined;
}

/** What is known of a client ID beyond its connection and its session: the version number of its next connection, and its last end. */
export class ConnectionLedger {
  readonly #agenda: Agenda;
  readonly #rememberMs: number;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();

  /** After `rememberMs` without a connection the version begins at 0 again; sooner when there are `maxEntries`. */
  constructor(
    agenda: Agenda,
    { rememberMs, maxEntries }: { readonly rememberMs: number; readonly maxEntries: number },
  ) {
    this.#agenda = agenda;
    this.#rememberMs = rememberMs;
    this.#maxEntries = maxEntries;
  }

  /** The version number of a connection that begins; connected and disconnected of one connection share it. */
  begin(clientId: string): number {
    const entry = this.#entries.get(clientId) ?? { nextVersion: 0, past: undefined, cancel: undefined };
    // Anew, so that the map is in the order in which they were last seen.
    this.#entries.delete(clientId);
    this.#entries.set(clientId, entry);
    entry.cancel?.();
    entry.cancel = undefined;
    entry.past = undefined;
    entry.nextVersion += 1;
    return entry.nextVersion - 1;
  }

  end(clientId: string, disconnectReason: DisconnectReason, nowMs: number): void {
    const entry = this.#entries.get(clientId);
    if (entry === undefined) return;
    entry.past = { disconnectedSinceMs: nowMs, disconnectReason };
    entry.cancel?.();
    entry.cancel = this.#agenda.at(nowMs + this.#rememberMs, () => this.#entries.delete(clientId));
    if (this.#entries.size > this.#maxEntries) this.#forgetOne();
  }

  past(clientId: string): PastConnection | undefined {
    return this.#entries.get(clientId)?.past;
  }

  #forgetOne(): void {
    for (const [clientId, { past, cancel }] of this.#entries) {
      if (past === undefined) continue;
      cancel?.();
      this.#entries.delete(clientId);
      return;
    }
  }
}
