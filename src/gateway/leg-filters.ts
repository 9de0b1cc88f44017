import type { SubscribeWish } from '../mqtt/session-port.ts';
import type { FilterTokens } from '../session/filter-tokens.ts';

/** Where tokens come from, and who is told that they have come. */
export interface FilterSource {
  readonly tokens: FilterTokens | undefined;
  readonly handleGranted: () => void;
}

/** What one leg's broker may be asked for, where that bounds the filters of all SUBSCRIBEs together. */
export class LegFilters {
  readonly #broker: string;
  #paid = 0;
  #isPaid = false;
  #takeBack: (() => void) | undefined;

  constructor(broker: string) {
    this.#broker = broker;
  }

  /** Somebody has waited for so many tokens: what the leg is to be subscribed to waits no more, even if it is more. */
  pay(filters: number): void {
    this.#paid += filters;
    this.#isPaid = true;
  }

  /** False: it waits, and `handleGranted` is called when it may be asked for. */
  allows({ filters, remaining, isOwn }: SubscribeWish, { tokens, handleGranted }: FilterSource): boolean {
    if (tokens === undefined || !tokens.isBound(this.#broker)) return true;
    const paid = isOwn ? Math.min(this.#paid, filters) : 0;
    if (isOwn && !this.#isPaid) {
      this.#takeBack ??= tokens.take({ broker: this.#broker, filters: remaining }, () => {
        this.#takeBack = undefined;
        this.pay(remaining);
        handleGranted();
      });
      return false;
    }
    this.#paid -= paid;
    if (filters > paid) tokens.spend({ broker: this.#broker, filters: filters - paid });
    return true;
  }

  /** The leg asks for nothing more. */
  close(): void {
    this.#takeBack?.();
    this.#takeBack = undefined;
  }
}
