/** Messages remembered at once: what is older is forgotten, and its echo delivered. */
export const maxOwnPublishes = 64;
/** How long a broker's echo is waited for. */
export const ownPublishMs = 10_000;

interface OwnPublish {
  readonly topic: string;
  readonly digest: number;
  readonly untilMs: number;
}

/** What the device itself published lately, so that its echo can be told apart (emulated No Local, MQTT 5 §3.8.3.1). */
export class OwnPublishes {
  /** Oldest first; the same message may stand here several times. */
  readonly #entries: OwnPublish[] = [];

  note(topic: string, digest: number, nowMs: number): void {
    this.#forget(nowMs);
    if (this.#entries.length === maxOwnPublishes) this.#entries.shift();
    this.#entries.push({ topic, digest, untilMs: nowMs + ownPublishMs });
  }

  /** Whether the message is one of them, which is forgotten with that: an echo comes once. `digest` is asked for if need be. */
  consume(topic: string, digest: () => number, nowMs: number): boolean {
    this.#forget(nowMs);
    if (!this.#entries.some((entry) => entry.topic === topic)) return false;
    const wanted = digest();
    const at = this.#entries.findIndex((entry) => entry.topic === topic && entry.digest === wanted);
    if (at >= 0) this.#entries.splice(at, 1);
    return at >= 0;
  }

  #forget(nowMs: number): void {
    const kept = this.#entries.findIndex(({ untilMs }) => untilMs > nowMs);
    this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
  }
}
