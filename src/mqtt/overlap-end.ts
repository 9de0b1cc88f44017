import type { CutOptions } from './cut-options.ts';
import { type DryingLeg, QueueDryness } from './queue-dryness.ts';

/** How long a queue of the former broker may take to run dry before it is unsubscribed. */
export const queueMs = 600_000;
/** How often an overlap begins again because the former broker slept. */
const mostSleeps = 3;

/**
 * When the overlap behind a switch may end: its time is over, the former broker was awake at its end, and has given what it
 * had for the device.
 *
 * A broker that stands still (overloaded, paused) has not delivered what others brought it meanwhile; unsubscribed, it never
 * would. So it is asked with a PINGREQ, and where the answer is late the overlap begins once more.
 */
export class OverlapEnd {
  readonly #options: CutOptions;
  readonly #sinceMs: number;
  #queue: QueueDryness;
  #untilMs: number;
  #askedMs: number | undefined;
  #sleeps = 0;
  #wasAwake: boolean;

  /** `quietMs`: of the former broker's profile. */
  constructor(options: CutOptions, { quietMs, nowMs }: { readonly quietMs: number; readonly nowMs: number }) {
    this.#options = options;
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs + options.overlapMs;
    this.#wasAwake = options.promptMs === undefined;
    this.#queue = new QueueDryness(quietMs);
  }

  /** The former leg was lost, and its broker is connected again. */
  resume(quietMs: number): void {
    this.#queue = new QueueDryness(quietMs);
    this.#askedMs = undefined;
  }

  /**
   * After every event of the session. `owes`: messages of the former broker that the device has not acknowledged, or not got;
   * `isBusy`: it has not answered what it was asked to subscribe to.
   */
  isReached(former: DryingLeg, { owes, isBusy }: { owes: boolean; isBusy: boolean }, nowMs: number): boolean {
    this.#queue.note(former, owes, nowMs);
    if (nowMs < this.#untilMs) return false;
    if (nowMs >= this.#sinceMs + queueMs) return true;
    if (!this.#isAwake(former, nowMs)) return false;
    const isDry = this.#options.leaveMs > 0 ? this.#queue.isDry(former, nowMs) : !owes;
    return isDry && !isBusy;
  }

  /** When time alone changes the answer. */
  deadlineMs(nowMs: number): number {
    if (nowMs < this.#untilMs) return this.#untilMs;
    return Math.min(this.#queue.deadlineMs(nowMs), this.#sinceMs + queueMs);
  }

  #isAwake(leg: DryingLeg, nowMs: number): boolean {
    if (this.#wasAwake) return true;
    if (this.#askedMs === undefined) {
      if (!leg.output.atBoundary) return false;
      // An answer that is still due was asked for even earlier.
      if (!leg.keepAlive.isAwaitingAnswer) leg.ping(nowMs);
      this.#askedMs = nowMs;
    }
    if (leg.keepAlive.isAwaitingAnswer) return false;
    const isPrompt = nowMs - this.#askedMs <= (this.#options.promptMs ?? Number.POSITIVE_INFINITY);
    this.#askedMs = undefined;
    if (isPrompt || this.#sleeps === mostSleeps) {
      this.#wasAwake = true;
      return true;
    }
    this.#sleeps += 1;
    this.#untilMs = nowMs + this.#options.overlapMs;
    return false;
  }
}
