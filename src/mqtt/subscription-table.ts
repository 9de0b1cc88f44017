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
  /** Held from an earlier connection, and not asked for on this one. */
  readonly #restored = new Set<string>();
  /** Given up on this connection; what an operator knows of the session may be older than that. */
  readonly #left = new Set<string>();
  #characters = 0;
  #hasChanged = false;
  #changes = 0;

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
    const former = this.#held.get(filter);
    if (former === undefined || !isSameSubscription(former, subscription)) this.#change();
    this.#restored.delete(filter);
    this.#left.delete(filter);
    this.#put(subscription);
  }

  /** What the device was told holds, whatever this broker granted: it never changes on a connection. */
  carryOver(subscription: HeldSubscription): void {
    this.#put(subscription);
  }

  /** What an earlier connection of the session left. */
  restore(subscription: HeldSubscription): void {
    this.#restored.add(subscription.filter);
    this.#put(subscription);
  }

  /** What is remembered of an earlier connection may be older than what the broker has: asking again is safe. */
  isRestored(filter: string): boolean {
    return this.#restored.has(filter);
  }

  drop(filter: string): void {
    if (this.#left.size < maxHeldFilters) this.#left.add(filter);
    if (this.#remove(filter)) this.#change();
  }

  /** What was restored and not asked for since is forgotten; it was never known for certain. */
  forget(filter: string): void {
    if (this.#restored.has(filter)) this.#remove(filter);
  }

  get left(): ReadonlySet<string> {
    return this.#left;
  }

  /** Another connection of the session gave these up. */
  leave(filters: Iterable<string>): void {
    for (const filter of filters) this.#left.add(filter);
  }

  /** Whether something else is held than was restored. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** Grows with every change. */
  get changes(): number {
    return this.#changes;
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

  #change(): void {
    this.#hasChanged = true;
    this.#changes += 1;
  }

  #remove(filter: string): boolean {
    this.#restored.delete(filter);
    if (!this.#held.delete(filter)) return false;
    this.#characters -= filter.length;
    return true;
  }

  #put(subscription: HeldSubscription): void {
    const { filter } = subscription;
    if (!this.#held.has(filter)) this.#characters += filter.length;
    this.#held.set(filter, subscription);
  }
}

/** Whether nothing about a subscription is different. */
export function isSameSubscription(one: HeldSubscription, other: HeldSubscription): boolean {
  return (
    one.qos === other.qos &&
    one.noLocal === other.noLocal &&
    one.retainAsPublished === other.retainAsPublished &&
    one.retainHandling === other.retainHandling &&
    one.granted === other.granted &&
    one.subscriptionIdentifier === other.subscriptionIdentifier
  );
}
