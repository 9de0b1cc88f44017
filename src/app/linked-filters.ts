import type { Clock } from '../base/clock.ts';
import type { FilterTokens, FilterWish } from '../session/filter-tokens.ts';
import { FilterGates } from './filter-gates.ts';
import type { ControlLinkEnd } from './linked-registry.ts';

export interface LinkedFiltersOptions {
  /** Filters a second by broker, for all workers together; none where a broker has no bound. */
  readonly rates: Readonly<Record<string, number>>;
  readonly workers: number;
}

interface PendingWish extends FilterWish {
  readonly handleGranted: () => void;
  /** Takes it out of the gate of this worker's own. */
  takeBack: (() => void) | undefined;
}

/** What was asked for without a token is told so often: milliseconds. */
const tellMs = 50;

/**
 * A worker's view of the brokers' filter rates. With a control link the control process gives the tokens of all workers;
 * without one this worker has its even share. Each such time begins with empty buckets, as with the connect rates.
 */
export class LinkedFilters implements FilterTokens {
  readonly #options: LinkedFiltersOptions;
  readonly #clock: Clock;
  readonly #wishes = new Map<number, PendingWish>();
  readonly #spent = new Map<string, number>();
  #share: FilterGates | undefined;
  #link: ControlLinkEnd | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextClaim = 1;

  constructor(options: LinkedFiltersOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  isBound(broker: string): boolean {
    return this.#options.rates[broker] !== undefined;
  }

  take(wish: FilterWish, handleGranted: () => void): () => void {
    const claim = this.#nextClaim++;
    this.#wishes.set(claim, { ...wish, handleGranted, takeBack: undefined });
    this.#ask(claim);
    return () => {
      this.#wishes.get(claim)?.takeBack?.();
      if (this.#wishes.delete(claim)) this.#link?.send({ kind: 'withdraw-filters', claim });
    };
  }

  spend({ broker, filters }: FilterWish): void {
    if (!this.isBound(broker)) return;
    this.#spent.set(broker, (this.#spent.get(broker) ?? 0) + filters);
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
    const { broker, filters } = wish;
    wish.takeBack = undefined;
    if (this.#link !== undefined) this.#link.send({ kind: 'filters', claim, broker, filters });
    else wish.takeBack = this.#ownShare().ask({ broker, filters, answer: () => this.handleGranted(claim) });
  }

  #ownShare(): FilterGates {
    const { rates, workers } = this.#options;
    const shares = Object.entries(rates).map(([broker, rate]) => [broker, rate / workers]);
    this.#share ??= new FilterGates(Object.fromEntries(shares), this.#clock);
    return this.#share;
  }

  #tellSpent(): void {
    this.#timer = undefined;
    for (const [broker, filters] of this.#spent) {
      if (this.#link !== undefined) this.#link.send({ kind: 'filters-spent', broker, filters });
      else this.#ownShare().spend({ broker, filters });
    }
    this.#spent.clear();
  }
}
