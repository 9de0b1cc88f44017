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

interface QueuedWaiter<Waiter> {
  readonly waiter: Waiter;
  readonly deadlineMs: number;
  isWithdrawn: boolean;
}

/**
 * The connect rate of one broker as a machine: CONNECTs pass at once while there are tokens, then wait in order. One that
 * could not be served before its deadline hears so at once, so that a device backs off instead of hanging.
 */
export class ConnectGate<Waiter> {
  readonly #bucket: ReturnType<typeof createTokenBucket> | undefined;
  readonly #ratePerSecond: number;
  readonly #queueLimit: number;
  readonly #queue: QueuedWaiter<Waiter>[] = [];
  /** Those of the queue that still wait; a withdrawn one is passed over when its turn comes. */
  readonly #waiting = new Map<Waiter, QueuedWaiter<Waiter>>();

  constructor(options: ConnectGateOptions) {
    this.#ratePerSecond = options.ratePerSecond ?? Number.POSITIVE_INFINITY;
    this.#queueLimit = options.queueLimit;
    // Empty at the start: the tokens that an earlier process gave in the same second are not known.
    this.#bucket =
      options.ratePerSecond === undefined ? undefined : createTokenBucket({ ratePerSecond: options.ratePerSecond });
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Asks for a token by `deadlineMs`; undefined: it waits, and `tick` answers later. */
  ask(waiter: Waiter, deadlineMs: number, nowMs: number): GateOutcome<Waiter> | undefined {
    if (this.#bucket === undefined) return { waiter, granted: true };
    if (this.waiting === 0 && this.#bucket.take(nowMs)) return { waiter, granted: true };
    const expectedMs = nowMs + (this.waiting / this.#ratePerSecond) * 1000;
    if (this.waiting >= this.#queueLimit || expectedMs > deadlineMs) return { waiter, granted: false };
    const queued = { waiter, deadlineMs, isWithdrawn: false };
    this.#queue.push(queued);
    this.#waiting.set(waiter, queued);
    return undefined;
  }

  /** Takes a waiter out, for instance because its device went away. */
  withdraw(waiter: Waiter): void {
    const queued = this.#waiting.get(waiter);
    if (queued === undefined) return;
    queued.isWithdrawn = true;
    this.#waiting.delete(waiter);
  }

  tick(nowMs: number): GateOutcome<Waiter>[] {
    const outcomes: GateOutcome<Waiter>[] = [];
    let served = 0;
    for (const { waiter, deadlineMs, isWithdrawn } of this.#queue) {
      if (isWithdrawn) {
        served += 1;
        continue;
      }
      if (deadlineMs <= nowMs) outcomes.push({ waiter, granted: false });
      else if (this.#bucket?.take(nowMs) === true) outcomes.push({ waiter, granted: true });
      else break;
      served += 1;
      this.#waiting.delete(waiter);
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
