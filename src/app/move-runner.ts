import type { MoveDocument } from '../admin/admin-api.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { MoveOutcome } from '../gateway/reconnect-move.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type CutoverFreeze, describeFreeze } from './cutover-freeze.ts';
import {
  endCourse,
  isPaused,
  type MoveRefusal,
  pauseCourse,
  progressOf,
  reopenCourse,
  resumeCourse,
  startCourse,
} from './move-course.ts';
import { type Move, toMoveDocument } from './move-document.ts';
import type { MoveJournal } from './move-journal.ts';
import { brokersLeft, type MoveRequest, pointsElsewhere } from './move-request.ts';
import { askWorkers, type MoveStep } from './move-step.ts';
import type { StrayMover } from './stray-mover.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface MoveRunnerDeps {
  readonly clock: Clock;
  readonly workers: Pick<WorkerMoves, 'closeSessions' | 'handOver' | 'abortHandovers'>;
  readonly freeze: Pick<CutoverFreeze, 'current'>;
  readonly strays: Pick<StrayMover, 'follow' | 'unfollow' | 'wake'>;
  /** Persistent sessions of these brokers whose devices are away; undefined when it cannot be told now. */
  readonly offlineAt: (brokers: readonly string[]) => Promise<number | undefined>;
  readonly onChange: (move: MoveDocument) => void;
  readonly refusedListed: number;
  readonly abortPercent: number;
  readonly journal: MoveJournal;
  readonly log: Logger;
}

/** What the runner keeps of a move beside what operators see. */
interface RunningMove extends Move {
  /** A preparation that is done, and whose second connections no other move has taken over. */
  hasPrepared: boolean;
  /** Not asked about before, while it is paused. */
  askAgainMs: number;
  countAgainMs: number;
  toldMs: number;
}

const tickMs = 50;
/** Answering takes at most a fifth of a worker's time. */
const restPerRound = 4;
const longestRestMs = 1_000;
const pausedTickMs = 1_000;
const countEveryMs = 2_000;
/** Progress is told no more often than this. */
const tellEveryMs = 200;
/** Workers find a new control process within this time and announce their sessions. */
const resumeAfterMs = 1_000;
/** Moves remembered after they ended. */
const movesKept = 200;

/** Runs the moves of cohorts, by handover and by reconnect, several at a time; one per cohort, a newer one supersedes. */
export class MoveRunner {
  readonly #deps: MoveRunnerDeps;
  readonly #moves = new Map<string, RunningMove>();
  /** Moves whose sessions that have not switched are to be taken back. */
  readonly #toTakeBack: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ticking = false;
  #isClosed = false;

  constructor(deps: MoveRunnerDeps) {
    this.#deps = deps;
  }

  start(request: MoveRequest): MoveDocument {
    this.#supersede(request);
    if (request.prepare === undefined) this.#deps.strays.unfollow(request.cohorts);
    const startedAtWallMs = this.#deps.clock.wallMs();
    const id = this.#newId(request.revision, startedAtWallMs);
    const move = this.#remember({ id, startedAt: startedAtWallMs, request });
    if (request.live === 'keep') {
      this.#end(move, 'done', 'live sessions stay where they are; new connections follow the plan');
    } else {
      this.#journal((journal) => journal.begin({ id, startedAt: startedAtWallMs, request }));
      this.#arm(0);
    }
    return this.#document(move);
  }

  /** Goes on with the moves that an earlier control process had begun; what it had moved is not counted again. */
  resumeUnfinished(): void {
    this.#journal((journal) => {
      for (const journaled of journal.unfinished()) this.#remember(journaled).pausedBy = journaled.pausedBy;
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

  /** The move of the cohort that is under way. */
  moveOf(cohort: string): MoveDocument | undefined {
    const move = this.#running().find(({ request }) => request.cohorts.includes(cohort));
    return move === undefined ? undefined : this.#document(move);
  }

  /** Preparations that are done, and whose second connections no other move has taken over. */
  prepared(): readonly { readonly id: string; readonly request: MoveRequest }[] {
    return [...this.#moves.values()].filter(({ hasPrepared }) => hasPrepared);
  }

  pause(id: string, author: string): Result<MoveDocument, MoveRefusal> {
    return this.#change(id, (move) => {
      move.pausedBy ??= `paused by ${author}`;
      this.#journal((journal) => journal.pause(id, move.pausedBy));
      return undefined;
    });
  }

