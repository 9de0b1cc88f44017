import { keyHash } from './lane-choice.ts';

/** Different messages that are counted at a time; beyond it the count begins anew. */
const maxCounted = 8_192;

/**
 * Notices a message that goes round: the same topic with the same payload more than `repeats` times within `windowMs` (to
 * half a window). The last layer, where marks and the rules' own ranges did not help.
 */
export class LoopBreaker {
  readonly #repeats: number;
  readonly #halfMs: number;
  #current: DigestCounts | undefined;
  #former: DigestCounts | undefined;
  #turnsAtMs = Number.NEGATIVE_INFINITY;

  /** `repeats` 0: it notices nothing. */
  constructor({ repeats, windowMs }: { readonly repeats: number; readonly windowMs: number }) {
    this.#repeats = repeats;
    this.#halfMs = windowMs / 2;
  }

  /** Counts the message; true: it goes round. */
  spins(topic: string, payload: Buffer, nowMs: number): boolean {
    if (this.#repeats === 0) return false;
    this.#current ??= new DigestCounts();
    this.#former ??= new DigestCounts();
    if (nowMs >= this.#turnsAtMs || this.#current.size >= maxCounted) this.#turn(nowMs, this.#current, this.#former);
    const digest = (Math.imul(keyHash(topic), 31) ^ contentDigest(payload)) >>> 0;
    return this.#current.count(digest) + this.#former.countOf(digest) > this.#repeats;
  }

  #turn(nowMs: number, current: DigestCounts, former: DigestCounts): void {
    former.clear();
    if (nowMs >= this.#turnsAtMs + this.#halfMs) current.clear();
    this.#current = former;
    this.#former = current;
    this.#turnsAtMs = nowMs + this.#halfMs;
  }
}

/** Counts by digest: open addressing in flat arrays, since every message is counted and hardly any comes twice. */
class DigestCounts {
  /** At most half full, so that a free place is near. */
  readonly #digests = new Uint32Array(2 * maxCounted);
  /** 0: the place is free. */
  readonly #counts = new Uint32Array(2 * maxCounted);
  size = 0;

  /** One more; gives how many there are now. */
  count(digest: number): number {
    const at = this.#placeOf(digest);
    if (this.#counts[at] === 0) {
      this.#digests[at] = digest;
      this.size += 1;
    }
    const count = (this.#counts[at] as number) + 1;
    this.#counts[at] = count;
    return count;
  }

  countOf(digest: number): number {
    return this.#counts[this.#placeOf(digest)] as number;
  }

  clear(): void {
    if (this.size > 0) this.#counts.fill(0);
    this.size = 0;
  }

  #placeOf(digest: number): number {
    const mask = 2 * maxCounted - 1;
    let at = (digest ^ (digest >>> 16)) & mask;
    while (this.#counts[at] !== 0 && this.#digests[at] !== digest) at = (at + 1) & mask;
    return at;
  }
}

/** FNV-1a over words of four bytes, and over the bytes behind the last of them. */
function contentDigest(bytes: Buffer): number {
  const words = bytes.length & ~3;
  let hash = 0x811c9dc5 ^ bytes.length;
  let at = 0;
  for (; at < words; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    // The high bits come down too: multiplying alone only carries upwards.
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; at < bytes.length; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
