import type { HomeStore } from '../session/home-store.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface OfflineSessionsDeps {
  readonly homes: Pick<HomeStore, 'countByBroker'>;
  readonly workers: Pick<WorkerMoves, 'persistentByBroker'>;
}

/**
 * Persistent sessions whose devices are away, by an estimate: the homes that are recorded at a broker less the live
 * persistent sessions there. It knows no cohorts, and a home that its broker has forgotten since counts still.
 */
export class OfflineSessions {
  readonly #deps: OfflineSessionsDeps;

  constructor(deps: OfflineSessionsDeps) {
    this.#deps = deps;
  }

  /** Undefined when it cannot be told now. */
  async at(brokers: readonly string[]): Promise<number | undefined> {
    const live = await this.#deps.workers.persistentByBroker();
    if (live === undefined) return undefined;
    const homes = this.#homes();
    return brokers.reduce((total, broker) => total + Math.max(0, (homes.get(broker) ?? 0) - (live[broker] ?? 0)), 0);
  }

  #homes(): ReadonlyMap<string, number> {
    try {
      return this.#deps.homes.countByBroker();
    } catch {
      // Homes that cannot be read are logged where they are used.
      return new Map();
    }
  }
}
