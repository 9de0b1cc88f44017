import { createHash } from 'node:crypto';

/**
 * What was published at one broker, as a multiset of digests: a message that comes from there and is among them is our own,
 * come back, and is taken out. For brokers that show no marks. Content that a device publishes itself meanwhile is
 * not lost by it: of two equal messages one is taken for the echo and the other is carried.
 */
export class EchoWindow {
  readonly #ttlMs: number;
  readonly #maxEntries: number;
  /** Times of expiry by digest, oldest first; digests in the order of their first note. */
  readonly #expiriesByDigest = new Map<string, number[]>();
  #entries = 0;

  constructor(ttlMs: number, maxEntries: number) {
    this.#ttlMs = ttlMs;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries;
  }

  note(topic: string, payload: Buffer, nowMs: number): void {
    const digest = digestOf(topic, payload);
    const expiries = this.#expiriesByDigest.get(digest) ?? [];
    // Moved to the end, so that the first of the map is always the one noted longest ago.
    this.#expiriesByDigest.delete(digest);
    this.#expiriesByDigest.set(digest, expiries);
    expiries.push(nowMs + this.#ttlMs);
    this.#entries += 1;
    this.#shrink(nowMs);
  }

  /** Whether the message is one that was noted; it is then forgotten once. */
  takes(topic: string, payload: Buffer, nowMs: number): boolean {
    if (this.#entries === 0) return false;
    const digest = digestOf(topic, payload);
    const expiries = this.#expiriesByDigest.get(digest);
    if (expiries === undefined) return false;
    this.#forgetExpired(digest, expiries, nowMs);
    if (expiries.length === 0) return false;
    expiries.shift();
    this.#entries -= 1;
    if (expiries.length === 0) this.#expiriesByDigest.delete(digest);
    return true;
  }

  #shrink(nowMs: number): void {
    for (const [digest, expiries] of this.#expiriesByDigest) {
      const isOver = this.#entries > this.#maxEntries;
      if (!isOver && (expiries.at(-1) as number) > nowMs) return;
      if (isOver) this.#entries -= expiries.splice(0).length;
      this.#forgetExpired(digest, expiries, nowMs);
      if (expiries.length === 0) this.#expiriesByDigest.delete(digest);
    }
  }

  #forgetExpired(digest: string, expiries: number[], nowMs: number): void {
    let expired = 0;
    while ((expiries[expired] ?? Number.POSITIVE_INFINITY) <= nowMs) expired += 1;
    expiries.splice(0, expired);
    this.#entries -= expired;
    if (expiries.length === 0) this.#expiriesByDigest.delete(digest);
  }
}

/** 160 bits: two messages that differ never look the same, which would lose one. */
function digestOf(topic: string, payload: Buffer): string {
  return createHash('sha1').update(topic).update('\0').update(payload).digest('latin1');
}
