import type { MoveDocument } from '../admin/admin-api.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { HandoverReply } from '../gateway/live-session.ts';
import { showUpkeep } from '../gateway/prepared-upkeep.ts';
import type { MoveOutcome } from '../gateway/reconnect-move.ts';
import { type CutoverFreeze, describeFreeze } from './cutover-freeze.ts';
import { endCourse, isPaused, type MoveRefusal, pauseCourse, reopenCourse, resumeCourse } from './move-course.ts';
import type { Move } from './move-document.ts';
import { MoveLedger, type MoveLedgerDeps, type RunningMove } from './move-ledger.ts';
import { type CohortPlacement, type MoveRequest, placementsToCome, pointsElsewhere } from './move-request.ts';
import { askHowItEnded, askWorkers, type MoveStep } from './move-step.ts';
import type { StrayMover } from './stray-mover.ts';
import type { SwitchHold } from './switch-hold.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface MoveRunnerDeps extends MoveLedgerDeps {
  readonly workers: Pick<WorkerMoves, 'closeSessions' | 'handOver' | 'abortHandovers'>;
  readonly freeze: Pick<CutoverFreeze, 'current'>;
  readonly switches: Pick<SwitchHold, 'judge'>;
  readonly strays: Pick<StrayMover, 'follow' | 'unfollow' | 'wake'>;
  /** Persistent sessions that these terms would move and whose devices are away; undefined when it cannot be told now. */
  readonly offlineOf: (placements: readonly CohortPlacement[]) => Promise<number | undefined>;
}

/** A move that has ended, whose sessions under way come to their own end. */
interface Settling {
  readonly takesBack: boolean;
  readonly untilMs: number;
}

const tickMs = 50;
/** Answering takes at most a tenth of a worker's time. */
const restPerRound = 9;
const longestRestMs = 1_000;
const pausedTickMs = 1_000;
const countEveryMs = 2_000;
/** Workers find a new control process within this time and announce their sessions. */
const resumeAfterMs = 1_000;
/** A switch that was under way when its move ended is over by then. */
const settlingMs = 5_000;

/** Runs the moves of cohorts, by handover and by reconnect, several at a time; one per cohort, a newer one supersedes. */
export class MoveRunner {
  readonly #deps: MoveRunnerDeps;
  readonly #ledger: MoveLedger;
  readonly #settling = new Map<RunningMove, Settling>();
  #timer: NodeJS.Timeout | undefined;
  #ticking = false;
  #isClosed = false;

  constructor(deps: MoveRunnerDeps) {
    this.#deps = deps;
    this.#ledger = new MoveLedger(deps);
  }

  start(request: MoveRequest): MoveDocument {
    this.#supersede(request);
    if (request.prepare === undefined) this.#deps.strays.unfollow(request.cohorts);
    const move = this.#ledger.begin(request);
    if (request.live === 'keep') {
      this.#end(move, 'done', 'live sessions stay where they are; new connections follow the plan');
    } else {
      this.#ledger.tell(move, true);
      this.#arm(0);
    }
    return this.#ledger.document(move);
  }

