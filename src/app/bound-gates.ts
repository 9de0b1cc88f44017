import type { Clock } from '../base/clock.ts';
import { BoundGate } from '../session/bound-gate.ts';

/** So much of what a broker takes only so much of a second: topic filters, or first contacts. */
export interface BoundedWish {
  readonly broker: string;
  readonly amount: number;
}

/** `answer` is called once, never before `ask` returns. */
export type BoundRequest = BoundedWish & { readonly answer: () => void };

/** What comes due within this many milliseconds is given at once. */
const stepMs = 10;

/** The gates of all brokers that have this bound, and the one timer that they need. */
export class BoundGates {
  readonly #gates: ReadonlyMap<string, BoundGate<BoundRequest>>;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;

  /** `rates`: a second by broker; a broker without one has no bound. */
  constructor(rates: Readonly<Record<string, number>>, clock: Clock) {
    this.#clock = clock;
    this.#gates = new Map(Object.entries(rates).map(([broker, rate]) => [broker, new BoundGate(rate)]));
  }

  /** Returns what takes the request back. */
  ask(request: BoundRequest): () => void {
    const gate = this.#gates.get(request.broker);
    if (gate === undefined) {
      const immediate = setImmediate(request.answer);
      return () => clearImmediate(immediate);
    }
    gate.ask(request, request.amount);
    this.#arm();
    return () => gate.withdraw(request);
  }

  /** Below 0: given back. */
  spend({ broker, amount }: BoundedWish): void {
    this.#gates.get(broker)?.spend(amount, this.#clock.monotonicMs());
    if (amount > 0) return;
    // Somebody's turn may have come by that.
    this.close();
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const times = [...this.#gates.values()].flatMap((gate) => gate.nextAtMs(nowMs) ?? []);
    if (times.length === 0) return;
    this.#timer = setTimeout(() => this.#tick(), Math.max(stepMs, Math.ceil(Math.min(...times) - nowMs)));
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const gate of this.#gates.values()) for (const { answer } of gate.tick(nowMs)) answer();
    this.#arm();
  }
}
