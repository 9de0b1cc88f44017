import type { CohortTerms } from '../plan/cohort-terms.ts';
import type { ImportedDevice, ImportOutcome } from './imported-subscriptions.ts';
import type { CohortPlace, SessionRemains } from './session-registry.ts';

/** What is remembered of a session's subscriptions, as text of `encodeSubscriptions`. */
export interface SubscribedSession {
  readonly clientId: string;
  /** Absent: not known. */
  readonly cohort?: string;
  readonly subscriptions: string;
}

/**
 * The durable home of persistent sessions: the broker that holds the session and its queue, by client ID, and what the
 * gateway itself holds of a session whose device is away.
 * Home is where the session is; `desired` is what the plan says (architecture, decision 1).
 */
export interface HomeStore {
  /** The broker's name, or undefined when none is recorded. Synchronous: it is asked per CONNECT. Throws when unreadable. */
  homeOf(clientId: string): string | undefined;
  /** The epoch of the leg that recorded the home; 0 without one. Throws when unreadable. */
  epochOf(clientId: string): number;
  /** Records or moves a home, without `place` with the one that was known; `flush` makes it last beyond this process. Throws when too many wait for that. */
  record(clientId: string, broker: string, epoch?: number, place?: CohortPlace): void;
  /** The home, and what was kept or imported with it; former brokers stay. */
  forget(clientId: string): void;
  /** What was kept last, with what was imported, which needs no home. Throws when unreadable. */
  remainsOf(clientId: string): SessionRemains | undefined;
  /**
   * Keeps it with the home, bounded, in place of what was kept; without `subscriptions` those stay as they were. Undefined
   * forgets all of it, and what was imported. Without a home nothing is kept. Throws as `record` does.
   */
  keep(clientId: string, remains: SessionRemains | undefined): void;
  /** Brokers that may hold an old session of the client ID; the home is never among them. Throws when unreadable. */
  formerOf(clientId: string): readonly string[];
  /** In place of those that were kept; at most `formerBrokers`, the last ones. Throws as `record` does. */
  keepFormer(clientId: string, brokers: readonly string[]): void;
  /**
   * Takes what an operator knows of sessions that are older than the gateway, with or without a home, in the file at once.
   * Devices of one `importId` may come in several calls, whose filters add up; another one replaces what it brings.
   * An outcome for each device, in their order. Throws when it cannot be written, and nothing of the call is taken then.
   */
  learn(importId: string, devices: readonly ImportedDevice[]): readonly ImportOutcome[];
  /** Homes of the cohort's devices that are elsewhere than these terms want them, as far as their places are known. */
  countMisplaced(terms: CohortTerms): number;
  /** By client ID, behind `after`: sessions of which subscriptions are kept or imported. Throws when unreadable. */
  subscribed(after: string, limit: number): readonly SubscribedSession[];
  flush(): void;
  /** Waits for the disk: what was flushed survives a loss of power too. Throws when it cannot be done. */
  sync(): void;
  close(): void;
}
