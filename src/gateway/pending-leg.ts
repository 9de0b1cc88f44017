import type { Socket } from 'node:net';
import { closedWithin } from './socket-closing.ts';

/** Why a connection stopped looking for its broker. */
export type PendingEnd = 'gone' | 'superseded' | 'timeout';

/** A connection between its CONNECT and the broker's answer: one deadline, one signal, one reason. */
export class PendingLeg {
  readonly connection: number;
  readonly #device: Socket;
  readonly #controller = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  /** Undefined while the claim is not answered. */
  epoch: number | undefined;
  /** The plan revision that it was assigned by; 0 before that. */
  revision = 0;
  end: PendingEnd | undefined;
  newBroker: string | undefined;
  readonly #over = Promise.withResolvers<void>();
  /** Set when a newer CONNECT came. */
  #supersede: (() => void) | undefined;
  /** The connection to `broker` that has the CONNECT and closes now; what waits for it resolves with `yield`. */
  #closing: { readonly upstream: Socket; readonly broker: string; readonly yield: () => void } | undefined;

  constructor(connection: number, device: Socket, answerMs: number) {
    this.connection = connection;
    this.#device = device;
    this.#deadline = setTimeout(() => this.abort('timeout'), answerMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(end: PendingEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    clearTimeout(this.#deadline);
    this.#controller.abort();
  }

  /** The broker has answered: nothing aborts this any more. */
  settle(): void {
    clearTimeout(this.#deadline);
  }

  /** The stages are done with this leg. */
  finish(): void {
    this.settle();
    this.#over.resolve();
  }

  /** Resolves when the broker's connection is closed, or when a newer leg goes to that broker and needs no such wait. */
  whenClosed(upstream: Socket, broker: string): Promise<void> {
    if (upstream.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing = { upstream, broker, yield: resolve };
      upstream.once('close', () => resolve());
      this.#supersede?.();
    });
  }

  /**
   * A newer CONNECT of the client ID came; `newBroker` is where it goes when that is known. Resolves when the leg is over;
   * a broker that keeps a connection open on which the newer session does not follow gets `closeMs`.
   * Without a CONNACK there is no packet that could say why: the device's connection is just closed.
   */
  endForNewer(newBroker: string | undefined, closeMs: number): Promise<void> {
    this.newBroker = newBroker;
    this.#supersede = () => this.#hurry(closeMs);
    this.abort('superseded');
    this.#device.destroy();
    this.#supersede();
    return this.#over.promise;
  }

  #hurry(closeMs: number): void {
    if (this.#closing === undefined) return;
    const { upstream, broker } = this.#closing;
    if (this.newBroker === undefined || this.newBroker === broker) this.#closing.yield();
    else void closedWithin(upstream, closeMs);
  }
}

/** Those that an older plan assigned, and that may attach where they no longer belong. */
export function pendingBefore(legs: Iterable<PendingLeg>, revision: number): number {
  let pending = 0;
  for (const leg of legs) if (leg.end === undefined && leg.revision < revision) pending += 1;
  return pending;
}
