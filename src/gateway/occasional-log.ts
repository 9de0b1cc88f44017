import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Warns at most once a second per event and says how often it stayed silent: a flood of trouble is no flood of lines. */
export class OccasionalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #byEvent = new Map<string, { lastMs: number; suppressed: number }>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `event` is one of a few fixed words (with a broker's or a listener's name): the map is never a peer's to grow. */
  warn(event: string, details: Record<string, unknown>, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    const entry = this.#byEvent.get(event);
    if (entry !== undefined && nowMs - entry.lastMs < 1_000) {
      entry.suppressed += 1;
      return;
    }
    this.#byEvent.set(event, { lastMs: nowMs, suppressed: 0 });
    this.#log.warn({ ...details, suppressed: entry?.suppressed ?? 0 }, message);
  }
}
