import type { Leg } from './ownership.ts';

/** An older upstream leg that was left to its broker's own takeover, and the broker that the newer CONNECT was to go to. */
export interface ParkedLeg extends Leg {
  readonly epoch: number;
  readonly broker: string;
}

interface Parking {
  readonly leg: ParkedLeg;
  readonly untilMs: number;
}

/**
 * Legs that wait, silent, for their broker to end them when the newer CONNECT arrives there. If that CONNECT is itself
 * overtaken by one that goes elsewhere, it never arrives: whoever is granted the client ID for another broker has to end
 * them first, else one device has sessions on two brokers. A leg is known until it is closed, not only until somebody
 * had it closed: who waits for that may be overtaken too, and the next one has the same leg to wait for. It is forgotten
 * after `lingerMs`, when it is cut anyway.
 */
export class ParkedLegs {
  readonly #lingerMs: number;
  /** In the order of their parking, oldest first. */
  readonly #legs = new Map<string, readonly Parking[]>();

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  park(clientId: string, leg: ParkedLeg, nowMs: number): void {
    this.#forgetOld(nowMs);
    const others = this.#others(clientId, leg);
    this.#legs.delete(clientId);
    this.#legs.set(clientId, [...others, { leg, untilMs: nowMs + this.#lingerMs }]);
  }

  /** The legs that a session on `broker` would not end; those on it are its broker's to end. */
  elsewhere(clientId: string, broker: string, nowMs: number): readonly ParkedLeg[] {
    const live = (this.#legs.get(clientId) ?? []).filter(({ untilMs }) => untilMs > nowMs);
    this.#keep(clientId, live);
    return live.map(({ leg }) => leg).filter((leg) => leg.broker !== broker);
  }

  /** The leg is closed. */
  forget(clientId: string, leg: Leg): void {
    this.#keep(clientId, this.#others(clientId, leg));
  }

  #others(clientId: string, { worker, connection }: Leg): readonly Parking[] {
    const legs = this.#legs.get(clientId) ?? [];
    return legs.filter(({ leg }) => leg.worker !== worker || leg.connection !== connection);
  }

  #keep(clientId: string, legs: readonly Parking[]): void {
    if (legs.length > 0) this.#legs.set(clientId, legs);
    else this.#legs.delete(clientId);
  }

  /** The map keeps the order of the last parking, so the oldest come first. */
  #forgetOld(nowMs: number): void {
    for (const [clientId, legs] of this.#legs) {
      const last = legs.at(-1);
      if (last !== undefined && last.untilMs > nowMs) return;
      this.#legs.delete(clientId);
    }
  }
}
