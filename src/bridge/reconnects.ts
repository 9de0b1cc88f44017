import { type BackoffOptions, backoffDelayMs } from '../base/backoff.ts';

/** How a connection ended. */
export interface ConnectionEnd {
  /** The broker had answered with CONNACK. */
  readonly wasOpen: boolean;
  readonly lastedMs: number;
  /** Another client came in under its client ID. */
  readonly wasTakenOver: boolean;
}

export interface ReconnectOptions extends BackoffOptions {
  /** At the least between two CONNECTs. */
  readonly leastMs: number;
}

/** Milliseconds behind which a connection counts as one that worked; among short ones, the wait of another client's. */
const steadyMs = 5_000;
const steadyAmongShortMs = 60_000;
/** Behind which what took it over counts as gone. */
const peacefulMs = 600_000;
const takeoverBackoff: BackoffOptions = { baseMs: 4_000, maxMs: 300_000 };
/** The longest ordinary wait where another client seems to use the client ID. */
const contestedMaxMs = 30_000;
/** Short connections in a row, behind which a second client is worth a thought though nobody says so. */
const manyShort = 5;

/**
 * When a connection is made again. Two that take each other's place must not do so for ever at full speed: whoever is taken
 * over waits longer each time, also when it lasted for a while, since that was only the other one's wait.
 */
export class Reconnects {
  readonly #options: ReconnectOptions;
  #attempt = 0;
  #short = 0;
  #takeoversInRow = 0;
  #takeovers = 0;

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** Times that another client came in under the client ID. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** Before MQTT 5 no broker says why, and Mosquitto not then either: short connections, one after the other, look the same. */
  get looksContested(): boolean {
    return this.#takeoversInRow > 0 || this.#short >= manyShort;
  }

  /** `random`: 0 to 1, drawn by the caller. Called once for every attempt. */
  nextDelayMs(random: number): number {
    const attempt = this.#attempt;
    this.#attempt += 1;
    const { baseMs, leastMs } = this.#options;
    const maxMs = this.looksContested ? Math.max(contestedMaxMs, this.#options.maxMs) : this.#options.maxMs;
    const ordinaryMs = attempt === 0 ? 0 : Math.max(leastMs, backoffDelayMs(attempt - 1, random, { baseMs, maxMs }));
    if (this.#takeoversInRow === 0) return ordinaryMs;
    // At least half of it: who drew nothing would win every time.
    return Math.max(ordinaryMs, backoffDelayMs(this.#takeoversInRow - 1, (1 + random) / 2, takeoverBackoff));
  }

  handleEnd({ wasOpen, lastedMs, wasTakenOver }: ConnectionEnd): void {
    const wasSteady = wasOpen && lastedMs >= (this.#short < manyShort ? steadyMs : steadyAmongShortMs);
    if (wasSteady) this.#attempt = 1;
    this.#short = wasOpen && !wasSteady ? this.#short + 1 : 0;
    if (lastedMs >= peacefulMs) this.#takeoversInRow = 0;
    if (!wasTakenOver) return;
    this.#takeovers += 1;
    this.#takeoversInRow += 1;
  }
}
