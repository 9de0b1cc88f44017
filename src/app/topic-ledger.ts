import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { parseTopicFilter } from '../mqtt/topic.ts';
import { boundedPattern, topicPattern } from '../mqtt/topic-pattern.ts';
import { decodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { ImportedDevice } from '../session/imported-subscriptions.ts';
import { type ObservedTopic, ObservedTopics, type ReportedTopic } from '../session/observed-topics.ts';
import type { TopicStore } from '../session/sqlite-topic-store.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface TopicLedgerDeps {
  readonly store: TopicStore;
  readonly homes: Pick<HomeStore, 'subscribed'>;
  /** The cohort of a device of which only the client ID is known. */
  readonly cohortOf: (clientId: string) => string | undefined;
  /** A pattern that nobody has used for so long is forgotten: milliseconds. */
  readonly rememberedMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const flushMs = 1_000;
const retryMs = 5_000;
const forgetEveryMs = 3_600_000;
/** Sessions whose devices are away are read through once a day, so many at a time: some ten milliseconds. */
const scanEveryMs = 86_400_000;
const sessionsAtOnce = 500;
const scanAgainMs = 60_000;
const nextPartMs = 20;

/** What the devices of cohorts use: told by workers, and read from what is remembered of sessions whose devices are away. */
export class TopicLedger {
  readonly #deps: TopicLedgerDeps;
  readonly #topics = new ObservedTopics();
  readonly #timers = new Set<NodeJS.Timeout>();
  #flushTimer: NodeJS.Timeout | undefined;
  #hasScanned = false;

  constructor(deps: TopicLedgerDeps) {
    this.#deps = deps;
    try {
      for (const note of deps.store.load()) this.#topics.note(note);
      this.#topics.takeChanges();
    } catch (error) {
      deps.log.error({ error: errorMessage(error) }, 'The topics that devices use cannot be read: they are seen anew');
    }
    this.#forget();
    this.#scan('');
  }

  handleReport(topics: readonly ReportedTopic[]): void {
    const oldestMs = this.#oldestMs;
    for (const { sketch, ...note } of topics) {
      // A worker tells all that it ever saw behind an absence of this process.
      if (note.lastSeenMs >= oldestMs) this.#topics.note({ ...note, sketch: Buffer.from(sketch, 'base64') });
    }
    this.#armFlush(flushMs);
  }

  of(cohort: string): readonly ObservedTopic[] {
    return this.#topics.of(cohort);
  }

  /** Sessions whose devices are away have all been read since this process began. */
  get hasScanned(): boolean {
    return this.#hasScanned;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    clearTimeout(this.#flushTimer);
    this.#flush();
    this.#deps.store.close();
  }

  /** What an operator told of sessions that are older than the gateway. */
  noteImported(devices: readonly Pick<ImportedDevice, 'clientId' | 'held'>[]): void {
    for (const { clientId, held } of devices) this.#note(clientId, this.#deps.cohortOf(clientId), held);
    if (this.#topics.hasChanged) this.#armFlush(flushMs);
  }

  get #oldestMs(): number {
    return this.#deps.clock.wallMs() - this.#deps.rememberedMs;
  }

  #scan(after: string): void {
    const next = this.#readSome(after);
    if (this.#topics.hasChanged) this.#armFlush(flushMs);
    this.#later(next.waitMs, () => this.#scan(next.after));
  }

  #readSome(after: string): { readonly after: string; readonly waitMs: number } {
    const { homes, cohortOf, log } = this.#deps;
    try {
      const sessions = homes.subscribed(after, sessionsAtOnce);
      for (const { clientId, cohort = cohortOf(clientId), subscriptions } of sessions) {
        this.#note(clientId, cohort, decodeSubscriptions(subscriptions).held);
      }
      const last = sessions.at(-1)?.clientId;
      if (last !== undefined) return { after: last, waitMs: nextPartMs };
      this.#hasScanned = true;
      return { after: '', waitMs: scanEveryMs };
    } catch (error) {
      log.error({ error: errorMessage(error) }, 'What sessions of devices that are away hold cannot be read');
      return { after, waitMs: scanAgainMs };
    }
  }

  #note(clientId: string, cohort: string | undefined, held: readonly { readonly filter: string }[]): void {
    if (cohort === undefined || cohort === '') return;
    const lastSeenMs = this.#deps.clock.wallMs();
    for (const { filter: asked } of held) {
      const { filter } = parseTopicFilter(asked);
      if (filter.startsWith('$')) continue;
      const whole = topicPattern(filter, [clientId]);
      const pattern = boundedPattern(whole);
      const isWidened = pattern !== whole;
      this.#topics.note({ cohort, use: 'subscribe', pattern, isWidened, lastSeenMs, clientId });
    }
  }

  #forget(): void {
    this.#topics.forget(this.#oldestMs);
    if (this.#topics.hasChanged) this.#armFlush(flushMs);
    this.#later(forgetEveryMs, () => this.#forget());
  }

  #later(waitMs: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, waitMs);
    timer.unref();
    this.#timers.add(timer);
  }

  #armFlush(waitMs: number): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      if (!this.#flush()) this.#armFlush(retryMs);
    }, waitMs);
  }

  #flush(): boolean {
    if (!this.#topics.hasChanged) return true;
    try {
      this.#deps.store.write(this.#topics.takeChanges());
      return true;
    } catch (error) {
      this.#topics.renewChanges();
      const text = 'The topics that devices use could not be written; they are kept in memory';
      this.#deps.log.error({ error: errorMessage(error) }, text);
      return false;
    }
  }
}
