import { messageDigest } from './delivered-values.ts';
import type { LegSlot } from './downlink-exchanges.ts';
import type { PublishHead } from './publish-head.ts';

/** Messages of one overlap that are compared; what comes after them is not counted. */
const maxCompared = 1_024;

/** Counts what both brokers delivered while both did. Nothing is left out for it: the same message may be said twice. */
export class OverlapDuplicates {
  /** How often a message came on the first leg more than on the second. */
  readonly #surplus = new Map<number, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  note(head: PublishHead, slot: LegSlot): void {
    const digest = messageDigest(head);
    const surplus = this.#surplus.get(digest) ?? 0;
    if (surplus === 0 && this.#surplus.size >= maxCompared) return;
    const step = slot === 0 ? 1 : -1;
    if (surplus * step < 0) this.#count += 1;
    if (surplus + step === 0) this.#surplus.delete(digest);
    else this.#surplus.set(digest, surplus + step);
  }
}
