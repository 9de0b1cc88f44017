import type { Clock } from '../base/clock.ts';
import { FilterGate } from '../session/filter-gate.ts';
import type { FilterWish } from '../session/filter-tokens.ts';

/** `answer` is called once, never before `ask` returns. */
export type FilterRequest = FilterWish & { readonly answer: () => void };

/** What comes due within this many milliseconds is given at once. */
const stepMs = 10;

/** The filter gates of all brokers that have one, and the one timer that they need. */
export class FilterGates {
  readonly #gates: ReadonlyMap<string, FilterGate<FilterRequest>>;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;

  /** `rates`: filters a second by broker; a broker without one has no bound. */
  constructor(rates: Readonly<Record<string, number>>, clock: Clock) {
    this.#clock = clock;
    this.#gates = new Map(Object.entries(rates).map(([broker, rate]) => [broker, new FilterGate(rate)]));
  }

  /** Returns what takes the request back. */
  ask(request: FilterRequest): () => void {
    const gate = this.#gates.get(request.broker);
    if (gate === undefined) {
      const immediate = setImmediate(request.answer);
      return () => clearImmediate(immediate);
    }
    gate.ask(request, request.filters);
    this.#arm();
    return () => gate.withdraw(request);
  }

  spend({ broker, filters }: FilterWish): void {
    this.#gates.get(broker)?.spend(filters, this.#clock.monotonicMs());
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
