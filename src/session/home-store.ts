import type { SessionRemains } from './session-registry.ts';

/**
 * The durable home of persistent sessions: the broker that holds the session and its queue, by client ID, and what the
 * gateway itself holds of a session whose device is away.
 * Home is where the session is; `desired` is what the plan says (architecture, decision 1).
 */
export interface HomeStore {
  /** The broker's name, or undefined when none is recorded. Synchronous: it is asked per CONNECT. Throws when unreadable. */
  homeOf(clientId: string): string | undefined;
  /** Records or moves a home; `flush` makes it durable. Throws when too many wait for that. */
  record(clientId: string, broker: string): void;
  /** The home, and what was kept with it. */
  forget(clientId: string): void;
  /** What was kept last, while there is a home. Throws when unreadable. */
  remainsOf(clientId: string): SessionRemains | undefined;
  /**
   * Keeps it with the home, bounded, in place of what was kept; without `subscriptions` those stay as they were. Undefined
   * forgets all of it. Without a home nothing is kept. Throws as `record` does.
   */
  keep(clientId: string, remains: SessionRemains | undefined): void;
  /** How many homes each broker has. */
  countByBroker(): ReadonlyMap<string, number>;
  flush(): void;
  close(): void;
}