  resume(id: string): Result<MoveDocument, MoveRefusal> {
    return this.#change(id, (move) => {
      const freeze = this.#freezeOf(move);
      if (freeze !== undefined) return { kind: 'frozen', message: `${freeze}: unfreeze first` };
      move.pausedBy = undefined;
      this.#journal((journal) => journal.pause(id, undefined));
      return undefined;
    });
  }

  /** Ends it; of a preparation that is done it takes the second connections back. */
  abort(id: string, author: string): Result<MoveDocument, MoveRefusal> {
    const prepared = this.#moves.get(id);
    if (prepared?.hasPrepared) prepared.course = reopenCourse(prepared.course);
    return this.#change(id, (move) => {
      const message = `aborted by ${author}: sessions that had not switched stay where they are, the plan stays as it is`;
      this.#end(move, 'aborted', message);
      this.#takeBack(move);
      return undefined;
    });
  }

  /** The freeze began or ended: cutovers stop or go on at once. */
  freezeChanged(): void {
    for (const move of this.#running()) this.#hold(move);
    if (this.#running().length > 0) this.#arm(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Unfinished moves stay in the journal: the next control process goes on with them.
    this.#journal((journal) => journal.close());
  }

  #running(): readonly RunningMove[] {
    return [...this.#moves.values()].filter(({ course }) => course.state.outcome === undefined);
  }

  #supersede(request: MoveRequest): void {
    const message = `revision ${request.revision} moves the same cohort`;
    for (const move of this.#moves.values()) {
      const { course, request: older, hasPrepared } = move;
      if (!older.cohorts.some((cohort) => request.cohorts.includes(cohort))) continue;
      if (course.state.outcome !== undefined && !hasPrepared) continue;
      // Nobody moves: the second connections are there for whoever moves them later.
      if (request.live === 'keep' && older.prepare !== undefined && !pointsElsewhere(older, request)) continue;
      if (course.state.outcome === undefined) this.#end(move, 'superseded', message);
      if (pointsElsewhere(older, request)) this.#takeBack(move);
      // What it prepared is the newer move's now.
      if (hasPrepared) this.#journal((journal) => journal.end(move.id));
      move.hasPrepared = false;
    }
  }

  #remember({
    id,
    startedAt,
    request,
  }: {
    readonly id: string;
    readonly startedAt: number;
    readonly request: MoveRequest;
  }): RunningMove {
    const nowMs = this.#deps.clock.monotonicMs();
    const course = startCourse(request, nowMs, this.#deps);
    const startedAtMs = nowMs - Math.max(0, this.#deps.clock.wallMs() - startedAt);
    const own = { startedAtMs, hasPrepared: false, askAgainMs: nowMs, countAgainMs: nowMs, toldMs: 0 };
    const move = { id, request, startedAtWallMs: startedAt, course, pausedBy: undefined, offline: 0, ...own };
    this.#moves.set(id, move);
    this.#forgetOldest();
    return move;
  }

  #newId(revision: number, wallMs: number): string {
    const id = `m${revision}-${wallMs.toString(36)}`;
    return this.#moves.has(id) ? this.#newId(revision, wallMs + 1) : id;
  }

  #change(id: string, change: (move: RunningMove) => MoveRefusal | undefined): Result<MoveDocument, MoveRefusal> {
    const move = this.#moves.get(id);
    if (move === undefined) {
      return failure({
        kind: 'not-found',
        message: `expected the ID of a move that is remembered, got ${JSON.stringify(id)}`,
      });
    }
    const { outcome } = move.course.state;
    if (outcome !== undefined) {
      return failure({ kind: 'not-now', message: `expected a move that is under way, ${id} has ended: ${outcome}` });
    }
    const refusal = change(move);
    if (refusal !== undefined) return failure(refusal);
    this.#hold(move);
    this.#arm(0);
    return success(this.#document(move));
  }

  #arm(waitMs: number): void {
    if (this.#isClosed) return;
    if (waitMs === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tick();
    }, waitMs);
  }

  async #tick(): Promise<void> {
    if (this.#ticking || this.#isClosed) return;
    let workMs = 0;
    this.#ticking = true;
    for (const id of this.#toTakeBack.splice(0)) await this.#deps.workers.abortHandovers(id);
    for (const move of this.#running()) workMs += await this.#advance(move);
    this.#ticking = false;
    if (this.#running().length > 0 || this.#toTakeBack.length > 0)
      this.#arm(Math.max(tickMs, Math.min(longestRestMs, workMs * restPerRound)));
  }

  /** Answers the milliseconds that it cost a worker. */
  async #advance(move: RunningMove): Promise<number> {
    this.#hold(move);
    const nowMs = this.#deps.clock.monotonicMs();
    const isHeld = isPaused(move.course);
    if (isHeld && nowMs < move.askAgainMs) return 0;
    if (isHeld) move.askAgainMs = nowMs + pausedTickMs;
    const step = await askWorkers(move, this.#deps);
    if (step !== undefined && !this.#isClosed) await this.#apply(move, step);
    return step?.workMs ?? 0;
  }

  async #apply(move: RunningMove, { apply }: MoveStep): Promise<void> {
    await this.#countOffline(move, apply(move.course).state.outcome !== undefined);
    if (move.course.state.outcome !== undefined) return;
    const before = progressOf(move.course);
    // An operator may have paused it meanwhile: what was answered counts all the same.
    move.course = apply(move.course);
    const hasEnded = move.course.state.outcome !== undefined;
    if (hasEnded) this.#noteEnd(move);
    if (hasEnded || progressOf(move.course) !== before) this.#tell(move, hasEnded);
  }

  async #countOffline(move: RunningMove, isLast: boolean): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (move.course.way !== 'handover' || (!isLast && nowMs < move.countAgainMs)) return;
    move.countAgainMs = nowMs + countEveryMs;
    move.offline = (await this.#deps.offlineAt(brokersLeft(move.request))) ?? move.offline;
  }

  /** Pauses it or lets it go on, as operators and the freeze say. */
  #hold(move: RunningMove): void {
    const reason = move.pausedBy ?? this.#freezeOf(move);
    const { state } = move.course;
    if (state.outcome !== undefined || (reason === undefined) === !isPaused(move.course)) return;
    const nowMs = this.#deps.clock.monotonicMs();
    move.course = reason === undefined ? resumeCourse(move.course, nowMs) : pauseCourse(move.course, nowMs, reason);
    move.askAgainMs = nowMs;
    this.#tell(move, true);
  }

  #freezeOf({ request }: Move): string | undefined {
    const freeze = this.#deps.freeze.current;
    return freeze === undefined || request.kind === 'rollback' ? undefined : describeFreeze(freeze);
  }

  #takeBack({ id, course }: Move): void {
    if (course.way === 'handover') this.#toTakeBack.push(id);
    this.#arm(0);
  }

  #end(move: RunningMove, outcome: MoveOutcome, message: string): void {
    move.course = endCourse(move.course, outcome, { nowMs: this.#deps.clock.monotonicMs(), message });
    this.#noteEnd(move);
    this.#tell(move, true);
  }

  #noteEnd(move: RunningMove): void {
    const { id, request, course } = move;
    const isDone = course.state.outcome === 'done' && request.live === 'handover';
    move.hasPrepared = isDone && request.prepare !== undefined;
    if (move.hasPrepared) {
      // It stays in the journal: a control process that comes back keeps the second connections for it.
      this.#deps.strays.wake();
      return;
    }
    this.#journal((journal) => journal.end(id));
    if (isDone) this.#deps.strays.follow(id, request);
  }

  #tell(move: RunningMove, isUrgent: boolean): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (!isUrgent && nowMs - move.toldMs < tellEveryMs) return;
    move.toldMs = nowMs;
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
      if (move.course.state.outcome !== undefined) this.#moves.delete(id);
    }
  }

  #document(move: Move): MoveDocument {
    return toMoveDocument(move, this.#deps.clock.monotonicMs());
  }
}
