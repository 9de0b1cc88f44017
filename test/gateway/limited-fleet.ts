import type { HandoverReply } from '../../src/gateway/live-session.ts';
import {
  applyReplies,
  type HandoverMoveState,
  type HandoverMoveTerms,
  handoverAllowance,
  startHandoverMove,
} from '../../src/gateway/handover-move.ts';
import { ConnectGate } from '../../src/session/connect-gate.ts';

export interface LimitedFleetOptions {
  readonly sessions: number;
  /** CONNECTs that one session costs, one after the other. */
  readonly connectsEach: number;
  /** What the broker takes per second, and what others ask of it meanwhile. */
  readonly ratePerSecond: number;
  readonly othersPerSecond?: number;
}

interface Attempt {
  left: number;
}

/** Milliseconds: between two questions, for one CONNECT, in line at most, and behind a place in the line that was not had. */
const times = { tick: 50, connect: 20, inLine: 6_000, rest: 6_000 } as const;

/** Sessions of one move whose only trouble is the connect rate of the gateway itself, in virtual time. */
export class LimitedFleet {
  readonly #gate: ConnectGate<Attempt>;
  readonly #options: LimitedFleetOptions;
  readonly #resting: number[] = [];
  readonly #dialled: { readonly attempt: Attempt; readonly atMs: number }[] = [];
  #cold: number;
  #underWay = 0;
  #moved = 0;
  #requeued = 0;
  requeuedTotal = 0;
  #others = 0;

  constructor(options: LimitedFleetOptions) {
    this.#options = options;
    this.#cold = options.sessions;
    this.#gate = new ConnectGate({ ratePerSecond: options.ratePerSecond, queueLimit: 20_000 });
  }

  /** The move as it has ended. */
  run(terms: HandoverMoveTerms): HandoverMoveState {
    let state = startHandoverMove(0, terms);
    for (let nowMs = 0; state.outcome === undefined && nowMs < 3_600_000; nowMs += times.tick) {
      this.#pass(nowMs);
      const allowance = handoverAllowance(state, nowMs);
      state = applyReplies(state, [this.#answer(allowance, nowMs)], { nowMs, allowance });
    }
    return state;
  }

  #pass(nowMs: number): void {
    this.#others += ((this.#options.othersPerSecond ?? 0) * times.tick) / 1_000;
    for (; this.#others >= 1; this.#others -= 1) this.#ask({ left: 0 }, nowMs);
    for (const { waiter, granted } of this.#gate.tick(nowMs)) this.#hear(waiter, granted, nowMs);
    while (this.#dialled[0] !== undefined && this.#dialled[0].atMs <= nowMs) {
      const attempt = this.#dialled.shift()?.attempt;
      if (attempt !== undefined) this.#goOn(attempt, nowMs);
    }
    while (this.#resting[0] !== undefined && this.#resting[0] <= nowMs) {
      this.#resting.shift();
      this.#cold += 1;
    }
  }

  #goOn(attempt: Attempt, nowMs: number): void {
    attempt.left -= 1;
    if (attempt.left > 0) this.#ask(attempt, nowMs);
    else {
      this.#underWay -= 1;
      this.#moved += 1;
    }
  }

  #ask(attempt: Attempt, nowMs: number): void {
    const outcome = this.#gate.ask(attempt, nowMs + times.inLine, nowMs);
    if (outcome !== undefined) this.#hear(attempt, outcome.granted, nowMs);
  }

  #hear(attempt: Attempt, granted: boolean, nowMs: number): void {
    if (attempt.left === 0) return;
    if (granted) this.#dialled.push({ attempt, atMs: nowMs + times.connect });
    else {
      this.#underWay -= 1;
      this.#requeued += 1;
      this.requeuedTotal += 1;
      this.#resting.push(nowMs + times.rest);
    }
  }

  #answer(allowance: number, nowMs: number): HandoverReply {
    const begun = Math.min(allowance, this.#cold);
    const { sessions, connectsEach } = this.#options;
    this.#cold -= begun;
    this.#underWay += begun;
    for (let one = 0; one < begun; one += 1) this.#ask({ left: connectsEach }, nowMs);
    const [moved, requeued] = [this.#moved, this.#requeued];
    [this.#moved, this.#requeued] = [0, 0];
    const remaining = this.#cold + this.#resting.length + this.#underWay;
    return {
      ...{ sessions, begun, begunConnects: begun * connectsEach, requeued, moved, prepared: 0 },
      ...{ underWay: this.#underWay, remaining, destinations: {}, filters: {}, connects: {}, aborted: [], staying: [] },
      ...{ waiting: [], unknownSubscriptions: 0, asleep: 0, unregistered: 0, contacted: 0, turnedAway: 0, workMs: 0 },
    };
  }
}
