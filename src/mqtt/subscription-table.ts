import type { SubscriptionRequest } from './subscribe-packet.ts';

/** A subscription as the device asked for it, and what it was granted. */
export interface HeldSubscription extends SubscriptionRequest {
  readonly subscriptionIdentifier?: number;
  /** The QoS that the device was told. */
  readonly granted: number;
}

/** Filters of one session; what is beyond is refused. */
export const maxHeldFilters = 10_000;
/** Characters of all of them together: filters may have 65 535 bytes each. */
export const maxHeldCharacters = 2_000_000;

/** What the device holds, and what the broker holds for it where that is counted. */
export class SubscriptionTable {
  readonly #held = new Map<string, HeldSubscription>();
  /** Undefined: the broker has no bound and completes nothing, so both are the same. */
  readonly #upstream: Set<string> | undefined;
  #characters = 0;

  constructor(countsUpstream: boolean) {
    this.#upstream = countsUpstream ? new Set() : undefined;
  }

  get held(): ReadonlyMap<string, HeldSubscription> {
    return this.#held;
  }

  /** Whether a session that also takes `added` filters of `characters` in all stays within its bounds. */
  hasRoom(added: number, characters: number): boolean {
    return this.#held.size + added <= maxHeldFilters && this.#characters + characters <= maxHeldCharacters;
  }

  hold(subscription: HeldSubscription): void {
    const { filter } = subscription;
    if (!this.#held.has(filter)) this.#characters += filter.length;
    this.#held.set(filter, subscription);
  }

  drop(filter: string): void {
    if (this.#held.delete(filter)) this.#characters -= filter.length;
  }

  /** Filters that the broker holds; 0 where they are not counted. */
  get upstreamSize(): number {
    return this.#upstream?.size ?? 0;
  }

  brokerHolds(filter: string): boolean {
    return this.#upstream === undefined ? this.#held.has(filter) : this.#upstream.has(filter);
  }

  brokerTook(filter: string): void {
    this.#upstream?.add(filter);
  }

  brokerDropped(filter: string): void {
    this.#upstream?.delete(filter);
  }
}
