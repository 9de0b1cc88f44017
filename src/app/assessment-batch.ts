import { systemClock } from '../base/clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Finding, Obstacle } from '../mqtt/adaptation-kind.ts';
import { adaptationBit } from '../mqtt/kind-bits.ts';
import type { AssessmentNote, AssessmentStore } from '../session/assessment-store.ts';
import type { AssessedClient, Assessments } from '../session/assessments.ts';
import { openSqliteAssessmentStore } from '../session/sqlite-assessment-store.ts';
import { type WaitingNote, WaitingNotes } from '../session/waiting-notes.ts';
import type { Logger } from '../telemetry/logger.ts';
import { assessmentBounds, assessmentStorePath } from './broker-rates.ts';
import type { ControlLinkEnd } from './linked-registry.ts';

export interface AssessmentBatchDeps {
  /** Opens the assessments for reading; may throw. Asked only while the control process is away. */
  readonly openAssessments: () => AssessmentStore;
  readonly wallMs: () => number;
  readonly log: Logger;
}

/** With the store of the configuration, which the control process writes. */
export function createAssessmentBatch({ store, limits }: Configuration, log: Logger): AssessmentBatch {
  const options = { ...assessmentBounds(limits), readOnly: true };
  return new AssessmentBatch({
    openAssessments: () => openSqliteAssessmentStore(assessmentStorePath(store.path), options),
    wallMs: () => systemClock.wallMs(),
    log,
  });
}

/** What is not urgent waits this long for company. */
const gatherMs = 250;
/** Devices of one message. */
const devicesAtOnce = 1_000;
/** Kept while the control process is away. */
const waitingBounds = { devices: 50_000, characters: 8 * 1_048_576 };

/**
 * A worker's assessments on their way to the control process. An obstacle leaves with the end of the turn of the event
 * loop, because its device may come back at once, through another worker; the rest gathers.
 */
export class AssessmentBatch implements Assessments {
  readonly #deps: AssessmentBatchDeps;
  readonly #waiting = new WaitingNotes(waitingBounds);
  #link: ControlLinkEnd | undefined;
  #file: AssessmentStore | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isUrgent = false;
  #dropped = 0;

  constructor(deps: AssessmentBatchDeps) {
    this.#deps = deps;
  }

  observed({ broker, ...device }: AssessedClient & { readonly broker: string }): void {
    if (broker !== device.target) this.#add({ ...device, adaptations: 0, obstacles: [] });
  }

  found(device: AssessedClient, finding: Finding): void {
    if (finding.verdict === 'adapt') {
      this.#add({ ...device, adaptations: adaptationBit[finding.kind], obstacles: [] });
      return;
    }
    const { kind, example } = finding;
    this.#add({ ...device, adaptations: 0, obstacles: [{ kind, example }] });
    if (this.#isUrgent || this.#link === undefined) return;
    this.#isUrgent = true;
    setImmediate(() => this.#send());
  }

  /** What this worker can find out by itself; never throws. */
  obstacleOf(clientId: string, target: string): Obstacle | undefined {
    const waiting = this.#waiting.obstacleOf(clientId, target);
    if (waiting !== undefined) return waiting;
    try {
      this.#file ??= this.#deps.openAssessments();
      return this.#file.obstacleOf(clientId, target, this.#deps.wallMs());
    } catch {
      return undefined;
    }
  }

  linkUp(link: ControlLinkEnd): void {
    this.#link = link;
    this.#closeFile();
    if (this.#dropped > 0) {
      const text = 'Devices were assessed while the control process was away, more than are kept; some are not noted';
      this.#deps.log.warn({ dropped: this.#dropped }, text);
    }
    this.#send();
  }

  linkDown(): void {
    this.#link = undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#link = undefined;
    this.#closeFile();
  }

  #add({ clientId, cohort, target, adaptations, obstacles }: AssessmentNote): void {
    if (clientId === '') return;
    const note = { clientId, cohort, target, adaptations, obstacles };
    if (!this.#waiting.add(note, this.#deps.wallMs())) this.#dropped += 1;
    if (this.#link !== undefined) this.#timer ??= setTimeout(() => this.#send(), gatherMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUrgent = false;
    if (this.#link === undefined) return;
    const waiting = this.#waiting.first(devicesAtOnce);
    if (waiting.length === 0) return;
    this.#link.post({ kind: 'assessments', notes: waiting.map(toNote), dropped: this.#dropped });
    this.#waiting.remove(waiting);
    this.#dropped = 0;
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#send(), 0);
  }

  #closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function toNote({ note, adaptations, obstacles }: WaitingNote): AssessmentNote {
  return { ...note, adaptations, obstacles };
}
