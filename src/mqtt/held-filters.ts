import type { BrokerProfile } from './broker-profiles.ts';

/**
 * The filters that a device holds, counted as a broker with a bound would count them: one that stands for its parent
 * level too (`a/#`) takes two places where the broker needs the parent asked for apart. Nothing is kept for a broker
 * without a bound, and no more than it takes to know that the bound is passed.
 */
export class HeldFilters {
  readonly #bound: number;
  readonly #needsParent: boolean;
  readonly #maxBytes: number;
  readonly #filters = new Set<string>();

  constructor(profile: BrokerProfile) {
    this.#bound = profile.subscriptionsPerConnection;
    this.#needsParent = !profile.multiLevelMatchesParent;
    this.#maxBytes = profile.maxTopicBytes;
  }

  hold(filter: string): void {
    if (this.#bound === Number.POSITIVE_INFINITY || this.#filters.size > this.#bound) return;
    // A longer one is refused for its length, and is no subscription; the share name is not counted.
    if (filter.length > 2 * this.#maxBytes) return;
    this.#filters.add(filter);
  }

  forget(filter: string): void {
    this.#filters.delete(filter);
  }

  /** Places taken; above the bound it may be less than the whole truth. */
  count(): number {
    if (!this.#needsParent) return this.#filters.size;
    let parents = 0;
    for (const filter of this.#filters) {
      if (filter.endsWith('/#') && !this.#filters.has(filter.slice(0, -2))) parents += 1;
    }
    return this.#filters.size + parents;
  }
}
