import { createGenerationCache } from './generation-cache.ts';

/** A device asks again when the TTL is over; a made-up name is asked for once, or a few times at once. */
const againAfterMs = 10_000;
/** Names of each sort, by their hashes: two with one hash are taken for each other, and nothing worse comes of it. */
const capacity = 100_000;

/** Tells names that are asked for again and again from those that come once. */
export class FamiliarNames {
  readonly #firstAskedMs = createGenerationCache<number>(capacity);
  readonly #familiar = createGenerationCache<true>(capacity);

  /** Notes that a name was asked for; true when it was a while ago as well. `nowMs`: wall clock. */
  note(name: Uint8Array, nowMs: number): boolean {
    const hash = hashOf(name);
    if (this.#familiar.get(hash) === true) return true;
    const firstMs = this.#firstAskedMs.get(hash);
    if (firstMs === undefined) this.#firstAskedMs.set(hash, nowMs);
    if (firstMs === undefined || nowMs - firstMs < againAfterMs) return false;
    this.#familiar.set(hash, true);
    return true;
  }
}

/** FNV-1a over the octets, case aside. */
function hashOf(name: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const octet of name) sum = Math.imul(sum ^ (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet), 0x01000193);
  return sum;
}
