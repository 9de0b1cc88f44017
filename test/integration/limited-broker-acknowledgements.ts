import { seededRandom, shuffled } from './limited-broker-limits.ts';

export interface AcknowledgementOptions {
  /** Milliseconds between a PUBLISH and its PUBACK; default 0. */
  readonly ackDelayMs?: number;
  /** PUBACKs wait until `window` of them are there, or for a moment, and leave in an order that the seed gives. */
  readonly shuffledAcks?: { readonly seed: number; readonly window: number };
}

const shuffleWaitMs = 5;

/** The PUBACKs that a broker owes to one client: at once, late, out of order or not until a test says so. */
export class AcknowledgementDesk {
  /** Keeps every PUBACK until `release`. */
  isHolding = false;
  /** The most QoS 1 PUBLISH packets that had come and were not acknowledged at one time. */
  peak = 0;
  readonly #options: AcknowledgementOptions;
  readonly #acknowledge: (identifiers: readonly number[]) => void;
  readonly #random: () => number;
  readonly #owed: number[] = [];
  #arrived = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AcknowledgementOptions, acknowledge: (identifiers: readonly number[]) => void) {
    this.#options = options;
    this.#acknowledge = acknowledge;
    this.#random = seededRandom(options.shuffledAcks?.seed ?? 1);
  }

  /** QoS 1 PUBLISH packets that were acted on and have no PUBACK yet. */
  get unacknowledged(): number {
    return this.#owed.length;
  }

  /** Identifiers in the order in which their PUBLISH packets came. */
  get owed(): readonly number[] {
    return this.#owed;
  }

  isOwed(identifier: number): boolean {
    return this.#owed.includes(identifier);
  }

  /** A QoS 1 PUBLISH was read off the socket, acted on or not. */
  noteArrival(): void {
    this.#arrived += 1;
    this.peak = Math.max(this.peak, this.#arrived);
  }

  /** It came to nothing: no PUBACK is owed for it. */
  forget(qos: number): void {
    if (qos === 1) this.#arrived -= 1;
  }

  owe(identifier: number): void {
    if (this.isOwed(identifier)) this.#arrived -= 1;
    else this.#owed.push(identifier);
    if (this.isHolding) return;
    const { shuffledAcks, ackDelayMs = 0 } = this.#options;
    if (shuffledAcks === undefined && ackDelayMs === 0) return void this.release();
    if (shuffledAcks !== undefined && this.#owed.length >= shuffledAcks.window) return void this.release();
    this.#timer ??= setTimeout(() => this.release(), ackDelayMs > 0 ? ackDelayMs : shuffleWaitMs);
  }

  /** Sends the PUBACKs of these identifiers, or of all that are owed. */
  release(identifiers: readonly number[] = this.#owed): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const released = this.#options.shuffledAcks === undefined ? [...identifiers] : shuffled(identifiers, this.#random);
    for (const identifier of released) {
      this.#owed.splice(this.#owed.indexOf(identifier), 1);
      this.#arrived -= 1;
    }
    if (released.length > 0) this.#acknowledge(released);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
