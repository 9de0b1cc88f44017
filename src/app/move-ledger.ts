import type { MoveDocument } from '../admin/admin-api.ts';
import { hasEnded } from '../admin/move-end.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { EarlierFigures } from '../gateway/move-resumption.ts';
import type { Logger } from '../telemetry/logger.ts';
import { progressOf, startCourse } from './move-course.ts';
import { type Move, toMoveDocument } from './move-document.ts';
import { type JournaledDocument, type JournaledMove, type MoveJournal, movesKept } from './move-journal.ts';
import type { MoveRequest } from './move-request.ts';

export interface MoveLedgerDeps {
  readonly clock: Clock;
  readonly journal: MoveJournal;
  readonly onChange: (move: MoveDocument) => void;
  readonly refusedListed: number;
  readonly abortPercent: number;
  /** Milliseconds that a move which goes on after a restart waits for devices. */
  readonly returnMs: number;
  readonly log: Logger;
}

/** What the runner keeps of a move beside what operators see. */
export interface RunningMove extends Move {
  /** A preparation that is done, and whose second connections no other move has taken over. */
  hasPrepared: boolean;
  /** What its course is paused for; undefined: it is not. */
  heldBy: string | undefined;
  /** Not asked about before, while it is paused. */
  askAgainMs: number;
  countAgainMs: number;
  /** What was told and journaled last, and when. */
  toldMs: number;
  toldProgress: string;
  keptMs: number;
  keptProgress: string;
}

/** Progress is told no more often than this. */
const tellEveryMs = 200;
/** And written to the journal no more often than this. */
const keepEveryMs = 1_000;

/** The moves that are remembered: those of this control process, and how those of earlier ones ended. */
export class MoveLedger {
  readonly #deps: MoveLedgerDeps;
  readonly #moves = new Map<string, RunningMove>();
  /** Moves that ended in an earlier control process, oldest first. */
  readonly #earlier = new Map<string, MoveDocument>();

  /** By ID: which of all it is, in their order. The clock may be set back. */
  readonly #places = new Map<string, number>();
  #nextPlace = 1;

  constructor(deps: MoveLedgerDeps) {
    this.#deps = deps;
  }

  begin(request: MoveRequest): RunningMove {
    const startedAt = this.#deps.clock.wallMs();
    const journaled = { id: this.#newId(request.revision, startedAt), startedAt, request };
    const move = this.#remember(journaled, undefined);
    this.journal((journal) => journal.begin(journaled));
    this.#forgetOldest();
    return move;
  }

  /** Takes up what an earlier control process left. */
  load(): void {
    const documents = new Map<string, JournaledDocument>();
    this.journal((journal) => {
      for (const kept of journal.documents()) {
        documents.set(kept.document.id, kept);
        this.#place(kept.document.id);
      }
    });
    this.journal((journal) => {
      for (const journaled of journal.unfinished()) {
        const kept = documents.get(journaled.id);
        // Its end was written down and nothing behind that.
        if (kept !== undefined && hasEnded(kept.document) && !kept.document.prepareOnly) journal.end(journaled.id);
        else {
          documents.delete(journaled.id);
          this.#remember(journaled, kept).pausedBy = journaled.pausedBy;
        }
      }
    });
    for (const [id, { document }] of documents) this.#earlier.set(id, document);
  }

  /** Newest first. */
  list(): readonly MoveDocument[] {
    const own = [...this.#moves.values()].map((move) => this.document(move));
    const all = [...this.#earlier.values(), ...own];
    const placeOf = ({ id }: MoveDocument) => this.#places.get(id) ?? 0;
    return all.sort((a, b) => placeOf(b) - placeOf(a));
  }

  find(id: string): MoveDocument | undefined {
    const move = this.#moves.get(id);
    return move === undefined ? this.#earlier.get(id) : this.document(move);
  }

  /** A move of this control process. */
  get(id: string): RunningMove | undefined {
    return this.#moves.get(id);
  }

  all(): readonly RunningMove[] {
    return [...this.#moves.values()];
  }

  running(): readonly RunningMove[] {
    return this.all().filter(({ course }) => course.state.outcome === undefined);
  }

  /** To those who listen and to the journal, if there is something new; at once when it is urgent, else at a bounded rate. */
  tell(move: RunningMove, isUrgent: boolean): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const progress = progressOf(move.course);
    if (isUrgent || (progress !== move.toldProgress && nowMs - move.toldMs >= tellEveryMs)) {
      move.toldMs = nowMs;
      move.toldProgress = progress;
      this.#deps.onChange(this.document(move));
    }
    if (!isUrgent && (progress === move.keptProgress || nowMs - move.keptMs < keepEveryMs)) return;
    move.keptMs = nowMs;
    move.keptProgress = progress;
    const kept = { document: this.document(move), sessions: move.course.state.sessions };
    this.journal((journal) => journal.keepDocument(kept));
  }

  document(move: Move): MoveDocument {
    return toMoveDocument(move, this.#deps.clock.monotonicMs());
  }

  /** A journal that fails costs no more than that a restart forgets the move. */
  journal(use: (journal: MoveJournal) => void): void {
    try {
      use(this.#deps.journal);
    } catch (error) {
      const text = 'The journal of moves fails; a move under way would not survive a restart';
      this.#deps.log.error({ error: errorMessage(error) }, text);
    }
  }

  #remember({ id, startedAt, request }: JournaledMove, kept: JournaledDocument | undefined): RunningMove {
    const { clock, returnMs } = this.#deps;
    const nowMs = clock.monotonicMs();
    const course = startCourse({ request, nowMs, earlier: earlierFigures(kept, nowMs + returnMs) }, this.#deps);
    const startedAtMs = nowMs - Math.max(0, clock.wallMs() - startedAt);
    const told = { toldMs: 0, toldProgress: '', keptMs: 0, keptProgress: '' };
    const own = { startedAtMs, hasPrepared: false, askAgainMs: nowMs, countAgainMs: nowMs, ...told };
    const offline = kept?.document.pending.offline ?? 0;
    const move = {
      id,
      request,
      startedAtWallMs: startedAt,
      course,
      pausedBy: undefined,
      heldBy: undefined,
      offline,
      note: undefined,
      ...own,
    };
    this.#moves.set(id, move);
    this.#place(id);
    return move;
  }

  #place(id: string): void {
    if (!this.#places.has(id)) this.#places.set(id, this.#nextPlace++);
  }

  #newId(revision: number, wallMs: number): string {
    const id = `m${revision}-${wallMs.toString(36)}`;
    return this.find(id) === undefined ? id : this.#newId(revision, wallMs + 1);
  }

  #forgetOldest(): void {
    for (const id of this.#earlier.keys()) {
      if (this.#earlier.size + this.#moves.size <= movesKept) return;
      this.#earlier.delete(id);
      this.#places.delete(id);
    }
    for (const [id, move] of this.#moves) {
      if (this.#moves.size <= movesKept) return;
      if (move.course.state.outcome === undefined) continue;
      this.#moves.delete(id);
      this.#places.delete(id);
    }
  }
}

function earlierFigures(kept: JournaledDocument | undefined, returnUntilMs: number): EarlierFigures | undefined {
  if (kept === undefined) return undefined;
  const { eligible, moved, aborted } = kept.document;
  return { eligible, moved, aborted, sessions: kept.sessions, returnUntilMs };
}
