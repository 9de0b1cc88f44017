import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LinkRunner } from './link-runner.ts';

/** A link as its gate sees it. */
export type GatedLink = Pick<LinkRunner, 'source' | 'target' | 'slot' | 'isAnswered' | 'isAtTarget' | 'openGate'>;

export interface GatesOptions {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds behind which a broker that takes what is carried is not waited for as a source any more. */
  readonly waitMs: number;
}

/**
 * Nothing is published at a broker before the bridge's own subscriptions there were answered: else the reply to what
 * is carried could come before anybody listens for it. Of another process's slots nothing is known here: their
 * sessions mostly outlive it. One subscription that a broker never answers, because it does not let that client in, must
 * not stop all rules towards it: where the lanes are open they wait for so long and no longer.
 */
export class Gates {
  readonly open: Promise<void>;
  readonly #desk: { readonly runners: readonly GatedLink[] };
  readonly #options: GatesOptions;
  readonly #whenOpen: () => void;
  readonly #waitingSinceMs = new WeakMap<GatedLink, number>();
  #hasBegun = false;

  constructor(desk: { readonly runners: readonly GatedLink[] }, options: GatesOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.open = promise;
    this.#whenOpen = resolve;
    this.#desk = desk;
    this.#options = options;
  }

  /** All slots of the first turn are there. */
  begin(): void {
    this.#hasBegun = true;
    this.look();
  }

  look(): void {
    if (!this.#hasBegun) return;
    const { runners } = this.#desk;
    for (const runner of runners) {
      const silent = runners.find((other) => other.source === runner.target && !other.isAnswered);
      if (silent === undefined || this.#hasWaited(runner, silent)) runner.openGate();
    }
    if (runners.every((runner) => runner.isAnswered)) this.#whenOpen();
  }

  #hasWaited(runner: GatedLink, silent: GatedLink): boolean {
    const { clock, log, waitMs } = this.#options;
    if (!runner.isAtTarget) this.#waitingSinceMs.delete(runner);
    if (!runner.isAtTarget) return false;
    const nowMs = clock.monotonicMs();
    const sinceMs = this.#waitingSinceMs.get(runner) ?? nowMs;
    if (nowMs - sinceMs < waitMs) {
      this.#waitingSinceMs.set(runner, sinceMs);
      return false;
    }
    if (sinceMs !== Number.NEGATIVE_INFINITY) {
      const at = { rule: runner.slot.rule.name, silent: silent.slot.rule.name, broker: runner.target };
      log.warn(at, 'A rule begins though another rule has no subscription at its target: replies may find nobody');
    }
    this.#waitingSinceMs.set(runner, Number.NEGATIVE_INFINITY);
    return true;
  }
}
