import { createTokenBucket, type TokenBucket } from '../../base/rates.ts';
import { LaneQueue } from './lane-queue.ts';

export interface PaceLimits {
  /** Infinity: no bound. */
  readonly publishesPerSecond: number;
  readonly bytesPerSecond: number;
}

const secondMs = 1_000;

/**
 * When a lane may send its next message. Buckets spread what is sent; but a target that was slow takes a whole window at
 * once, and counts those together with what follows. So a message also counts from its sending until a second after its
 * acknowledgement: whenever the target looks back over a second, it has not more than its bound.
 */
export class LanePace {
  readonly #most: number;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  /** Moments of acknowledgements, of the last second. */
  readonly #acknowledgedMs = new LaneQueue<number>();

  constructor({ publishesPerSecond, bytesPerSecond }: PaceLimits) {
    this.#most = Math.max(1, Math.floor(publishesPerSecond));
    this.#messages = bucket(publishesPerSecond);
    this.#bytes = bucket(bytesPerSecond);
  }

  /** The first moment at which it may be; infinity: after the next acknowledgement. `inflight`: messages without one. */
  dueMs(size: number, inflight: number, nowMs: number): number {
    const bucketMs = Math.max(this.#messages?.nextAtMs(nowMs) ?? nowMs, this.#bytes?.nextAtMs(nowMs, size) ?? nowMs);
    if (this.#messages === undefined) return bucketMs;
    this.#forget(nowMs);
    if (inflight + this.#acknowledgedMs.length < this.#most) return bucketMs;
    return Math.max(bucketMs, (this.#acknowledgedMs.first ?? Number.POSITIVE_INFINITY) + secondMs);
  }

  /** Both buckets: it is due. */
  take(size: number, nowMs: number): void {
    this.#messages?.take(nowMs);
    this.#bytes?.take(nowMs, size);
  }

  /** The target has looked at a message, whatever it said; one that is never acknowledged counts when it is sent. */
  handleAcknowledged(nowMs: number): void {
    if (this.#messages !== undefined) this.#acknowledgedMs.push(nowMs);
  }

  #forget(nowMs: number): void {
    while ((this.#acknowledgedMs.first ?? Number.POSITIVE_INFINITY) <= nowMs - secondMs) this.#acknowledgedMs.shift();
  }
}

function bucket(ratePerSecond: number): TokenBucket | undefined {
  return Number.isFinite(ratePerSecond) ? createTokenBucket({ ratePerSecond, startsFull: true }) : undefined;
}
