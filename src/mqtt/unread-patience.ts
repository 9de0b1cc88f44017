/** How long a device is left unread in any case. */
const leastMs = 2_000;

/**
 * How long a device without a broker may be left unread, because more of it is held than may be: half its keep alive. Its
 * PINGREQ lies behind that unanswered, and a device that is told, or at least closed, sends again what was not acknowledged
 * before it has given its connection up by itself.
 */
export class UnreadPatience {
  readonly #patienceMs: number;
  #sinceMs = Number.POSITIVE_INFINITY;

  /** `keepAliveSeconds` 0: it waits for no PINGRESP, and is never closed for that. */
  constructor(keepAliveSeconds: number) {
    this.#patienceMs = keepAliveSeconds === 0 ? Number.POSITIVE_INFINITY : Math.max(leastMs, keepAliveSeconds * 500);
  }

  /** After every event. */
  note(isUnread: boolean, nowMs: number): void {
    if (!isUnread) this.#sinceMs = Number.POSITIVE_INFINITY;
    else if (this.#sinceMs === Number.POSITIVE_INFINITY) this.#sinceMs = nowMs;
  }

  get deadlineMs(): number {
    return this.#sinceMs + this.#patienceMs;
  }
}
