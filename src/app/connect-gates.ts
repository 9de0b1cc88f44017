import type { Clock } from '../base/clock.ts';
import { ClientPace } from '../session/client-pace.ts';
import { ConnectGate, type GateOutcome } from '../session/connect-gate.ts';

export interface ConnectGatesOptions {
  /** Connects per second by broker; undefined: no bound. */
  readonly rates: Readonly<Record<string, number | undefined>>;
  /** The same of one client ID. */
  readonly clientRates?: Readonly<Record<string, number | undefined>>;
  readonly queueLimit: number;
  readonly clock: Clock;
}

export interface PacedClient {
  readonly broker: string;
  /** Empty: none that could come again. */
  readonly clientId: string;
}

export interface TokenRequest extends PacedClient {
  /** On the clock's monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Called once, possibly before `ask` returns. */
  readonly answer: (granted: boolean) => void;
}

/** What is due within this many milliseconds of each other is done at once. */
const stepMs = 10;

/** The connect gates of all brokers, the pace of their clients before them, and the one timer that they need. */
export class ConnectGates {
  readonly #gates: ReadonlyMap<string, ConnectGate<TokenRequest>>;
  readonly #paces: ReadonlyMap<string, ClientPace<TokenRequest>>;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor({ rates, clientRates = {}, queueLimit, clock }: ConnectGatesOptions) {
    this.#clock = clock;
    this.#gates = new Map(
      Object.entries(rates).map(([broker, ratePerSecond]) => [broker, new ConnectGate({ ratePerSecond, queueLimit })]),
    );
    const nowMs = clock.monotonicMs();
    this.#paces = new Map(
      Object.entries(clientRates).flatMap(([broker, rate]) =>
        rate === undefined ? [] : [[broker, new ClientPace({ intervalMs: 1_000 / rate, queueLimit, nowMs })]],
      ),
    );
  }

  /** Returns a function that takes the request back. A broker without a gate has no bound. */
  ask(request: TokenRequest): () => void {
    const pace = this.#paceFor(request);
    const nowMs = this.#clock.monotonicMs();
    const outcome = pace?.ask(request, request, nowMs);
    if (pace !== undefined && outcome === undefined) this.#armAt(stepAfter(pace.dueMs(request.clientId)));
    else if (outcome?.granted === false) request.answer(false);
    else this.#askGate(request);
    return () => {
      pace?.withdraw(request);
      this.#gates.get(request.broker)?.withdraw(request);
    };
  }

  /** A CONNECT of the client ID reached the broker at `atMs`, or before: the dial may have taken its time. */
  noteConnect({ broker, clientId }: PacedClient, atMs: number): void {
    this.#paces.get(broker)?.note(clientId, atMs, this.#clock.monotonicMs());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #paceFor({ broker, clientId }: TokenRequest): ClientPace<TokenRequest> | undefined {
    return clientId === '' ? undefined : this.#paces.get(broker);
  }

  #askGate(request: TokenRequest): void {
    const gate = this.#gates.get(request.broker);
    if (gate === undefined) {
      this.#answer({ waiter: request, granted: true });
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const outcome = gate.ask(request, request.deadlineMs, nowMs);
    if (outcome === undefined) this.#armAt(gate.nextAtMs(nowMs));
    else this.#answer(outcome);
  }

  #answer({ waiter, granted }: GateOutcome<TokenRequest>): void {
    const nowMs = this.#clock.monotonicMs();
    if (granted) this.#paceFor(waiter)?.note(waiter.clientId, nowMs, nowMs);
    waiter.answer(granted);
  }

  #armAt(atMs: number | undefined): void {
    if (atMs === undefined || atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const waitMs = Math.max(1, Math.ceil(atMs - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => this.#tick(), waitMs);
  }

  #tick(): void {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    const outcomes: GateOutcome<TokenRequest>[] = [];
    for (const gate of this.#gates.values()) outcomes.push(...gate.tick(nowMs));
    const paced = [...this.#paces.values()].flatMap((pace) => pace.tick(nowMs));
    for (const outcome of outcomes) this.#answer(outcome);
    for (const { waiter, granted } of paced) {
      if (granted) this.#askGate(waiter);
      else waiter.answer(false);
    }
    for (const gate of this.#gates.values()) this.#armAt(gate.nextAtMs(nowMs));
    for (const pace of this.#paces.values()) this.#armAt(stepAfter(pace.nextAtMs()));
  }
}

function stepAfter(atMs: number | undefined): number | undefined {
  return atMs === undefined ? undefined : Math.ceil(atMs / stepMs) * stepMs;
}
