import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Registrar, RegistrationOutcome } from '../aws/registrar.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { CohortEntry } from './cohort-file.ts';
import type { CohortRow } from './cohort-rows.ts';
import type { CertificateOffer, CertificateSource } from './device-certificate-source.ts';
import type { RegistrationRecord } from './registration-record.ts';
import type { RegistrationTally } from './registration-tally.ts';

export interface CohortRegistration {
  readonly source: CertificateSource;
  readonly registrar: Pick<Registrar, 'register'>;
  readonly record: Pick<RegistrationRecord, 'has' | 'add'>;
  readonly tally: RegistrationTally;
  /** What is asked for beside the certificate: account, policy, thing type. Part of a row's digest. */
  readonly scope: string;
  /** Devices under way at the same time. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly onProgress: () => void;
}

/** Refusals in a row from the first device on, after which it cannot be the devices. */
const hopelessRefusals = 100;
/** Milliseconds for which AWS may have no room for anybody. */
const patienceMs = 300_000;

/** Registers every device that is not done yet. Gives why it stopped before the end; undefined: it did not. */
export async function registerCohort(
  entries: AsyncIterable<CohortEntry>,
  registration: CohortRegistration,
): Promise<string | undefined> {
  const run = new CohortRun(registration);
  const underWay = new Set<Promise<void>>();
  for await (const entry of entries) {
    while (underWay.size >= registration.concurrency && run.stopped === undefined) await Promise.race(underWay);
    if (run.stopped !== undefined) break;
    const work = run.handle(entry).finally(() => {
      underWay.delete(work);
      registration.onProgress();
    });
    underWay.add(work);
  }
  await Promise.all(underWay);
  return run.stopped;
}

/** A 32-bit number other than 0 that is another one for every other row, certificate and scope. */
export function rowDigest(scope: string, { name }: CertificateOffer, { attributes }: CohortRow): number {
  const text = JSON.stringify([scope, name, Object.entries(attributes).toSorted()]);
  return hash('sha256', text, 'buffer').readUInt32BE() || 1;
}

class CohortRun {
  readonly #registration: CohortRegistration;
  #lastDoneMs: number | undefined;
  #refusals = 0;
  stopped: string | undefined;

  constructor(registration: CohortRegistration) {
    this.#registration = registration;
  }

  async handle({ line, row: read }: CohortEntry): Promise<void> {
    const { source, record, tally, scope, clock } = this.#registration;
    if (!read.ok) return tally.reject({ line, device: undefined, reason: read.error });
    const row = read.value;
    const offer = source(row, clock.wallMs());
    if (!offer.ok) return tally.reject({ line, device: row.device, reason: offer.error });
    const digest = rowDigest(scope, offer.value, row);
    if (record.has(line, digest)) return tally.skip();
    const outcome = await this.#register(row, offer.value);
    if (outcome === undefined) return;
    if (outcome.outcome === 'refused') {
      tally.refuse({ line, device: row.device, reason: outcome.reason, message: outcome.message });
      return;
    }
    await record.add(line, digest, outcome);
    tally.done(outcome.outcome);
  }

  /** Until there is an outcome; undefined: the run stopped before. */
  async #register(
    { attributes }: CohortRow,
    offer: CertificateOffer,
  ): Promise<Exclude<RegistrationOutcome, { outcome: 'throttled' }> | undefined> {
    const { registrar, clock } = this.#registration;
    try {
      const certificate = await offer.make();
      while (this.stopped === undefined) {
        const outcome = await registrar.register({ certificate, attributes });
        if (outcome.outcome !== 'throttled') {
          this.#note(outcome);
          return outcome;
        }
        if (this.#lastDoneMs === undefined || clock.monotonicMs() - this.#lastDoneMs > patienceMs) {
          this.stopped ??= outcome.message;
        } else await pause(outcome.retryAfterMs);
      }
    } catch (error) {
      this.stopped ??= errorMessage(error);
    }
    return undefined;
  }

  /** What would be so for every device ends the run at the first. */
  #note(outcome: Exclude<RegistrationOutcome, { outcome: 'throttled' }>): void {
    if (outcome.outcome !== 'refused') {
      this.#lastDoneMs = this.#registration.clock.monotonicMs();
      return;
    }
    const { reason, message } = outcome;
    this.#refusals += 1;
    const isForAll = reason === 'unauthorized' || reason === 'missing-resource';
    const isHopeless = this.#lastDoneMs === undefined && this.#refusals >= hopelessRefusals;
    if (isForAll || isHopeless) this.stopped ??= message;
  }
}
