import type { MoveDocument } from '../admin/admin-api.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import {
  allowanceAt,
  applyProgress,
  endMove,
  type MoveOutcome,
  type MoveProgress,
  type ReconnectMoveState,
  startReconnectMove,
} from '../gateway/reconnect-move.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MoveJournal } from './move-journal.ts';
import type { MoveRequest } from './move-request.ts';

/** What a move needs from the workers: closes at most `limit` sessions per call, over all of them. */
export type CloseSessions = (options: {
  readonly cohorts: readonly string[];
  readonly limit: number;
  readonly order: 'first-first' | 'last-first';
}) => Promise<readonly MoveProgress[]>;

export interface MoveRunnerDeps {
  readonly clock: Clock;
  readonly closeSessions: CloseSessions;
  readonly onChange: (move: MoveDocument) => void;
  readonly refusedListed: number;
  readonly journal: MoveJournal;
  readonly log: Logger;
}

interface Move {
  readonly id: string;
  readonly request: MoveRequest;
  readonly startedAtWallMs: number;
  state: ReconnectMoveState;
}

const tickMs = 50;
/** Workers find a new control process within this time and announce their sessions. */
const resumeAfterMs = 1_000;
/** Moves remembered after they ended. */
const movesKept = 200;

/** Runs the moves of cohorts by reconnect, several at a time; one per cohort, a newer one supersedes. */
export class MoveRunner {
  readonly #deps: MoveRunnerDeps;
  readonly #moves = new Map<string, Move>();
  #timer: NodeJS.Timeout | undefined;
  #ticking = false;
  #isClosed = false;

  constructor(deps: MoveRunnerDeps) {
    this.#deps = deps;
  }

  start(request: MoveRequest): MoveDocument {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const move of this.#running()) {
      if (move.request.cohorts.some((cohort) => request.cohorts.includes(cohort))) {
        this.#end(move, 'superseded', `revision ${request.revision} moves the same cohort`);
      }
    }
    const startedAtWallMs = this.#deps.clock.wallMs();
    const id = `m${request.revision}-${startedAtWallMs.toString(36)}`;
    const state = startReconnectMove(nowMs, request.pacePerSecond);
    const move: Move = { id, request, startedAtWallMs, state };
    this.#moves.set(id, move);
    this.#forgetOldest();
    if (request.live === 'keep') {
      this.#end(move, 'done', 'live sessions stay where they are; new connections follow the plan');
    } else {
      this.#journal((journal) => journal.begin({ id, startedAt: startedAtWallMs, request }));
      this.#arm(0);
    }
    return this.#document(move);
  }

  /** Goes on with the moves that an earlier control process had begun; what it had moved is not counted again. */
  resume(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#journal((journal) => {
      for (const { id, startedAt, request } of journal.unfinished()) {
        const state = startReconnectMove(nowMs, request.pacePerSecond);
        this.#moves.set(id, { id, request, startedAtWallMs: startedAt, state });
      }
    });
    if (this.#moves.size > 0) this.#arm(resumeAfterMs);
  }

  list(): readonly MoveDocument[] {
    return [...this.#moves.values()].reverse().map((move) => this.#document(move));
  }

  find(id: string): MoveDocument | undefined {
    const move = this.#moves.get(id);
    return move === undefined ? undefined : this.#document(move);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Unfinished moves stay in the journal: the next control process goes on with them.
    this.#journal((journal) => journal.close());
  }

  #running(): readonly Move[] {
    return [...this.#moves.values()].filter((move) => move.state.outcome === undefined);
  }

  #arm(waitMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tick();
    }, waitMs);
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    for (const move of this.#running()) await this.#advance(move);
    this.#ticking = false;
    if (!this.#isClosed && this.#running().length > 0) this.#arm(tickMs);
  }

  async #advance(move: Move): Promise<void> {
    const { cohorts, kind } = move.request;
    const allowance = allowanceAt(move.state, this.#deps.clock.monotonicMs());
    const order = kind === 'rollback' ? 'last-first' : 'first-first';
    const progress = await this.#deps.closeSessions({ cohorts, limit: allowance, order });
    if (move.state.outcome !== undefined || this.#isClosed) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const before = move.state;
    move.state = applyProgress(before, progress, { nowMs, allowance, refusedListed: this.#deps.refusedListed });
    if (move.state.outcome !== undefined) this.#journal((journal) => journal.end(move.id));
    if (move.state.moved !== before.moved || move.state.outcome !== undefined)
      this.#deps.onChange(this.#document(move));
  }

  #end(move: Move, outcome: MoveOutcome, message: string): void {
    move.state = endMove(move.state, outcome, { nowMs: this.#deps.clock.monotonicMs(), message });
    this.#journal((journal) => journal.end(move.id));
    this.#deps.onChange(this.#document(move));
  }

  /** A journal that fails costs no more than that a restart forgets the move. */
  #journal(use: (journal: MoveJournal) => void): void {
    try {
      use(this.#deps.journal);
    } catch (error) {
      this.#deps.log.error(
        { error: errorMessage(error) },
        'The journal of moves fails; a move under way would not survive a restart',
      );
    }
  }

  #forgetOldest(): void {
    for (const [id, move] of this.#moves) {
      if (this.#moves.size <= movesKept) return;
      if (move.state.outcome !== undefined) this.#moves.delete(id);
    }
  }

  #document({ id, request, state, startedAtWallMs }: Move): MoveDocument {
    const endMs = state.finishedAtMs ?? this.#deps.clock.monotonicMs();
    const durationMs = Math.round(endMs - state.startedAtMs);
    return {
      id,
      state: state.outcome ?? 'running',
      kind: request.kind,
      cohorts: request.cohorts,
      revision: request.revision,
      author: request.author,
      reason: request.reason,
      live: request.live,
      pacePerSecond: request.pacePerSecond,
      eligible: state.eligible,
      moved: state.moved,
      pending: { offline: 0, unknownSubscriptions: 0, asleep: 0 },
      refused: state.refused,
      startedAt: new Date(startedAtWallMs).toISOString(),
      finishedAt: state.finishedAtMs === undefined ? null : new Date(startedAtWallMs + durationMs).toISOString(),
      durationMs,
      message: state.message ?? null,
    };
  }
}
