import type { Clock } from '../base/clock.ts';
import type { BrokerPair } from '../mqtt/topic-class.ts';
import type { Move } from './move-document.ts';
import { placementsToCome } from './move-request.ts';

export interface SwitchHoldDeps {
  readonly clock: Clock;
  /** Names of rules between these brokers that are behind. */
  readonly behind: (pair: BrokerPair) => readonly string[];
  /** A move waits so long at most. */
  readonly waitMs: number;
}

/** What becomes of a move's switches; `note` is for the operator. */
export interface SwitchVerdict {
  readonly holds: boolean;
  readonly note?: string;
}

/** Moves remembered as having waited. */
const movesKept = 200;

/** Lets the sessions of a cutover be prepared and not switched, as long as a rule between its brokers is behind; bounded. */
export class SwitchHold {
  readonly #deps: SwitchHoldDeps;
  /** By the move's ID, on the monotonic clock. */
  readonly #untilMs = new Map<string, number>();

  constructor(deps: SwitchHoldDeps) {
    this.#deps = deps;
  }

  judge({ id, request }: Pick<Move, 'id' | 'request'>): SwitchVerdict {
    // A rollback is what is done about trouble; and who only prepares switches nobody.
    if (request.kind === 'rollback' || request.live !== 'handover' || request.prepare !== undefined) return switches;
    const rules = new Set(placementsToCome(request).flatMap((placement) => this.#deps.behind(placement)));
    if (rules.size === 0) return switches;
    const { clock, waitMs } = this.#deps;
    const nowMs = clock.monotonicMs();
    const untilMs = this.#untilMs.get(id) ?? nowMs + waitMs;
    this.#keep(id, untilMs);
    const named = `bridge ${rules.size === 1 ? 'rule' : 'rules'} ${[...rules].join(', ')}`;
    const isOver = nowMs >= untilMs;
    const waited = `${waitMs / 1_000} s`;
    const note = isOver
      ? `${named} did not catch up within ${waited}: sessions switch, and what is late comes to those that still have both brokers`
      : `sessions are prepared and wait for ${named} to catch up, ${waited} at most`;
    return { holds: !isOver, note };
  }

  #keep(id: string, untilMs: number): void {
    this.#untilMs.set(id, untilMs);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= movesKept) break;
      this.#untilMs.delete(oldest);
    }
  }
}

const switches: SwitchVerdict = { holds: false };
