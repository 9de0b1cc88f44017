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
  /** First contacts begun, and CONNECTs that a broker closed because it does not know the device. */
  readonly contacted: number;
  readonly turnedAway: number;
  readonly aborted: readonly HandoverProblem[];
}

interface NewsTaken {
  moved: number;
  requeued: number;
  contacted: number;
  turnedAway: number;
  aborted: HandoverProblem[];
}

function nothingNew(): NewsTaken {
  return { moved: 0, requeued: 0, contacted: 0, turnedAway: 0, aborted: [] };
}

/** Problems told per question, at most. */
const problemsListed = 1_000;
/** Moves that may have news nobody fetches any more. */
const movesKept = 64;

/** News of the moves between their questions. */
export class HandoverTally {
  readonly #byMove = new Map<string, NewsTaken>();

  noteMoved(move: string): void {
    this.#of(move).moved += 1;
  }

  noteRequeued(move: string): void {
    this.#of(move).requeued += 1;
  }

  noteContacted(move: string): void {
    this.#of(move).contacted += 1;
  }

  noteTurnedAway(move: string): void {
    this.#of(move).turnedAway += 1;
  }

  noteAborted(move: string, problem: HandoverProblem): void {
    const { aborted } = this.#of(move);
    if (aborted.length < problemsListed) aborted.push(problem);
  }

  /** Each is told once. */
  take(move: string): MoveNews {
    const news = this.#byMove.get(move) ?? nothingNew();
    this.#byMove.delete(move);
    return news;
  }

  #of(move: string): NewsTaken {
    const known = this.#byMove.get(move);
    if (known !== undefined) return known;
    const news = nothingNew();
    this.#byMove.set(move, news);
    const [oldest] = this.#byMove.keys();
    if (oldest !== undefined && this.#byMove.size > movesKept) this.#byMove.delete(oldest);
    return news;
  }
}
