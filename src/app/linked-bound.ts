import type { Clock } from '../base/clock.ts';
import { type BoundedWish, BoundGates } from './bound-gates.ts';
import type { ControlLinkEnd } from './linked-registry.ts';
import type { BoundName } from './process-messages.ts';

export interface LinkedBoundOptions {
  readonly bound: BoundName;
  /** A second by broker, for all workers together; none where a broker has no bound. */
  readonly rates: Readonly<Record<string, number>>;
  readonly workers: number;
}

interface PendingWish extends BoundedWish {
  readonly handleGranted: () => void;
  /** Takes it out of the gate of this worker's own. */
  takeBack: (() => void) | undefined;
}

/** What was used without a token is told so often: milliseconds. */
const tellMs = 50;

/**
 * A worker's view of what brokers take a second of all workers together. With a control link the control process gives the
 * tokens; without one this worker has its even share. Each such time begins with empty buckets, as with the connect rates.
 */
export class LinkedBound {
  readonly #options: LinkedBoundOptions;
  readonly #clock: Clock;
  readonly #wishes = new Map<number, PendingWish>();
  readonly #spent = new Map<string, number>();
  #share: BoundGates | undefined;
  #link: ControlLinkEnd | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextClaim = 1;

  constructor(options: LinkedBoundOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  isBound(broker: string): boolean {
    return this.#options.rates[broker] !== undefined;
  }

  /** Calls `handleGranted` once, in the order of the wishes and never before it returns. What is returned takes it back. */
  take(wish: BoundedWish, handleGranted: () => void): () => void {
    const claim = this.#nextClaim++;
    this.#wishes.set(claim, { ...wish, handleGranted, takeBack: undefined });
    this.#ask(claim);
    return () => {
      this.#wishes.get(claim)?.takeBack?.();
      if (this.#wishes.delete(claim)) this.#link?.send({ kind: 'bound-withdraw', bound: this.#options.bound, claim });
    };
  }

  /** Used without a token, or below 0: given back. */
  spend({ broker, amount }: BoundedWish): void {
    if (!this.isBound(broker)) return;
    this.#spent.set(broker, (this.#spent.get(broker) ?? 0) + amount);
    this.#timer ??= setTimeout(() => this.#tellSpent(), tellMs);
  }

  handleGranted(claim: number): void {
    const wish = this.#wishes.get(claim);
    this.#wishes.delete(claim);
    wish?.handleGranted();
  }

  linkUp(link: ControlLinkEnd): void {
    this.#link = link;
    this.#share?.close();
    this.#share = undefined;
    for (const claim of this.#wishes.keys()) this.#ask(claim);
  }

  linkDown(): void {
    this.#link = undefined;
    for (const claim of this.#wishes.keys()) this.#ask(claim);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#share?.close();
  }

  #ask(claim: number): void {
    const wish = this.#wishes.get(claim);
    if (wish === undefined) return;
    const { broker, amount } = wish;
    const { bound } = this.#options;
    wish.takeBack = undefined;
    if (this.#link !== undefined) this.#link.send({ kind: 'bound-wish', bound, claim, broker, amount });
    else wish.takeBack = this.#ownShare().ask({ broker, amount, answer: () => this.handleGranted(claim) });
  }

  #ownShare(): BoundGates {
    const { rates, workers } = this.#options;
    const shares = Object.entries(rates).map(([broker, rate]) => [broker, rate / workers]);
    this.#share ??= new BoundGates(Object.fromEntries(shares), this.#clock);
    return this.#share;
  }

  #tellSpent(): void {
    this.#timer = undefined;
    const { bound } = this.#options;
    for (const [broker, amount] of this.#spent) {
      if (amount === 0) continue;
      if (this.#link !== undefined) this.#link.send({ kind: 'bound-spent', bound, broker, amount });
      else this.#ownShare().spend({ broker, amount });
    }
    this.#spent.clear();
  }
}
