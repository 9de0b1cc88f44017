import type { Clock } from '../base/clock.ts';
import { ConnectGate, type GateOutcome } from '../session/connect-gate.ts';

export interface ConnectGatesOptions {
  /** Connects per second by broker; undefined: no bound. */
  readonly rates: Readonly<Record<string, number | undefined>>;
  readonly queueLimit: number;
  readonly clock: Clock;
}

export interface TokenRequest {
  readonly broker: string;
  /** On the clock's monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Called once, possibly before `ask` returns. */
  readonly answer: (granted: boolean) => void;
}

/** The connect gates of all brokers with the one timer that they need. */
export class ConnectGates {
  readonly #gates: ReadonlyMap<string, ConnectGate<TokenRequest>>;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;

  constructor({ rates, queueLimit, clock }: ConnectGatesOptions) {
    this.#clock = clock;
    this.#gates = new Map(
      Object.entries(rates).map(([broker, ratePerSecond]) => [broker, new ConnectGate({ ratePerSecond, queueLimit })]),
    );
  }

  /** Returns a function that takes the request back. A broker without a gate has no bound. */
  ask(request: TokenRequest): () => void {
    const gate = this.#gates.get(request.broker);
    if (gate === undefined) {
      request.answer(true);
      return () => {};
    }
    const outcome = gate.ask(request, request.deadlineMs, this.#clock.monotonicMs());
    if (outcome === undefined) this.#arm();
    else outcome.waiter.answer(outcome.granted);
    return () => gate.withdraw(request);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const nowMs = this.#clock.monotonicMs();
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const gate of this.#gates.values()) nextAtMs = Math.min(nextAtMs, gate.nextAtMs(nowMs) ?? nextAtMs);
    if (nextAtMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, Math.ceil(nextAtMs - nowMs)));
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const outcomes: GateOutcome<TokenRequest>[] = [];
    for (const gate of this.#gates.values()) outcomes.push(...gate.tick(nowMs));
    for (const { waiter, granted } of outcomes) waiter.answer(granted);
    this.#arm();
  }
}
