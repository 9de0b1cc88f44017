/** What a member had received when its process wrote it down. */
export interface MemberCount {
  /** The same as long as its count goes on from where it was. */
  readonly identity: string;
  readonly writtenAtMs: number;
  readonly received: number;
}

/**
 * The bridge's part of what a group got: what its members received between two of their figures, against what a plain
 * subscription heard in the same time. The figures of different processes are of different moments; each counts against
 * its own.
 */
export class ShareCount {
  readonly #windowMs: number;
  readonly #heardAtMs: number[] = [];
  readonly #first = new Map<string, MemberCount>();
  readonly #last = new Map<string, MemberCount>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** A message came to the plain subscription. */
  hear(atMs: number): void {
    if (this.#heardAtMs.length < mostHeard) this.#heardAtMs.push(atMs);
  }

  /** Figures that were written before `sinceMs` do not count: the plain subscription was not there yet. */
  read(counts: readonly MemberCount[], sinceMs: number): void {
    for (const count of counts) {
      if (count.writtenAtMs < sinceMs) continue;
      if (!this.#first.has(count.identity)) this.#first.set(count.identity, count);
      this.#last.set(count.identity, count);
    }
  }

  /** Undefined: some of these members have not been seen for long enough, or nothing came. */
  result(identities: readonly string[]): { readonly share: number; readonly messages: number } | undefined {
    let share = 0;
    let messages = Number.POSITIVE_INFINITY;
    for (const identity of identities) {
      const first = this.#first.get(identity);
      const last = this.#last.get(identity);
      if (first === undefined || last === undefined) return undefined;
      if (last.writtenAtMs - first.writtenAtMs < this.#windowMs) return undefined;
      const heard = this.#heardBetween(first.writtenAtMs, last.writtenAtMs);
      if (heard === 0) return undefined;
      share += (last.received - first.received) / heard;
      messages = Math.min(messages, heard);
    }
    return identities.length === 0 ? undefined : { share, messages };
  }

  #heardBetween(fromMs: number, toMs: number): number {
    let count = 0;
    for (const atMs of this.#heardAtMs) if (atMs > fromMs && atMs <= toMs) count += 1;
    return count;
  }
}

/** Messages after which a window has seen enough to be judged. */
const mostHeard = 2_000_000;
