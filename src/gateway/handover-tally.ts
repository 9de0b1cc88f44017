/** A session that did not change its broker, and why. */
export interface HandoverProblem {
  readonly clientId: string;
  readonly reason: string;
}

/** What happened to a move's sessions since it last asked. */
export interface MoveNews {
  readonly moved: number;
  /** Begun, and put back in the line: the gateway's own bounds had no room. */
  readonly requeued: number;
  readonly aborted: readonly HandoverProblem[];
}

/** Problems told per question, at most. */
const problemsListed = 1_000;
/** Moves that may have news nobody fetches any more. */
const movesKept = 64;

/** News of the moves between their questions. */
export class HandoverTally {
  readonly #byMove = new Map<string, { moved: number; requeued: number; aborted: HandoverProblem[] }>();

  noteMoved(move: string): void {
    this.#of(move).moved += 1;
  }

  noteRequeued(move: string): void {
    this.#of(move).requeued += 1;
  }

  noteAborted(move: string, problem: HandoverProblem): void {
    const { aborted } = this.#of(move);
    if (aborted.length < problemsListed) aborted.push(problem);
  }

  /** Each is told once. */
  take(move: string): MoveNews {
    const news = this.#byMove.get(move) ?? { moved: 0, requeued: 0, aborted: [] };
    this.#byMove.delete(move);
    return news;
  }

  #of(move: string): { moved: number; requeued: number; aborted: HandoverProblem[] } {
    const known = this.#byMove.get(move);
    if (known !== undefined) return known;
    const news = { moved: 0, requeued: 0, aborted: [] };
    this.#byMove.set(move, news);
    const [oldest] = this.#byMove.keys();
    if (oldest !== undefined && this.#byMove.size > movesKept) this.#byMove.delete(oldest);
    return news;
  }
}
