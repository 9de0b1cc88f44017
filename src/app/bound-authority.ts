import type { Clock } from '../base/clock.ts';
import { BoundGates } from './bound-gates.ts';
import type { BoundName, ControlMessage, WorkerMessage } from './process-messages.ts';

export interface BoundAuthorityDeps {
  readonly clock: Clock;
  readonly send: (worker: number, message: ControlMessage) => void;
}

type BoundMessage = Extract<WorkerMessage, { readonly bound: BoundName }>;

/** What brokers take a second, in the control process, for all workers. */
export class BoundAuthority {
  readonly #gates: Readonly<Record<BoundName, BoundGates>>;
  readonly #send: BoundAuthorityDeps['send'];
  /** What takes a wish back, by worker, then by bound and claim. */
  readonly #wishes = new Map<number, Map<string, () => void>>();

  constructor(
    rates: Readonly<Record<BoundName, Readonly<Record<string, number>>>>,
    { clock, send }: BoundAuthorityDeps,
  ) {
    this.#gates = {
      filters: new BoundGates(rates.filters, clock),
      registrations: new BoundGates(rates.registrations, clock),
    };
    this.#send = send;
  }

  handle(worker: number, message: BoundMessage): void {
    switch (message.kind) {
      case 'bound-wish':
        this.#handleWish(worker, message);
        break;
      case 'bound-withdraw':
        this.#takeBack(worker, wishKey(message));
        break;
      case 'bound-spent':
        this.#gates[message.bound].spend(message);
        break;
    }
  }

  workerGone(worker: number): void {
    for (const takeBack of this.#wishes.get(worker)?.values() ?? []) takeBack();
    this.#wishes.delete(worker);
  }

  close(): void {
    for (const gates of Object.values(this.#gates)) gates.close();
  }

  #handleWish(worker: number, wish: Extract<BoundMessage, { kind: 'bound-wish' }>): void {
    const { bound, claim, broker, amount } = wish;
    const wishes = this.#wishes.get(worker) ?? new Map<string, () => void>();
    this.#wishes.set(worker, wishes);
    const answer = () => {
      wishes.delete(wishKey(wish));
      this.#send(worker, { kind: 'bound-granted', bound, claim });
    };
    wishes.set(wishKey(wish), this.#gates[bound].ask({ broker, amount, answer }));
  }

  #takeBack(worker: number, key: string): void {
    const wishes = this.#wishes.get(worker);
    wishes?.get(key)?.();
    wishes?.delete(key);
  }
}

function wishKey({ bound, claim }: { readonly bound: BoundName; readonly claim: number }): string {
  return `${bound} ${claim}`;
}
