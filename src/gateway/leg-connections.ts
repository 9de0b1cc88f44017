import type { Socket } from 'node:net';
import { LegConnection } from './leg-connection.ts';
import type { LegTerms } from './leg-terms.ts';

/**
 * The upstream connections of one session until they are closed, and what else keeps its client ID: a dial whose CONNECT
 * a broker may still act upon, a purge.
 */
export class LegConnections {
  readonly #open: LegConnection[] = [];
  #holds = 0;
  #handleUnheld: (() => void)[] = [];
  #lastNumber = 0;
  /** Settles when no broker is being asked for a further one: they are asked one after another. */
  asking: Promise<unknown> = Promise.resolve();
  /** The one that the machine calls active. */
  active: LegConnection | undefined;

  /** Numbered from 1 on. */
  add(socket: Socket, terms: LegTerms): LegConnection {
    this.#lastNumber += 1;
    const leg = new LegConnection(this.#lastNumber, socket, terms);
    this.#open.push(leg);
    return leg;
  }

  /** Its socket is closed. */
  remove(leg: LegConnection): void {
    leg.filters.close();
    const index = this.#open.indexOf(leg);
    if (index >= 0) this.#open.splice(index, 1);
    if (this.active === leg) this.active = undefined;
  }

  /** Not yet closed, whatever its part. */
  get open(): readonly LegConnection[] {
    return this.#open;
  }

  of(number: number): LegConnection | undefined {
    // Asked for every packet.
    if (this.active?.number === number && !this.active.isOver) return this.active;
    return this.#open.find((leg) => leg.number === number && !leg.isOver);
  }

  /** Those beside the active one that are not over. */
  get others(): readonly LegConnection[] {
    return this.#open.filter((leg) => leg !== this.active && !leg.isOver);
  }

  /** Nobody but the active one holds what the device is subscribed to now. */
  ageOthers(): void {
    for (const leg of this.#open) if (leg !== this.active) leg.isWhole = false;
  }

  /** No broker has anything of the session in work. */
  get areClosed(): boolean {
    return this.#open.length === 0 && this.#holds === 0;
  }

  /** Keeps the client ID until what is returned is called. */
  hold(handleReleased: () => void): () => void {
    this.#holds += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      handleReleased();
      if (this.#holds === 0) for (const resolve of this.#handleUnheld.splice(0)) resolve();
    };
  }

  /** Resolves when nothing but connections keeps the client ID. */
  whenUnheld(): Promise<void> {
    if (this.#holds === 0) return Promise.resolve();
    return new Promise((resolve) => this.#handleUnheld.push(resolve));
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }
}
