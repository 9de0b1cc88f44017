/** Counts of the hot path, by name, that become a metric when they are taken: a labelled counter is too dear per packet. */
export class PendingCounts<Name extends string> {
  readonly #counts = new Map<Name, number>();

  add(name: Name): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Gives every count that is not 0 once. */
  take(count: (name: Name, times: number) => void): void {
    for (const [name, times] of this.#counts) {
      if (times === 0) continue;
      this.#counts.set(name, 0);
      count(name, times);
    }
  }
}
