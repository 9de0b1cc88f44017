import type { HomeStore } from '../session/home-store.ts';
import type { CohortPlacement } from './move-request.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface OfflineSessionsDeps {
  readonly homes: Pick<HomeStore, 'countMisplaced'>;
  readonly workers: Pick<WorkerMoves, 'misplacedPersistent'>;
}

/**
 * Persistent sessions that a plan moves and whose devices are away, by an estimate: the recorded homes of the cohort that
 * are elsewhere than the plan wants them, less the live persistent sessions of which the same is true. A home that its
 * broker has forgotten since counts still; one that an earlier version recorded counts once its device has connected.
 */
export class OfflineSessions {
  readonly #deps: OfflineSessionsDeps;

  constructor(deps: OfflineSessionsDeps) {
    this.#deps = deps;
  }

  /** Undefined when it cannot be told now. */
  async of(placements: readonly CohortPlacement[]): Promise<number | undefined> {
    const live = await this.#deps.workers.misplacedPersistent(placements);
    if (live === undefined) return undefined;
    const away = placements.map((placement) => this.#homes(placement) - (live[placement.name] ?? 0));
    return away.reduce((total, sessions) => total + Math.max(0, sessions), 0);
  }

  #homes(placement: CohortPlacement): number {
    try {
      return this.#deps.homes.countMisplaced(placement);
    } catch {
      // Homes that cannot be read are logged where they are used.
      return 0;
    }
  }
}
