/** Losses farther apart than this are not of the same event: milliseconds. */
const sameEventMs = 1_000;

/** How many sessions of this worker lost a broker just now: one that is lost by all of them is not asked by all at once. */
export class BrokerLosses {
  readonly #byBroker = new Map<string, { count: number; lastMs: number }>();

  /** One more session lost it. Gives how many did in this event, this one included. */
  note(broker: string, nowMs: number): number {
    const losses = this.#byBroker.get(broker);
    if (losses === undefined || nowMs - losses.lastMs >= sameEventMs) {
      this.#byBroker.set(broker, { count: 1, lastMs: nowMs });
      return 1;
    }
    losses.count += 1;
    losses.lastMs = nowMs;
    return losses.count;
  }
}
