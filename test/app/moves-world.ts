import type { MoveDocument } from '../../src/admin/admin-api.ts';
import { CutoverFreeze } from '../../src/app/cutover-freeze.ts';
import { type MoveJournal, openMoveJournal } from '../../src/app/move-journal.ts';
import type { MoveRequest } from '../../src/app/move-request.ts';
import { MoveRunner } from '../../src/app/move-runner.ts';
import { SwitchHold } from '../../src/app/switch-hold.ts';
import { StrayMover } from '../../src/app/stray-mover.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { eventually } from '../e2e/eventually.ts';

/** Resolves when the assertions hold. */
export async function comesTrue(check: () => void): Promise<void> {
  await eventually('the state of the moves', () => {
    check();
    return true;
  });
}

export const nothingToMove: HandoverReply = {
  sessions: 0,
  begun: 0,
  begunConnects: 0,
  requeued: 0,
  moved: 0,
  prepared: 0,
  underWay: 0,
  remaining: 0,
  destinations: {},
  filters: {},
  connects: {},
  aborted: [],
  staying: [],
  waiting: [],
  unknownSubscriptions: 0,
  asleep: 0,
  unregistered: 0,
  contacted: 0,
  turnedAway: 0,
  workMs: 0,
};

export const everyone = { name: 'everyone', source: 'legacy', target: 'aws', weightBps: 10_000 };

export const request: MoveRequest = {
  kind: 'cutover',
  cohorts: ['everyone'],
  revision: 2,
  author: 'ops',
  reason: '',
  live: 'handover',
  pacePerSecond: 1_000,
  placements: [everyone],
};

export interface MovesWorldOptions {
  readonly sessions: number;
  readonly path?: string;
  readonly returnMs?: number;
  readonly clock?: Clock;
  /** How long a move waits for the bridge. */
  readonly waitMs?: number;
}

/** One worker's sessions of one cohort, without a gateway: an attempt takes until the next question. */
export class MovesWorld {
  readonly log = createLogger({ level: 'silent', component: 'test' });
  readonly journal: MoveJournal;
  readonly freeze: CutoverFreeze;
  readonly runner: MoveRunner;
  readonly strays: StrayMover;
  readonly told: MoveDocument[] = [];
  readonly asked: HandoverQuestion[] = [];
  readonly takenBack: string[] = [];
  /** Freezes that ended by themselves. */
  readonly freezesEnded: number[] = [];
  /** Sessions that still have to go, and those that an earlier question began. */
  cold: number;
  underWay = 0;
  /** Second connections that stand by. */
  prepared = 0;
  /** Live sessions that are where they belong. */
  there = 0;
  /** Switches that are over by the time that a move is aborted, and news to nobody yet. */
  switchedUnseen = 0;
  /** Nothing more comes of it, as of a control process that was killed. */
  isDead = false;
  /** Rules of the bridge that are behind. */
  behind: readonly string[] = [];
  placement: typeof everyone | undefined = everyone;

  constructor({
    sessions,
    path = ':memory:',
    returnMs = 60_000,
    clock = systemClock,
    waitMs = 60_000,
  }: MovesWorldOptions) {
    this.cold = sessions;
    this.journal = openMoveJournal(path);
    const { journal, log } = this;
    this.freeze = new CutoverFreeze({
      clock,
      journal,
      log,
      onEnded: () => void this.freezesEnded.push(clock.wallMs()),
    });
    const workers = {
      closeSessions: async () => [{ sessions: 0, closed: 0, remaining: 0, closing: 0, staying: [] }],
      handOver: (question: HandoverQuestion) => (this.isDead ? new Promise<never>(() => {}) : this.#reply(question)),
      abortHandovers: async (move: string) => {
        this.takenBack.push(move);
        this.cold += this.underWay - this.switchedUnseen;
        this.underWay = this.switchedUnseen;
      },
    };
    this.strays = new StrayMover({
      ...{ workers, journal, log },
      placementOf: () => this.placement,
      prepared: () => this.runner.prepared(),
      noteUpkeep: (move, replies) => this.runner.noteUpkeep(move, replies),
      mustWait: (cohort) => this.runner.moveOf(cohort) !== undefined || this.freeze.current !== undefined,
    });
    this.runner = new MoveRunner({
      ...{ clock, workers, freeze: this.freeze, strays: this.strays, journal, log },
      switches: new SwitchHold({ clock, behind: () => this.behind, waitMs }),
      offlineOf: async ([placement]) => (placement?.weightBps === 10_000 ? 7 : 3),
      onChange: (move) => void this.told.push(move),
      refusedListed: 10,
      abortPercent: 2,
      returnMs,
    });
  }

  close(): void {
    this.freeze.close();
    this.strays.close();
    this.runner.close();
  }

  async #reply(question: HandoverQuestion): Promise<readonly HandoverReply[]> {
    return [this.#answer(question)];
  }

  #answer(question: HandoverQuestion): HandoverReply {
    this.asked.push(question);
    const { begin, isPaused = false } = question;
    const moved = isPaused ? this.switchedUnseen : this.underWay;
    const begun = isPaused ? 0 : Math.min(begin, this.cold);
    this.switchedUnseen = 0;
    this.underWay += begun - moved;
    this.cold -= begun;
    this.there += moved;
    const { underWay, cold, prepared } = this;
    const remaining = cold + underWay;
    return { ...nothingToMove, sessions: this.there + remaining, begun, moved, underWay, prepared, remaining };
  }
}
