import type { Clock } from '../base/clock.ts';
import { ConnectGates, type PacedClient } from './connect-gates.ts';

export interface ConnectShareOptions {
  /** Connects per second by broker, for all workers together. */
  readonly rates: Readonly<Record<string, number | undefined>>;
  /** Connects per second of one client ID by broker: each worker keeps them by what it knows itself. */
  readonly clientRates?: Readonly<Record<string, number>>;
  readonly workers: number;
  readonly queueLimit: number;
  /** Milliseconds that a request waits at most. */
  readonly answerMs: number;
}

/**
 * One worker's even share of the brokers' connect rates, for the time without a control process. Each such time begins
 * with empty buckets, because what the control process gave just before is not known.
 */
export class ConnectShare {
  readonly #options: ConnectShareOptions;
  readonly #clock: Clock;
  #gates: ConnectGates | undefined;

  constructor(options: ConnectShareOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Returns what takes the request back. */
  ask({ broker, clientId }: PacedClient, answer: (granted: boolean) => void): () => void {
    this.#gates ??= this.#createGates();
    const deadlineMs = this.#clock.monotonicMs() + this.#options.answerMs;
    return this.#gates.ask({ broker, clientId, deadlineMs, answer });
  }

  /** A CONNECT of the client ID reached the broker at `atMs`, or before. */
  noteConnect(client: PacedClient, atMs: number): void {
    this.#gates?.noteConnect(client, atMs);
  }

  /** Requests that still wait are not answered any more: their askers have taken them elsewhere. */
  close(): void {
    this.#gates?.close();
    this.#gates = undefined;
  }

  #createGates(): ConnectGates {
    const { rates, clientRates = {}, workers, queueLimit } = this.#options;
    const share = Object.fromEntries(
      Object.entries(rates).map(([broker, rate]) => [broker, rate === undefined ? undefined : rate / workers]),
    );
    return new ConnectGates({ rates: share, clientRates, queueLimit, clock: this.#clock });
  }
}
