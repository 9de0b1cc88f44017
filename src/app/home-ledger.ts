import { errorMessage } from '../base/errors.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Homes that wait this long at most to be written. */
const flushMs = 20;
/** The wait after a write that failed: it takes the event loop with it. */
const retryMs = 5_000;

/** The control process's homes: written in batches; a store that fails costs homes and never a CONNECT. */
export class HomeLedger {
  readonly #homes: HomeStore;
  readonly #log: Logger;
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(homes: HomeStore, log: Logger) {
    this.#homes = homes;
    this.#log = log;
  }

  homeOf(clientId: string): string | undefined {
    return this.#read((homes) => homes.homeOf(clientId));
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    return this.#read((homes) => homes.remainsOf(clientId));
  }

  /** The home, with what is kept of the session; undefined: nothing, it began anew. */
  note(clientId: string, broker: string, remains?: SessionRemains): void {
    this.#change((homes) => {
      homes.record(clientId, broker);
      homes.keep(clientId, remains);
    });
  }

  keep(clientId: string, remains: SessionRemains): void {
    this.#change((homes) => homes.keep(clientId, remains));
  }

  forget(clientId: string): void {
    if (clientId !== '') this.#change((homes) => homes.forget(clientId));
  }

  /** False: it is only in memory yet. */
  flush(): boolean {
    try {
      this.#homes.flush();
      return true;
    } catch (error) {
      const text = 'The homes of persistent sessions could not be written; they are kept in memory';
      this.#log.error({ error: errorMessage(error) }, text);
      return false;
    }
  }

  close(): void {
    clearTimeout(this.#flushTimer);
    this.#homes.close();
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

  #armFlush(waitMs: number): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      if (!this.flush()) this.#armFlush(retryMs);
    }, waitMs);
  }
}
