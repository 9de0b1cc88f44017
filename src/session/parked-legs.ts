/** An older upstream leg that was left to its broker's own takeover, and the broker that the newer CONNECT was to go to. */
export interface ParkedLeg {
  readonly worker: number;
  readonly connection: number;
  readonly epoch: number;
  readonly broker: string;
}

/**
 * Legs that wait, silent, for their broker to end them when the newer CONNECT arrives there. If that CONNECT is itself
 * overtaken by one that goes elsewhere, it never arrives: whoever is granted the client ID for another broker has to end
 * them first, else one device has sessions on two brokers. A leg is forgotten after `lingerMs`, when it is cut anyway.
 */
export class ParkedLegs {
  readonly #lingerMs: number;
  /** In the order of their parking, oldest first. */
  readonly #legs = new Map<string, { readonly leg: ParkedLeg; readonly untilMs: number }[]>();

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  park(clientId: string, leg: ParkedLeg, nowMs: number): void {
    this.#forgetOld(nowMs);
    const legs = this.#legs.get(clientId) ?? [];
    this.#legs.delete(clientId);
    this.#legs.set(clientId, [...legs, { leg, untilMs: nowMs + this.#lingerMs }]);
  }

  /** Takes out the legs that a session on `broker` would not end; those on it are its broker's to end. */
  takeElsewhere(clientId: string, broker: string, nowMs: number): readonly ParkedLeg[] {
    const legs = this.#legs.get(clientId);
    if (legs === undefined) return [];
    this.#legs.delete(clientId);
    const live = legs.filter(({ untilMs }) => untilMs > nowMs);
    const staying = live.filter(({ leg }) => leg.broker === broker);
    if (staying.length > 0) this.#legs.set(clientId, staying);
    return live.filter(({ leg }) => leg.broker !== broker).map(({ leg }) => leg);
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
