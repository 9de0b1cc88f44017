import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { ImportedDevice, ImportOutcome } from '../session/imported-subscriptions.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HomeChange, Purge } from './process-messages.ts';

export interface HomeLedgerOptions {
  readonly log: Logger;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** All that was changed so far is in the file. */
  readonly onWritten?: () => void;
}

/** How long the first home waits for more to be written with it: a device may come back to another worker at once. */
const flushMs = 5;
/** How long what is written waits for the disk, where that is fast. */
const syncMs = 50;
/** The disk is waited for a fifth of the time at most: a move of a whole cohort must not wait for it. */
const restPerSync = 4;
/** The longest rest that a slow disk is given. */
const longestRestMs = 500;
/** The wait after a write that failed: it takes the event loop with it. */
const retryMs = 5_000;
/** Client IDs whose home was forgotten, and by which epoch: older changes may still be on their way from a worker. */
const forgottenKept = 100_000;

/** The control process's homes: written in batches; a store that fails costs homes and never a CONNECT. */
export class HomeLedger {
  readonly #homes: HomeStore;
  readonly #log: Logger;
  readonly #clock: HomeLedgerOptions['clock'];
  readonly #onWritten: () => void;
  #syncTimer: NodeJS.Timeout | undefined;
  #restMs = syncMs;
  readonly #forgotten = new Map<string, number>();
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(homes: HomeStore, { log, clock, onWritten = () => {} }: HomeLedgerOptions) {
    this.#homes = homes;
    this.#log = log;
    this.#clock = clock;
    this.#onWritten = onWritten;
  }

  homeOf(clientId: string): string | undefined {
    return this.#read((homes) => homes.homeOf(clientId));
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    return this.#read((homes) => homes.remainsOf(clientId));
  }

  formerOf(clientId: string): readonly string[] {
    return this.#read((homes) => homes.formerOf(clientId)) ?? [];
  }

  /** Of the last leg that changed the home. */
  epochOf(clientId: string): number {
    return this.#read((homes) => this.#epochIn(homes, clientId)) ?? 0;
  }

  /** Of workers that lost each other the later epoch counts, in whichever order they tell. */
  apply({ clientId, epoch, broker, place, remains, former }: HomeChange): void {
    if (clientId === '') return;
    this.#change((homes) => {
      if (epoch < this.#epochIn(homes, clientId)) return;
      if (broker === undefined) {
        homes.forget(clientId);
        this.#noteForgotten(clientId, epoch);
      } else {
        homes.record(clientId, broker, epoch, place);
        homes.keep(clientId, remains);
      }
      if (former !== undefined) homes.keepFormer(clientId, former);
    });
  }

  /** A session that lives on a broker: its home, whatever was lost; what is kept of it stays. */
  announced(clientId: string, broker: string, epoch: number): void {
    this.#change((homes) => {
      if (epoch >= this.#epochIn(homes, clientId)) homes.record(clientId, broker, epoch);
    });
  }

  purged({ clientId, broker }: Purge): void {
    this.#change((homes) => {
      const former = homes.formerOf(clientId);
      homes.keepFormer(
        clientId,
        former.filter((other) => other !== broker),
      );
    });
  }

  /** Throws when it cannot be written. */
  learn(importId: string, devices: readonly ImportedDevice[]): readonly ImportOutcome[] {
    const outcomes = this.#homes.learn(importId, devices);
    this.#armSync();
    return outcomes;
  }

  /** False: it is only in memory yet. */
  flush(): boolean {
    try {
      this.#homes.flush();
    } catch (error) {
      const text = 'The homes of persistent sessions could not be written; they are kept in memory';
      this.#log.error({ error: errorMessage(error) }, text);
      return false;
    }
    this.#onWritten();
    this.#armSync();
    return true;
  }

  #sync(): void {
    this.#syncTimer = undefined;
    const beganMs = this.#clock.monotonicMs();
    try {
      this.#homes.sync();
    } catch (error) {
      this.#log.error({ error: errorMessage(error) }, 'The homes of persistent sessions could not be synced to disk');
      this.#armSync(retryMs);
    }
    const tookMs = this.#clock.monotonicMs() - beganMs;
    this.#restMs = Math.max(syncMs, Math.min(longestRestMs, restPerSync * tookMs));
  }

  close(): void {
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#syncTimer);
    this.#homes.close();
  }

  #epochIn(homes: HomeStore, clientId: string): number {
    return Math.max(homes.epochOf(clientId), this.#forgotten.get(clientId) ?? 0);
  }

  #noteForgotten(clientId: string, epoch: number): void {
    this.#forgotten.delete(clientId);
    this.#forgotten.set(clientId, epoch);
    const [oldest] = this.#forgotten.keys();
    if (this.#forgotten.size > forgottenKept && oldest !== undefined) this.#forgotten.delete(oldest);
  }

  #read<Value>(ask: (homes: HomeStore) => Value): Value | undefined {
    try {
      return ask(this.#homes);
    } catch (error) {
      this.#log.error({ error: errorMessage(error) }, 'The homes of persistent sessions cannot be read');
      return undefined;
    }
  }

  #change(change: (homes: HomeStore) => void): void {
    try {
      change(this.#homes);
    } catch (error) {
      this.#log.error({ error: errorMessage(error) }, 'The home of a persistent session could not be recorded');
    }
    this.#armFlush(flushMs);
  }

  #armSync(waitMs = this.#restMs): void {
    this.#syncTimer ??= setTimeout(() => this.#sync(), waitMs);
  }

  #armFlush(waitMs: number): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      if (!this.flush()) this.#armFlush(retryMs);
    }, waitMs);
  }
}
