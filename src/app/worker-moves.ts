import type { HandoverQuestion, HandoverReply } from '../gateway/live-session.ts';
import type { CohortTerms } from '../plan/cohort-terms.ts';
import type { PersistentCounts, ReconnectReply } from './process-messages.ts';
import type { WorkerHub } from './worker-hub.ts';

/** What a move by reconnect asks of all workers together. */
export interface CloseQuestion {
  readonly cohorts: readonly string[];
  readonly limit: number;
  readonly order: 'first-first' | 'last-first';
}

const answerMs = 2_000;

/** The workers as the mover asks them: allowances are of all of them together. */
export class WorkerMoves {
  readonly #hub: Pick<WorkerHub, 'workers' | 'ask'>;
  /** Whose turn it is to begin with an allowance, which is most often for one session. */
  #turn = 0;

  constructor(hub: Pick<WorkerHub, 'workers' | 'ask'>) {
    this.#hub = hub;
  }

  /** Closes at most `limit` sessions. A worker that is silent may still hold sessions: the move goes on. */
  async closeSessions({ limit, ...question }: CloseQuestion): Promise<readonly ReconnectReply[]> {
    const unknown: ReconnectReply = { sessions: 0, closed: 0, remaining: 1, closing: 0, staying: [] };
    const replies = await this.#inTurn(limit, async (worker, share) => {
      const asked = { kind: 'reconnect', ...question, limit: share } as const;
      const reply = ((await this.#hub.ask(worker, asked, answerMs)) as ReconnectReply | undefined) ?? unknown;
      return { reply, used: reply.closed };
    });
    // Without a worker nothing is known, so nothing is done.
    return replies.length === 0 ? [unknown] : replies;
  }

  /**
   * One reply a worker, undefined where it is silent; empty without workers. All are asked at once, so that a cut takes
   * effect everywhere at once; what one did not need of its share the others are offered.
   */
  async handOver({ begin, ...question }: HandoverQuestion): Promise<readonly (HandoverReply | undefined)[]> {
    this.#turn += 1;
    const workers = rotate(this.#hub.workers(), this.#turn);
    const ask = async (worker: number, share: number) =>
      (await this.#hub.ask(worker, { kind: 'handover', ...question, begin: share }, answerMs)) as
        | HandoverReply
        | undefined;
    const shares = split(begin, workers.length);
    const replies = await Promise.all(workers.map(({ worker }, index) => ask(worker, shares[index] ?? 0)));
    // What a silent worker began is not known: nobody else gets it.
    let left = begin - sum(replies.map((reply, index) => reply?.begun ?? shares[index] ?? 0));
    for (const [index, { worker }] of workers.entries()) {
      const reply = replies[index];
      if (left === 0) break;
      if (reply === undefined || reply.begun < (shares[index] ?? 0) || !mayBeginMore(reply)) continue;
      const further = await ask(worker, left);
      left -= further?.begun ?? left;
      replies[index] = further === undefined ? undefined : together(reply, further);
    }
    return replies;
  }

  /** Takes back what has not switched, in every worker that answers. */
  async abortHandovers(move: string): Promise<void> {
    const workers = this.#hub.workers();
    await Promise.all(workers.map(({ worker }) => this.#hub.ask(worker, { kind: 'abort-handovers', move }, answerMs)));
  }

  /** By cohort: live persistent sessions that are elsewhere than these terms want them; undefined when a worker is silent. */
  async misplacedPersistent(placements: readonly CohortTerms[]): Promise<PersistentCounts | undefined> {
    const workers = this.#hub.workers();
    const counts = await Promise.all(
      workers.map(({ worker }) => this.#hub.ask(worker, { kind: 'misplaced-persistent', placements }, answerMs)),
    );
    const totals: Record<string, number> = {};
    for (const count of counts) {
      if (count === undefined) return undefined;
      for (const [cohort, sessions] of Object.entries(count as PersistentCounts))
        totals[cohort] = (totals[cohort] ?? 0) + sessions;
    }
    return totals;
  }

  /** Asks the workers one after the other, another one first each time, until the allowance is used up. */
  async #inTurn<Reply>(
    allowance: number,
    ask: (worker: number, share: number) => Promise<{ readonly reply: Reply; readonly used: number }>,
  ): Promise<readonly Reply[]> {
    this.#turn += 1;
    const workers = rotate(this.#hub.workers(), this.#turn);
    const replies: Reply[] = [];
    let left = allowance;
    for (const [index, { worker }] of workers.entries()) {
      const { reply, used } = await ask(worker, Math.ceil(left / (workers.length - index)));
      left -= used;
      replies.push(reply);
    }
    return replies;
  }
}

/** As even as it goes; the first ones have one more. */
function split(whole: number, parts: number): readonly number[] {
  return Array.from({ length: parts }, (_, index) => Math.floor((whole + parts - 1 - index) / parts));
}

function mayBeginMore({ remaining, prepared, underWay }: HandoverReply): boolean {
  return remaining > prepared + underWay;
}

/** Two answers of one worker to a question that was asked twice: the later picture, what happened in both. */
function together(first: HandoverReply, second: HandoverReply): HandoverReply {
  const begun = first.begun + second.begun;
  const begunConnects = first.begunConnects + second.begunConnects;
  const requeued = first.requeued + second.requeued;
  const moved = first.moved + second.moved;
  const contacted = first.contacted + second.contacted;
  const turnedAway = first.turnedAway + second.turnedAway;
  const workMs = first.workMs + second.workMs;
  const aborted = [...first.aborted, ...second.aborted];
  return { ...second, begun, begunConnects, requeued, contacted, turnedAway, moved, workMs, aborted };
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}

function rotate<Item>(items: readonly Item[], by: number): readonly Item[] {
  const from = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}
