import { errorMessage } from '../base/errors.ts';
import type { HandoverReply } from '../gateway/live-session.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { FollowedCohort, MoveJournal } from './move-journal.ts';
import { type CohortPlacement, type MoveRequest, orderOf } from './move-request.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface StrayMoverDeps {
  readonly workers: Pick<WorkerMoves, 'handOver'>;
  readonly journal: Pick<MoveJournal, 'followed' | 'follow' | 'unfollow'>;
  /** The cohort as the plan in force has it. */
  readonly placementOf: (cohort: string) => CohortPlacement | undefined;
  /** Preparations that are done: new sessions get their second connection too. */
  readonly prepared: () => readonly { readonly id: string; readonly request: MoveRequest }[];
  /** How their second connections stand. */
  readonly noteUpkeep: (move: string, replies: readonly (HandoverReply | undefined)[]) => void;
  /** A move of the cohort is under way, or cutovers are frozen and the request is one. */
  readonly mustWait: (cohort: string, request: MoveRequest) => boolean;
  readonly log: Logger;
}

const everyMs = 1_000;

/**
 * Moves the sessions that come late to where they do not belong any more: persistent ones that went home first, and those
 * whose devices were away. Cohorts are followed while the last change of their plan was a handover that was done. While a
 * weight is prepared, one question does both: without the second connections in it, it would close them.
 */
export class StrayMover {
  readonly #deps: StrayMoverDeps;
  readonly #followed = new Map<string, FollowedCohort>();
  /** Sessions that may begin by the pace, by cohorts; names hold no `/`. */
  readonly #credits = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: StrayMoverDeps) {
    this.#deps = deps;
  }

  /** Goes on with what an earlier control process followed. */
  start(): void {
    this.#keep(({ followed }) => {
      for (const entry of followed()) this.#followed.set(entry.cohort, entry);
    });
    this.#arm();
  }

  follow(move: string, request: MoveRequest): void {
    for (const cohort of request.cohorts) {
      const entry = { cohort, move, request };
      this.#followed.set(cohort, entry);
      this.#keep((journal) => journal.follow(entry));
    }
    this.#arm();
  }

  /** There is a preparation to keep up. */
  wake(): void {
    this.#arm();
  }

  isFollowing(cohort: string): boolean {
    return this.#followed.has(cohort);
  }

  unfollow(cohorts: readonly string[]): void {
    for (const cohort of cohorts) {
      this.#credits.delete(cohort);
      if (this.#followed.delete(cohort)) this.#keep((journal) => journal.unfollow(cohort));
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#isClosed || this.#timer !== undefined) return;
    if (this.#followed.size === 0 && this.#deps.prepared().length === 0) return;
    this.#timer = setTimeout(() => void this.#ask(), everyMs);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    const prepared = this.#deps.prepared();
    for (const { id, request } of prepared) this.#deps.noteUpkeep(id, await this.#question(id, request));
    const isPrepared = (cohort: string) => prepared.some(({ request }) => request.cohorts.includes(cohort));
    for (const { cohort, move, request } of [...this.#followed.values()]) {
      if (!this.#isStillMeant(cohort, request)) this.unfollow([cohort]);
      // Under an ID of its own: what went wrong in the move itself gets another chance.
      else if (!isPrepared(cohort)) await this.#question(`${move}-late`, { ...request, cohorts: [cohort] });
    }
    this.#timer = undefined;
    this.#arm();
  }

  /** No replies: nobody was asked. */
  async #question(move: string, request: MoveRequest): Promise<readonly (HandoverReply | undefined)[]> {
    const { cohorts, prepare } = request;
    if (this.#isClosed || cohorts.some((cohort) => this.#deps.mustWait(cohort, request))) return [];
    const key = cohorts.join('/');
    const begin = this.#allowance(key, request);
    const question = { move, cohorts, begin, order: orderOf(request), isUpkeep: true };
    const movesLate = cohorts.every((cohort) => this.#isFollowed(cohort));
    const preparing = prepare !== undefined && { prepare, movesLate };
    const replies = await this.#deps.workers.handOver({ ...question, ...preparing });
    const begun = replies.reduce((total, reply) => total + (reply?.begun ?? 0), 0);
    const isFull = replies.some((reply) => (reply?.requeued ?? 0) > 0);
    // Where the connect rate had no room, the others have it for a second.
    this.#credits.set(key, isFull ? -request.pacePerSecond : (this.#credits.get(key) ?? 0) - begun);
    return replies;
  }

  /** A second of the move's pace; where that is less than one session, what the seconds before left is added. */
  #allowance(key: string, { pacePerSecond }: MoveRequest): number {
    const earned = (pacePerSecond * everyMs) / 1_000;
    const credit = Math.min((this.#credits.get(key) ?? 0) + earned, Math.max(1, earned));
    this.#credits.set(key, credit);
    return Math.max(0, Math.floor(credit));
  }

  #isFollowed(cohort: string): boolean {
    const followed = this.#followed.get(cohort);
    return followed !== undefined && this.#isStillMeant(cohort, followed.request);
  }

  /** A plan that was replaced since says nothing of live sessions. */
  #isStillMeant(cohort: string, { placements }: MoveRequest): boolean {
    const then = placements.find(({ name }) => name === cohort);
    const now = this.#deps.placementOf(cohort);
    if (then === undefined || now === undefined) return false;
    return then.source === now.source && then.target === now.target && then.weightBps === now.weightBps;
  }

  #keep(use: (journal: StrayMoverDeps['journal']) => void): void {
    try {
      use(this.#deps.journal);
    } catch (error) {
      const text = 'The journal of moves fails; sessions that come late would not be moved after a restart';
      this.#deps.log.error({ error: errorMessage(error) }, text);
    }
  }
}
