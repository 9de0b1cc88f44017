import type { UpstreamLeg } from './upstream-leg.ts';

/** What is asked of a leg to know whether its broker has given what it had. */
export type DryingLeg = Pick<UpstreamLeg, 'isOver' | 'deliveries'> & {
  readonly output: Pick<UpstreamLeg['output'], 'atBoundary'>;
  readonly keepAlive: Pick<UpstreamLeg['keepAlive'], 'isAwaitingAnswer'>;
  ping(nowMs: number): void;
};

/**
 * Whether a former broker's queue for the device is dry: nothing is owed to the device, nothing has come for `quietMs`, and
 * then a PINGREQ behind the last acknowledgement was answered before anything else came. A broker with a window sends the
 * next message on an acknowledgement, so ahead of that PINGRESP; `quietMs` is for brokers that pace what they stored.
 */
export class QueueDryness {
  readonly #quietMs: number;
  #quietSinceMs: number | undefined;
  #isAsked = false;
  #deliveries = 0;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** After every event of the session. `owes`: messages of this broker that the device has not acknowledged, or not got. */
  note({ deliveries }: Pick<DryingLeg, 'deliveries'>, owes: boolean, nowMs: number): void {
    // Also what the device does not get, because it had it before: its acknowledgement brings the next one.
    if (owes || deliveries !== this.#deliveries) {
      this.#quietSinceMs = undefined;
      this.#isAsked = false;
    }
    this.#deliveries = deliveries;
    if (!owes) this.#quietSinceMs ??= nowMs;
  }

  /** Asks the broker where it is time to. */
  isDry(leg: DryingLeg, nowMs: number): boolean {
    if (this.#quietSinceMs === undefined || nowMs < this.#quietSinceMs + this.#quietMs || leg.isOver) return false;
    if (this.#isAsked) return !leg.keepAlive.isAwaitingAnswer;
    // The answer to an earlier PINGREQ says nothing of what came after it.
    if (leg.keepAlive.isAwaitingAnswer || !leg.output.atBoundary) return false;
    this.#isAsked = true;
    leg.ping(nowMs);
    return false;
  }

  /** When time alone changes the answer; infinity: an event does. */
  deadlineMs(nowMs: number): number {
    const quietAtMs = (this.#quietSinceMs ?? Number.POSITIVE_INFINITY) + this.#quietMs;
    return quietAtMs > nowMs ? quietAtMs : Number.POSITIVE_INFINITY;
  }
}
