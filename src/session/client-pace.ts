import type { GateOutcome } from './connect-gate.ts';

export interface ClientPaceOptions {
  /** Milliseconds between two CONNECTs of one client ID. */
  readonly intervalMs: number;
  readonly queueLimit: number;
  /** From then on CONNECTs are known: each client ID may have sent one just before. */
  readonly nowMs: number;
}

export interface PacedConnect {
  readonly clientId: string;
  readonly deadlineMs: number;
}

/**
 * A broker that takes a client ID's CONNECTs only so often, as a machine: a CONNECT waits until its interval behind the
 * one before it has passed, and hears at once when that is after its deadline. Client IDs do not wait for each other.
 */
export class ClientPace<Waiter> {
  readonly #intervalMs: number;
  readonly #queueLimit: number;
  readonly #knownFromMs: number;
  /** Those of the last interval, about in the order of their times. */
  readonly #lastMs = new Map<string, number>();
  readonly #waiting = new Map<Waiter, PacedConnect>();

  constructor({ intervalMs, queueLimit, nowMs }: ClientPaceOptions) {
    this.#intervalMs = intervalMs;
    this.#queueLimit = queueLimit;
    this.#knownFromMs = nowMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Client IDs that are remembered. */
  get remembered(): number {
    return this.#lastMs.size;
  }

  /** Undefined: it waits, and `tick` answers later. What is granted counts as sent at that moment. */
  ask(waiter: Waiter, connect: PacedConnect, nowMs: number): GateOutcome<Waiter> | undefined {
    const dueMs = this.dueMs(connect.clientId);
    if (dueMs <= nowMs) {
      this.note(connect.clientId, nowMs, nowMs);
      return { waiter, granted: true };
    }
    if (dueMs > connect.deadlineMs || this.#waiting.size >= this.#queueLimit) return { waiter, granted: false };
    this.#waiting.set(waiter, connect);
    return undefined;
  }

  /** A CONNECT of the client ID was sent at `atMs`, or later than was known. */
  note(clientId: string, atMs: number, nowMs: number): void {
    for (const [oldest, lastMs] of this.#lastMs) {
      if (lastMs + this.#intervalMs > nowMs) break;
      this.#lastMs.delete(oldest);
    }
    const lastMs = Math.max(atMs, this.#lastMs.get(clientId) ?? Number.NEGATIVE_INFINITY);
    if (lastMs + this.#intervalMs <= nowMs) return;
    this.#lastMs.delete(clientId);
    this.#lastMs.set(clientId, lastMs);
  }

  /** Takes a waiter out, for instance because a newer CONNECT came. */
  withdraw(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  tick(nowMs: number): GateOutcome<Waiter>[] {
    const outcomes: GateOutcome<Waiter>[] = [];
    for (const [waiter, { clientId, deadlineMs }] of this.#waiting) {
      const granted = this.dueMs(clientId) <= nowMs;
      if (!granted && deadlineMs > nowMs) continue;
      if (granted) this.note(clientId, nowMs, nowMs);
      this.#waiting.delete(waiter);
      outcomes.push({ waiter, granted });
    }
    return outcomes;
  }

  /** When a CONNECT of that client ID may be sent. */
  dueMs(clientId: string): number {
    return Math.max(this.#lastMs.get(clientId) ?? this.#knownFromMs, this.#knownFromMs) + this.#intervalMs;
  }

  /** When the next waiter can be answered; undefined when nobody waits. */
  nextAtMs(): number | undefined {
    let nextAtMs: number | undefined;
    for (const { clientId, deadlineMs } of this.#waiting.values()) {
      nextAtMs = Math.min(nextAtMs ?? Number.POSITIVE_INFINITY, this.dueMs(clientId), deadlineMs);
    }
    return nextAtMs;
  }
}
