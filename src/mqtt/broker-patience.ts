/** Milliseconds that one answer may be missing while later ones are there: the broker has lost the message. */
const missingAnswerMs = 30_000;
/** Milliseconds that a broker may leave everything unanswered. */
const noAnswerMs = 300_000;

/**
 * How long a broker may leave the device's PUBLISH packets without an answer. A broker that discards one (AWS IoT Core does,
 * above its publish rate) would else keep back all acknowledgements behind it, for ever; a new connection sends it again.
 */
export class BrokerPatience {
  #answeredAtMs: number;
  #missingSinceMs: number | undefined;

  constructor(nowMs: number) {
    this.#answeredAtMs = nowMs;
  }

  /** The device begins an exchange, and none was open. */
  asked(nowMs: number): void {
    this.#answeredAtMs = nowMs;
  }

  /** `hasEarly`: answers wait for their turn; `isNext`: this one's had come. */
  answered(hasEarly: boolean, isNext: boolean, nowMs: number): void {
    this.#answeredAtMs = nowMs;
    if (!hasEarly) this.#missingSinceMs = undefined;
    else if (isNext || this.#missingSinceMs === undefined) this.#missingSinceMs = nowMs;
  }

  /** The broker is not read: its answers may lie there. */
  excuse(nowMs: number): void {
    this.#answeredAtMs = nowMs;
    if (this.#missingSinceMs !== undefined) this.#missingSinceMs = nowMs;
  }

  /** `isOwed`: some exchange waits for the broker. */
  deadlineMs(isOwed: boolean): number {
    const missing =
      this.#missingSinceMs === undefined ? Number.POSITIVE_INFINITY : this.#missingSinceMs + missingAnswerMs;
    return isOwed ? Math.min(missing, this.#answeredAtMs + noAnswerMs) : missing;
  }
}
