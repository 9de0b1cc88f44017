import type { Socket } from 'node:net';

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

  /**
   * A newer CONNECT of the client ID came; `newBroker` is where it goes when that is known.
   * Without a CONNACK there is no packet that could say why: the device's connection is just closed.
   */
  endForNewer(newBroker: string | undefined): void {
    this.newBroker = newBroker;
    this.abort('superseded');
    this.#device.destroy();
  }
}
