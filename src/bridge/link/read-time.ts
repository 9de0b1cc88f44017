/** The wall clock, looked at once for all that comes of one read: often it costs more than the rest of a message's way. */
export class ReadTime {
  readonly #wallMs: () => number;
  #readAtMs = Number.NaN;
  #valueMs = 0;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Milliseconds since the Unix epoch at `nowMs` of the monotonic clock. */
  at(nowMs: number): number {
    if (this.#readAtMs !== nowMs) this.#valueMs = this.#wallMs();
    this.#readAtMs = nowMs;
    return this.#valueMs;
  }
}
