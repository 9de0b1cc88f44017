import { createTokenBucket } from '../base/rates.ts';

/** What a waiting CONNECT hears: its token, or that none comes in time. */
export interface GateOutcome<Waiter> {
  readonly waiter: Waiter;
  readonly granted: boolean;
}

export interface ConnectGateOptions {
  /** Tokens in any window of one second; undefined: no bound. */
  readonly ratePerSecond: number | undefined;
  readonly queueLimit: number;
}

/**
 * The connect rate of one broker as a machine: CONNECTs pass at once while there are tokens, then wait in order. One that
 * could not be served before its deadline hears so at once, so that a device backs off instead of hanging.
 */
export class ConnectGate<Waiter> {
  readonly #bucket: ReturnType<typeof createTokenBucket> | undefined;
  readonly #ratePerSecond: number;
  readonly #queueLimit: number;
  #queue: { readonly waiter: Waiter; readonly deadlineMs: number }[] = [];

  constructor(options: ConnectGateOptions) {
    this.#ratePerSecond = options.ratePerSecond ?? Number.POSITIVE_INFINITY;
    this.#queueLimit = options.queueLimit;
    // Empty at the start: the tokens that an earlier process gave in the same second are not known.
    this.#bucket =
      options.ratePerSecond === undefined ? undefined : createTokenBucket({ ratePerSecond: options.ratePerSecond });
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Asks for a token by `deadlineMs`; undefined: it waits, and `tick` answers later. */
  ask(waiter: Waiter, deadlineMs: number, nowMs: number): GateOutcome<Waiter> | undefined {
    if (this.#bucket === undefined) return { waiter, granted: true };
    if (this.#queue.length === 0 && this.#bucket.take(nowMs)) return { waiter, granted: true };
    const expectedMs = nowMs + (this.#queue.length / this.#ratePerSecond) * 1000;
    if (this.#queue.length >= this.#queueLimit || expectedMs > deadlineMs) return { waiter, granted: false };
    this.#queue.push({ waiter, deadlineMs });
    return undefined;
  }

  /** Takes waiters out, for instance because their device went away. */
  withdraw(matches: (waiter: Waiter) => boolean): void {
    this.#queue = this.#queue.filter(({ waiter }) => !matches(waiter));
  }

  tick(nowMs: number): GateOutcome<Waiter>[] {
    const outcomes: GateOutcome<Waiter>[] = [];
    let served = 0;
    for (const { waiter, deadlineMs } of this.#queue) {
      if (deadlineMs <= nowMs) outcomes.push({ waiter, granted: false });
      else if (this.#bucket?.take(nowMs) === true) outcomes.push({ waiter, granted: true });
      else break;
      served += 1;
    }
    this.#queue.splice(0, served);
    return outcomes;
  }

  /** When the next waiter can be answered; undefined when nobody waits. */
  nextAtMs(nowMs: number): number | undefined {
    const first = this.#queue[0];
    if (first === undefined || this.#bucket === undefined) return undefined;
    return Math.min(this.#bucket.nextAtMs(nowMs), first.deadlineMs);
  }
}
