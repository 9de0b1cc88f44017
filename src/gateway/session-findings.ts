import { errorMessage } from '../base/errors.ts';
import type { Finding, Obstacle } from '../mqtt/adaptation-kind.ts';
import { obstacleBit } from '../mqtt/kind-bits.ts';
import type { DroppedMessage } from '../mqtt/session-port.ts';
import type { AssessedClient, Assessments } from '../session/assessments.ts';
import type { OccasionalLog } from './occasional-log.ts';
import type { EffectsOwner } from './session-effects.ts';
import type { SessionRecord } from './session-record.ts';
import type { UndeliverableRecords } from './undeliverable-record.ts';

export interface FindingsOptions {
  readonly record: SessionRecord;
  /** Absent: nobody is told. */
  readonly assessments: Assessments | undefined;
  readonly client: AssessedClient | undefined;
  readonly records: UndeliverableRecords;
  /** Where a broker's undeliverable messages are recorded. */
  readonly recordPathOf: (broker: string) => string | undefined;
  readonly log: OccasionalLog;
}

/** What the parts of a session tell of it. */
export type Findings = EffectsOwner & Pick<SessionFindings, 'found'>;

/** What one session tells of itself: what its cohort's target could not carry, or did not, and what was dropped for it. */
export class SessionFindings implements EffectsOwner {
  readonly #options: FindingsOptions;
  #obstaclesTold = 0;

  constructor(options: FindingsOptions) {
    this.#options = options;
  }

  /** While the device is on its source. */
  found(finding: Finding): void {
    this.#tell(finding, this.#options.record.home.broker);
  }

  /** On the target it is a finding; on another broker nobody was to be moved there. */
  obstructed(kind: Obstacle, example: string, broker = this.#options.record.home.broker): void {
    const { client, record, log } = this.#options;
    const { clientId } = record;
    log.warn(
      `obstructed ${broker}`,
      { broker, clientId, obstacle: kind, example },
      'a broker cannot take what a device does',
    );
    if (client?.target !== broker || (this.#obstaclesTold & obstacleBit[kind]) !== 0) return;
    this.#obstaclesTold |= obstacleBit[kind];
    this.#tell({ verdict: 'cannot', kind, example }, broker);
  }

  recordDropped(message: DroppedMessage, broker = this.#options.record.home.broker): boolean {
    const { records, recordPathOf, record, log } = this.#options;
    const { clientId } = record;
    const recordPath = recordPathOf(broker);
    try {
      if (recordPath === undefined) throw new Error('no file is configured for the record');
      records.append(recordPath, { ...message, clientId, broker });
      return true;
    } catch (error) {
      const text = 'A message could not be recorded; its session is ended instead of acknowledging it';
      log.warn(`record ${broker}`, { broker, error: errorMessage(error) }, text);
      return false;
    }
  }

  #tell(finding: Finding, broker: string): void {
    const { assessments, client, record } = this.#options;
    if (client === undefined) return;
    // On the target it is not held back but sent back: a rollback moves it like any other.
    if (finding.verdict === 'cannot' && broker !== client.target) record.heldBack ??= finding.kind;
    assessments?.found(client, finding);
  }
}
