import { payloadDigest } from '../../mqtt/payload-digest.ts';
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
  #current = new Map<number, number>();
  #former = new Map<number, number>();
  #turnsAtMs = Number.NEGATIVE_INFINITY;

  /** `repeats` 0: it notices nothing. */
  constructor({ repeats, windowMs }: { readonly repeats: number; readonly windowMs: number }) {
    this.#repeats = repeats;
    this.#halfMs = windowMs / 2;
  }

  /** Counts the message; true: it goes round. */
  spins(topic: string, payload: Buffer, nowMs: number): boolean {
    if (this.#repeats === 0) return false;
    if (nowMs >= this.#turnsAtMs || this.#current.size >= maxCounted) this.#turn(nowMs);
    const digest = (Math.imul(keyHash(topic), 31) ^ payloadDigest(payload, 0, payload.length)) >>> 0;
    const count = (this.#current.get(digest) ?? 0) + 1;
    this.#current.set(digest, count);
    return count + (this.#former.get(digest) ?? 0) > this.#repeats;
  }

  #turn(nowMs: number): void {
    this.#former = nowMs >= this.#turnsAtMs + this.#halfMs ? new Map() : this.#current;
    this.#current = new Map();
    this.#turnsAtMs = nowMs + this.#halfMs;
  }
}
