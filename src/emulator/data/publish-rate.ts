import type { SlidingRate } from './sliding-rate.ts';

/** PUBLISH packets of one connection in one direction: its own rate, which both directions share, and the account's. */
export class PublishRate {
  readonly #connection: SlidingRate;
  readonly #account: SlidingRate;

  constructor(connection: SlidingRate, account: SlidingRate) {
    this.#connection = connection;
    this.#account = account;
  }

  take(nowMs: number): boolean {
    if (!this.hasRoom(nowMs)) return false;
    this.#connection.take(nowMs);
    return this.#account.take(nowMs);
  }

  hasRoom(nowMs: number): boolean {
    return this.#connection.hasRoom(nowMs) && this.#account.hasRoom(nowMs);
  }

  /** The first moment, not before `nowMs`, at which there may be room. */
  roomAtMs(nowMs: number): number {
    return Math.max(this.#connection.roomAtMs(nowMs), this.#account.roomAtMs(nowMs));
  }
}
