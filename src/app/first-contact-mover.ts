import { errorMessage } from '../base/errors.ts';
import type { UnregisteredSessions } from '../gateway/live-session.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface FirstContactMoverDeps {
  readonly workers: Pick<WorkerMoves, 'handOver'>;
  /** Of all workers together, as they said last. */
  readonly unregistered: () => readonly UnregisteredSessions[];
  /** Somebody else asks about the cohort's sessions, or nobody may move them now. */
  readonly mustWait: (cohort: string) => boolean;
  /** Sessions a second that may be handed over to the broker. */
  readonly paceOf: (broker: string) => number;
  readonly log: Logger;
}

const everyMs = 1_000;

/**
 * Brings sessions to the broker that the plan wanted them on when their devices connected and that did not know these yet, in
 * cohorts that nobody follows: there every other session is where its device's CONNECT brought it, and so are these in the end.
 */
export class FirstContactMover {
  readonly #deps: FirstContactMoverDeps;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: FirstContactMoverDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#tick(), everyMs);
    this.#timer.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #tick(): Promise<void> {
    try {
      for (const [cohort, broker] of this.#waiting()) await this.#ask(cohort, broker);
    } catch (error) {
      this.#deps.log.error(
        { error: errorMessage(error) },
        'Sessions that wait for their first contact were not asked about',
      );
    }
    this.start();
  }

  /** By cohort: the broker. */
  #waiting(): ReadonlyMap<string, string> {
    const waiting = this.#deps.unregistered().filter(({ cohort, sessions }) => cohort !== '' && sessions > 0);
    return new Map(waiting.map(({ cohort, broker }) => [cohort, broker]));
  }

  async #ask(cohort: string, broker: string): Promise<void> {
    if (this.#isClosed || this.#deps.mustWait(cohort)) return;
    const begin = Math.max(1, Math.floor((this.#deps.paceOf(broker) * everyMs) / 1_000));
    const of = { move: `first-contact-${cohort}`, cohorts: [cohort], begin, order: 'first-first' } as const;
    await this.#deps.workers.handOver({ ...of, isUpkeep: true, isFirstContact: true });
  }
}