  /** Goes on with the moves that an earlier control process had begun, and knows those that had ended. */
  resumeUnfinished(): void {
    this.#ledger.load();
    for (const move of this.#ledger.running()) this.#hold(move);
    if (this.#ledger.running().length > 0) this.#arm(resumeAfterMs);
  }

  list(): readonly MoveDocument[] {
    return this.#ledger.list();
  }

  find(id: string): MoveDocument | undefined {
    return this.#ledger.find(id);
  }

  /** The move of the cohort that is under way. */
  moveOf(cohort: string): MoveDocument | undefined {
    const move = this.#ledger.running().find(({ request }) => request.cohorts.includes(cohort));
    return move === undefined ? undefined : this.#ledger.document(move);
  }

  /** Preparations that are done, and whose second connections no other move has taken over. */
  prepared(): readonly { readonly id: string; readonly request: MoveRequest }[] {
    return this.#ledger.all().filter(({ hasPrepared }) => hasPrepared);
  }

  noteUpkeep(id: string, replies: readonly (HandoverReply | undefined)[]): void {
    const move = this.#ledger.get(id);
    if (!move?.hasPrepared || move.course.way !== 'handover' || this.#isClosed) return;
    move.course = { way: 'handover', state: showUpkeep(move.course.state, replies) };
    this.#ledger.tell(move, false);
  }

  pause(id: string, author: string): Result<MoveDocument, MoveRefusal> {
    return this.#change(id, (move) => {
      move.pausedBy ??= `paused by ${author}`;
      this.#ledger.journal((journal) => journal.pause(id, move.pausedBy));
      return undefined;
    });
  }

  resume(id: string): Result<MoveDocument, MoveRefusal> {
    return this.#change(id, (move) => {
      const freeze = this.#freezeOf(move);
      if (freeze !== undefined) return { kind: 'frozen', message: `${freeze}: unfreeze first` };
      move.pausedBy = undefined;
      this.#ledger.journal((journal) => journal.pause(id, undefined));
      return undefined;
    });
  }

  /** Ends it; of a preparation that is done it takes the second connections back. */
  abort(id: string, author: string): Result<MoveDocument, MoveRefusal> {
    const prepared = this.#ledger.get(id);
    if (prepared?.hasPrepared) prepared.course = reopenCourse(prepared.course);
    return this.#change(id, (move) => {
      const message = `aborted by ${author}: sessions that had not switched stay where they are, the plan stays as it is`;
      this.#end(move, 'aborted', message);
      return undefined;
    });
  }

  /** The freeze began or ended: cutovers stop or go on at once. */
  freezeChanged(): void {
    const running = this.#ledger.running();
    for (const move of running) this.#hold(move);
    if (running.length > 0) this.#arm(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Unfinished moves stay in the journal: the next control process goes on with them.
    for (const move of this.#ledger.running()) this.#ledger.tell(move, true);
    this.#ledger.journal((journal) => journal.close());
  }

  /** Another plan is in force, and nobody moves for it: moves of cohorts that it has otherwise are over. */
  planReplaced(revision: number, placementOf: (cohort: string) => CohortPlacement | undefined): void {
    const message = `revision ${revision} replaced the plan: sessions stay where they are until the next move`;
    for (const move of this.#ledger.all()) {
      const { course, request, hasPrepared } = move;
      const isOver = course.state.outcome !== undefined;
      if ((isOver && !hasPrepared) || request.placements.every((each) => isKept(request, each, placementOf))) continue;
      if (isOver) this.#settle(move, true);
      else this.#end(move, 'superseded', message);
      if (hasPrepared) this.#release(move, `its second connections were closed: ${message}`);
    }
  }

  #supersede(request: MoveRequest): void {
    const message = `revision ${request.revision} moves the same cohort`;
    for (const move of this.#ledger.all()) {
      const { course, request: older, hasPrepared } = move;
      if (!older.cohorts.some((cohort) => request.cohorts.includes(cohort))) continue;
      if (course.state.outcome !== undefined && !hasPrepared) continue;
      // Nobody moves: the second connections are there for whoever moves them later.
      if (request.live === 'keep' && older.prepare !== undefined && !pointsElsewhere(older, request)) continue;
      const takesBack = request.live !== 'handover' || pointsElsewhere(older, request);
      if (course.state.outcome === undefined) this.#end(move, 'superseded', message, takesBack);
      else if (takesBack) this.#settle(move, takesBack);
      if (hasPrepared)
        this.#release(move, `its second connections were ${takesBack ? 'closed' : 'taken over'}: ${message}`);
    }
  }

  /** What it prepared is closed, or a newer move's. */
  #release(move: RunningMove, message: string): void {
    move.hasPrepared = false;
    this.#ledger.journal((journal) => journal.end(move.id));
    if (move.course.way === 'handover') {
      move.course = { way: 'handover', state: { ...move.course.state, prepared: 0, message } };
    }
    this.#ledger.tell(move, true);
  }

  #change(id: string, change: (move: RunningMove) => MoveRefusal | undefined): Result<MoveDocument, MoveRefusal> {
    const known = this.#ledger.find(id);
    if (known === undefined) {
      const message = `expected the ID of a move that is remembered, got ${JSON.stringify(id)}`;
      return failure({ kind: 'not-found', message });
    }
    const move = this.#ledger.get(id);
    if (move === undefined || move.course.state.outcome !== undefined) {
      const message = `expected a move that is under way, ${id} has ended: ${known.state}`;
      return failure({ kind: 'not-now', message });
    }
    const refusal = change(move);
    if (refusal !== undefined) return failure(refusal);
    this.#hold(move);
    this.#arm(0);
    return success(this.#ledger.document(move));
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
    this.#ticking = true;
    let workMs = 0;
    for (const [move, settling] of [...this.#settling]) await this.#askHowItEnded(move, settling);
    for (const move of this.#ledger.running()) workMs += await this.#advance(move);
    this.#ticking = false;
    const hasWork = this.#ledger.running().length > 0 || this.#settling.size > 0;
    if (hasWork) this.#arm(Math.max(tickMs, Math.min(longestRestMs, workMs * restPerRound)));
  }

  /** Answers the milliseconds that it cost a worker. */
  async #advance(move: RunningMove): Promise<number> {
    this.#hold(move);
    const nowMs = this.#deps.clock.monotonicMs();
    const isHeld = isPaused(move.course);
    if (isHeld && nowMs < move.askAgainMs) return 0;
    if (isHeld) move.askAgainMs = nowMs + pausedTickMs;
    const step = await askWorkers(move, this.#deps, this.#holdsSwitches(move));
    if (step !== undefined && !this.#isClosed) await this.#apply(move, step);
    return step?.workMs ?? 0;
  }

  async #apply(move: RunningMove, { apply }: MoveStep): Promise<void> {
    await this.#countOffline(move, apply(move.course).state.outcome !== undefined);
    if (move.course.state.outcome !== undefined || this.#isClosed) return;
    // An operator may have paused it meanwhile: what was answered counts all the same.
    move.course = apply(move.course);
    if (move.course.state.outcome === undefined) this.#ledger.tell(move, false);
    else this.#noteEnd(move, true);
  }

  async #countOffline(move: RunningMove, isLast: boolean): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (move.course.way !== 'handover' || (!isLast && nowMs < move.countAgainMs)) return;
    move.countAgainMs = nowMs + countEveryMs;
    move.offline = (await this.#deps.offlineOf(placementsToCome(move.request))) ?? move.offline;
  }

  #holdsSwitches(move: RunningMove): boolean {
    const { holds, note } = this.#deps.switches.judge(move);
    if (note !== move.note) {
      move.note = note;
      this.#ledger.tell(move, true);
    }
    return holds;
  }

  /** Pauses it or lets it go on, as operators and the freeze say. */
  #hold(move: RunningMove): void {
    const reason = move.pausedBy ?? this.#freezeOf(move);
    const { state } = move.course;
    if (state.outcome !== undefined || reason === move.heldBy) return;
    move.heldBy = reason;
    const nowMs = this.#deps.clock.monotonicMs();
    if (isPaused(move.course)) move.course = resumeCourse(move.course, nowMs);
    if (reason !== undefined) move.course = pauseCourse(move.course, nowMs, reason);
    move.askAgainMs = nowMs;
    this.#ledger.tell(move, true);
  }

  #freezeOf({ request }: Move): string | undefined {
    const freeze = this.#deps.freeze.current;
    return freeze === undefined || request.kind === 'rollback' ? undefined : describeFreeze(freeze);
  }

  #end(move: RunningMove, outcome: MoveOutcome, message: string, takesBack = true): void {
    move.course = endCourse(move.course, outcome, { nowMs: this.#deps.clock.monotonicMs(), message });
    this.#noteEnd(move, takesBack);
  }

  /** `takesBack`: sessions under way go back to where they are; of a move that is done there are none. */
  #noteEnd(move: RunningMove, takesBack: boolean): void {
    const { id, request, course } = move;
    const isDone = course.state.outcome === 'done' && request.live === 'handover';
    move.hasPrepared = isDone && request.prepare !== undefined;
    this.#ledger.tell(move, true);
    if (course.state.outcome !== 'done') this.#settle(move, takesBack);
    // A preparation stays in the journal: a control process that comes back keeps the second connections for it.
    if (move.hasPrepared) this.#deps.strays.wake();
    else this.#ledger.journal((journal) => journal.end(id));
    if (isDone && !move.hasPrepared) this.#deps.strays.follow(id, request);
  }

  #settle(move: RunningMove, takesBack: boolean): void {
    if (move.course.way === 'handover') {
      this.#settling.set(move, { takesBack, untilMs: this.#deps.clock.monotonicMs() + settlingMs });
    }
    this.#arm(0);
  }

  async #askHowItEnded(move: RunningMove, { takesBack, untilMs }: Settling): Promise<void> {
    if (takesBack) await this.#deps.workers.abortHandovers(move.id);
    const isLast = move.request.cohorts.some((cohort) => this.moveOf(cohort) !== undefined);
    const ended = await askHowItEnded(move, { workers: this.#deps.workers, isLast });
    if (this.#isClosed) return;
    move.course = ended.course;
    this.#ledger.tell(move, true);
    if (isLast || ended.isSettled || this.#deps.clock.monotonicMs() >= untilMs) this.#settling.delete(move);
  }
}

/** Whether the move may go on: the plan has the cohort as it was; of a preparation only the brokers count. */
function isKept(
  { prepare }: MoveRequest,
  { name, source, target, weightBps }: CohortPlacement,
  placementOf: (cohort: string) => CohortPlacement | undefined,
): boolean {
  const now = placementOf(name);
  if (now?.source !== source || now.target !== target) return false;
  return prepare !== undefined || now.weightBps === weightBps;
}
