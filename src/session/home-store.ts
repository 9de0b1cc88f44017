/**
 * The durable home of persistent sessions: the broker that holds the session and its queue, by client ID.
 * Home is where the session is; `desired` is what the plan says (architecture, decision 1).
 */
export interface HomeStore {
  /** The broker's name, or undefined when none is recorded. Synchronous: it is asked per CONNECT. Throws when unreadable. */
  homeOf(clientId: string): string | undefined;
  /** Records or moves a home; `flush` makes it durable. Throws when too many wait for that. */
  record(clientId: string, broker: string): void;
  forget(clientId: string): void;
  /** How many homes each broker has. */
  countByBroker(): ReadonlyMap<string, number>;
  flush(): void;
  close(): void;
}
