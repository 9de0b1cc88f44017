import type { AssessmentDocument, CohortAssessment } from '../admin/assessment-document.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { Cohort } from '../plan/plan.ts';
import type { AssessmentCounts } from '../session/assessment-counts.ts';
import type { AssessmentStore } from '../session/assessment-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkerMessage } from './process-messages.ts';

export interface AssessmentLedgerDeps {
  readonly store: AssessmentStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What came in waits this long at most for the disk. */
const flushMs = 1_000;
/** Between the parts of a large batch the event loop has its turn. */
const nextPartMs = 10;
/** The wait after a write that failed. */
const retryMs = 5_000;
/** Between looks for obstacles that lapsed. */
const lapseMs = 60_000;

type CohortOfPlan = Pick<Cohort, 'name' | 'source' | 'target'>;

/** The control process's assessments: written in batches; a store that fails costs notes and never a CONNECT. */
export class AssessmentLedger {
  readonly #deps: AssessmentLedgerDeps;
  readonly #lapseTimer: NodeJS.Timeout;
  #flushTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #isClosed = false;

  constructor(deps: AssessmentLedgerDeps) {
    this.#deps = deps;
    this.#lapseTimer = setInterval(() => this.#lapse(), lapseMs);
  }

  handleBatch({ notes, dropped }: Extract<WorkerMessage, { kind: 'assessments' }>): void {
    this.#dropped += dropped;
    const nowMs = this.#deps.clock.wallMs();
    for (const note of notes) {
      try {
        this.#deps.store.note(note, nowMs);
      } catch {
        // The write that fails has said so in the log.
        this.#dropped += 1;
      }
    }
    this.#armFlush(flushMs);
  }

  /** Never throws: a device of which nothing can be known goes where the plan says. */
  obstacleOf(clientId: string, target: string): Obstacle | undefined {
    try {
      return this.#deps.store.obstacleOf(clientId, target, this.#deps.clock.wallMs());
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, 'Assessments cannot be read');
      return undefined;
    }
  }

  /** Devices of the cohort that are known not to be movable to its target. */
  heldBack({ name, target }: CohortOfPlan): number {
    return this.#deps.store.countsOf(name, target)?.cannot ?? 0;
  }

  /** `limit`: examples of each reason. Writes first what came last, so that the answer is of now. Throws when unreadable. */
  document(cohorts: readonly CohortOfPlan[], limit: number): AssessmentDocument {
    this.#flush();
    return { cohorts: cohorts.map((cohort) => this.#assess(cohort, limit)), dropped: this.#dropped };
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#lapseTimer);
    clearTimeout(this.#flushTimer);
    try {
      this.#deps.store.close();
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, notWritten);
    }
  }

  #assess({ name, source, target }: CohortOfPlan, limit: number): CohortAssessment {
    const counts = this.#deps.store.countsOf(name, target) ?? nothing;
    const reasons = [...counts.obstacles].map(([reason, devices]) => ({
      reason,
      devices,
      examples: this.#deps.store
        .heldBy(reason, { cohort: name, target }, limit)
        .map(({ clientId, example, lastSeenMs }) => ({
          clientId,
          reason,
          example,
          lastSeen: new Date(lastSeenMs).toISOString(),
        })),
    }));
    return {
      cohort: name,
      source,
      target,
      observedSince: counts === nothing ? null : new Date(counts.sinceMs).toISOString(),
      devices: counts.devices,
      asIs: counts.asIs,
      adapted: {
        devices: counts.adapted,
        kinds: [...counts.adaptations].map(([kind, devices]) => ({ kind, devices })),
      },
      cannot: { devices: counts.cannot, reasons },
      notListed: counts.notListed,
    };
  }

  #armFlush(waitMs: number): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      const next = this.#flush();
      if (next !== undefined) this.#armFlush(next);
    }, waitMs);
  }

  /** Milliseconds until the next part; undefined: nothing waits. */
  #flush(): number | undefined {
    try {
      return this.#deps.store.flush() ? nextPartMs : undefined;
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, notWritten);
      return retryMs;
    }
  }

  #lapse(): void {
    if (this.#isClosed) return;
    try {
      if (this.#deps.store.lapse(this.#deps.clock.wallMs())) setTimeout(() => this.#lapse(), nextPartMs).unref();
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, 'Obstacles that lapsed could not be forgotten');
    }
  }
}

const notWritten = 'Assessments could not be written; they are kept in memory';

const nothing: AssessmentCounts = {
  sinceMs: 0,
  devices: 0,
  asIs: 0,
  adapted: 0,
  cannot: 0,
  adaptations: new Map(),
  obstacles: new Map(),
  notListed: 0,
};
