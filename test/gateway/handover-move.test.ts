import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  applyReplies,
  endHandover,
  type HandoverMoveState,
  type HandoverMoveTerms,
  handoverAllowance,
  pauseHandover,
  refusedBy,
  resumeHandover,
  settleHandover,
  startHandoverMove,
} from '../../src/gateway/handover-move.ts';
import type { HandoverReply } from '../../src/gateway/live-session.ts';

const terms: HandoverMoveTerms = { pacePerSecond: 100, isPrepare: false, abortPercent: 2, refusedListed: 10 };

const nothing: HandoverReply = {
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

function started(changes: Partial<HandoverMoveTerms> = {}): HandoverMoveState {
  return startHandoverMove(0, { ...terms, ...changes });
}

function tick(
  state: HandoverMoveState,
  nowMs: number,
  reply: Partial<HandoverReply>,
  allowance = handoverAllowance(state, nowMs),
): HandoverMoveState {
  return applyReplies(state, [{ ...nothing, ...reply }], { nowMs, allowance });
}

interface MakeUp {
  readonly cold: number;
  readonly warm: number;
  readonly ticksOfAttempt: number;
  readonly isPrepare: boolean;
}

/** Sessions that all move; an attempt takes so many ticks. */
class Fleet {
  readonly #made: MakeUp;
  #cold: number;
  #warm: number;
  #ticksLeft: number[];

  constructor(made: MakeUp) {
    this.#made = made;
    this.#cold = made.cold;
    this.#warm = made.isPrepare ? made.warm : 0;
    this.#ticksLeft = made.isPrepare ? [] : Array.from({ length: made.warm }, () => made.ticksOfAttempt);
  }

  answer(allowance: number): Partial<HandoverReply> {
    const { isPrepare, ticksOfAttempt } = this.#made;
    const begun = Math.min(allowance, this.#cold);
    this.#cold -= begun;
    this.#ticksLeft.push(...Array.from({ length: begun }, () => ticksOfAttempt));
    const settled = this.#ticksLeft.filter((left) => left === 0).length;
    this.#ticksLeft = this.#ticksLeft.filter((left) => left > 0).map((left) => left - 1);
    if (isPrepare) this.#warm += settled;
    const underWay = this.#ticksLeft.length;
    const remaining = this.#cold + underWay + this.#warm;
    return { begun, moved: isPrepare ? 0 : settled, prepared: this.#warm, underWay, remaining };
  }
}

describe('handover move', () => {
  it('is done at once when nobody has to go, and counts sessions that moved without an allowance', () => {
    assert.equal(tick(started(), 5, {}).outcome, 'done');
    const warm = tick(started(), 5, { remaining: 1_000, underWay: 1_000 });
    const done = tick(warm, 1_500, { moved: 1_000 });
    assert.deepEqual([done.outcome, done.moved, done.eligible, done.finishedAtMs], ['done', 1_000, 1_000, 1_500]);
  });

  it('begins with one session, then ten, then as many as the pace allows', () => {
    let state = started();
    assert.equal(handoverAllowance(state, 0), 1);
    state = tick(state, 0, { begun: 1, underWay: 1, remaining: 500 });
    assert.equal(handoverAllowance(state, 5_000), 0, 'the first one is not decided yet');
    state = tick(state, 5_000, { moved: 1, remaining: 499 });
    assert.equal(handoverAllowance(state, 6_000), 10);
    state = tick(state, 6_000, { begun: 10, underWay: 10, remaining: 499 });
    assert.equal(handoverAllowance(state, 7_000), 0);
    state = tick(state, 7_000, { moved: 9, aborted: [{ clientId: 'meter-1', reason: 'denied' }], remaining: 490 });
    assert.equal(handoverAllowance(state, 8_000), 1, 'one more for the one that was given up');
    state = tick(state, 8_000, { begun: 1, moved: 1, remaining: 489 });
    assert.equal(handoverAllowance(state, 9_000), 50, 'half a second of pace at most');
  });

  it('says nothing is done while a worker is silent or none is there', () => {
    for (const replies of [[nothing, undefined], []]) {
      const state = applyReplies(started(), replies, { nowMs: 1, allowance: 1 });
      assert.equal(state.outcome, undefined);
    }
  });

  it('takes the share of a silent worker for used', () => {
    const state = applyReplies(started(), [undefined], { nowMs: 0, allowance: 1 });
    assert.equal(handoverAllowance(state, 1), 0);
  });

  it('stops itself when more than its share of attempts, and at least five, were given up, with the commonest reasons', () => {
    const aborted = (count: number, reason: string) =>
      Array.from({ length: count }, (_, index) => ({ clientId: `${reason}-${index}`, reason }));
    const four = tick(started(), 0, { remaining: 50, underWay: 6, aborted: aborted(4, 'no CONNACK') });
    assert.equal(four.outcome, undefined);
    const seven = tick(four, 1_000, { remaining: 50, aborted: [...aborted(2, 'denied'), ...aborted(1, 'no CONNACK')] });
    assert.equal(seven.outcome, 'failed');
    assert.equal(seven.message, '7 of 7 attempts were given up, more than 2%: 5 × no CONNACK, 2 × denied');
    const few = tick(started(), 0, { moved: 1_000, remaining: 50, aborted: aborted(20, 'denied') });
    assert.equal(few.outcome, undefined, 'two per cent');
  });

  it('lists a session that is given up again and again, rather than to wait for it for ever', () => {
    let state = tick(started({ abortPercent: 100 }), 0, { moved: 500, remaining: 1 });
    for (let times = 1; times <= 3; times += 1) {
      assert.equal(state.outcome, undefined);
      state = tick(state, times * 10_000, { remaining: 1, aborted: [{ clientId: 'meter-7', reason: 'denied a/#' }] });
    }
    assert.equal(state.outcome, 'done');
    assert.deepEqual(refusedBy(state), {
      listed: [{ clientId: 'meter-7', reason: 'given up 3 times: denied a/#' }],
      total: 1,
    });
  });

  it('lists those that stay, no more of them than it may, and counts pending ones', () => {
    const staying = Array.from({ length: 5 }, (_, index) => ({ clientId: `meter-${index}`, reason: 'topic-depth' }));
    const state = tick(started({ refusedListed: 3 }), 0, { staying, unknownSubscriptions: 2, asleep: 3 });
    assert.equal(state.outcome, 'done');
    assert.deepEqual([refusedBy(state).listed.length, refusedBy(state).total], [3, 5]);
    assert.deepEqual([state.unknownSubscriptions, state.asleep], [2, 3]);
  });

  it('goes on with the figures of before a restart, and is not done before its devices are back', () => {
    const earlier = { eligible: 43, moved: 12, aborted: 1, sessions: 50, returnUntilMs: 60_000 };
    let state = startHandoverMove(0, terms, earlier);
    assert.deepEqual([state.moved, state.eligible, state.aborted, state.isBeyondCanary], [12, 43, 1, true]);
    state = tick(state, 100, { sessions: 0 });
    assert.deepEqual([state.outcome, state.moved, state.eligible], [undefined, 12, 43]);
    assert.match(state.message ?? '', /waits for its devices/);
    const back = tick(state, 200, { sessions: 50, moved: 3 });
    assert.deepEqual([back.outcome, back.moved], ['done', 15]);
    assert.match(back.message ?? '', /^28 of 43 sessions were not seen to move/);
    const late = tick(state, 60_000, { sessions: 49 });
    assert.deepEqual([late.outcome, late.moved, late.eligible], ['done', 12, 43]);
    const going = tick(state, 200, { sessions: 50, remaining: 5 });
    assert.deepEqual([going.outcome, going.message], [undefined, undefined]);
  });

  it('says that it waits also when it was paused meanwhile', () => {
    const state = startHandoverMove(0, terms, { eligible: 1, moved: 0, aborted: 0, sessions: 1, returnUntilMs: 9 });
    const paused = tick(pauseHandover(state, 'by ops'), 10, { sessions: 1, remaining: 1 });
    assert.equal(paused.message, 'by ops');
    assert.match(resumeHandover(pauseHandover(state, 'by ops'), 1).message ?? '', /waits for its devices/);
  });

  it('says how many were lost from sight, and nothing where all moved or are listed', () => {
    const started30 = tick(started(), 0, { remaining: 30, sessions: 30 });
    assert.match(tick(started30, 10, { moved: 28, sessions: 28 }).message ?? '', /^2 of 30 sessions were not seen/);
    assert.equal(tick(started30, 10, { moved: 30, sessions: 30 }).message, undefined);
    assert.equal(tick(started({ isPrepare: true }), 10, { remaining: 0 }).message, undefined);
  });

  it('counts the switches that were under way when it was ended, and leaves the rest to a newer move', () => {
    const state = tick(started(), 0, { begun: 3, underWay: 3, prepared: 2, remaining: 5 });
    const ended = endHandover(state, 'aborted', { nowMs: 5, message: 'by ops' });
    const settled = settleHandover(ended, [{ ...nothing, moved: 1, underWay: 1 }, undefined], { isLast: false });
    assert.deepEqual([settled.moved, settled.underWay, settled.prepared, settled.outcome], [1, 1, 0, 'aborted']);
    const superseded = settleHandover(ended, [{ ...nothing, moved: 1, underWay: 9, prepared: 9 }], { isLast: true });
    assert.deepEqual([superseded.moved, superseded.underWay, superseded.prepared], [1, 0, 0]);
  });

  it('ends a preparation when every wanted session has its second leg', () => {
    let state = tick(started({ isPrepare: true }), 0, { begun: 1, underWay: 1, remaining: 2 });
    state = tick(state, 1_000, { prepared: 1, begun: 1, underWay: 1, remaining: 2 });
    assert.equal(state.outcome, undefined);
    state = tick(state, 2_000, { prepared: 2, remaining: 2 });
    assert.deepEqual([state.outcome, state.prepared, state.moved], ['done', 2, 0]);
  });

  it('allows nothing while paused, and saves nothing up for later', () => {
    const paused = pauseHandover(started(), 'by ops');
    assert.equal(handoverAllowance(paused, 60_000), 0);
    assert.equal(tick(paused, 60_000, { remaining: 1 }).message, 'by ops');
    const resumed = resumeHandover({ ...paused, isBeyondCanary: true }, 60_000);
    assert.deepEqual([handoverAllowance(resumed, 60_000), resumed.message], [1, undefined]);
  });

  it('keeps the first outcome', () => {
    const done = endHandover(started(), 'superseded', { nowMs: 3, message: 'a newer revision' });
    assert.equal(endHandover(done, 'failed', { nowMs: 4 }).outcome, 'superseded');
    assert.equal(tick(done, 5, { moved: 1 }), done);
    assert.equal(pauseHandover(done, 'late'), done);
  });

  it('keeps pace, canary and concurrency over any rhythm, moves everybody once, and ends (property)', () => {
    const rhythm = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 });
    const pace = fc.integer({ min: 1, max: 300 });
    const makeUp = fc.record({
      cold: fc.nat(200),
      warm: fc.nat(100),
      ticksOfAttempt: fc.integer({ min: 0, max: 5 }),
      isPrepare: fc.boolean(),
    });
    fc.assert(
      fc.property(rhythm, pace, makeUp, (gaps, pacePerSecond, made) => {
        const fleet = new Fleet(made);
        let state = started({ pacePerSecond, isPrepare: made.isPrepare });
        let nowMs = 0;
        for (let at = 0; state.outcome === undefined; at += 1) {
          nowMs += gaps[at % gaps.length] ?? 1;
          const allowance = handoverAllowance(state, nowMs);
          if (!state.isBeyondCanary)
            assert.ok(state.begun + allowance <= (state.begun === 0 ? 1 : 11), 'one, then ten');
          state = tick(state, nowMs, fleet.answer(allowance), allowance);
          // The sum of what the ticks earned is rounded at each of them.
          assert.ok(state.begun <= 1.000_001 + (nowMs / 1_000) * pacePerSecond, 'never faster than the pace');
          assert.ok(state.underWay <= Math.max(made.warm + 1, 20, pacePerSecond * 10));
          assert.ok(at < 1_000_000, 'it ends');
        }
        const all = made.cold + made.warm;
        const reached = made.isPrepare ? state.prepared : state.moved;
        assert.deepEqual([state.outcome, state.begun, state.eligible, reached], ['done', made.cold, all, all]);
      }),
    );
  });

  it('ends as done or failed whatever a broker does, and never loses count (property)', () => {
    const fate = fc.constantFrom('moved', 'aborted');
    fc.assert(
      fc.property(
        fc.array(fate, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (fates, sessions) => {
          let state = started();
          let [left, aborts, attempt, nowMs] = [sessions, 0, 0, 0];
          for (let at = 0; state.outcome === undefined; at += 1) {
            nowMs += 500;
            const begun = Math.min(handoverAllowance(state, nowMs), left);
            const aborted: { clientId: string; reason: string }[] = [];
            for (let one = 0; one < begun; one += 1, attempt += 1) {
              if (fates[attempt % fates.length] === 'moved') left -= 1;
              else aborted.push({ clientId: `meter-${left}`, reason: 'refused' });
            }
            aborts += aborted.length;
            state = tick(state, nowMs, { begun, moved: begun - aborted.length, aborted, remaining: left });
            assert.deepEqual([state.moved, state.aborted], [sessions - left, aborts]);
            assert.ok(at < 10_000, 'it ends');
          }
          assert.ok(state.outcome === 'done' || state.outcome === 'failed');
          if (state.outcome === 'done') assert.ok(left <= refusedBy(state).total);
          else assert.ok(aborts >= 5);
        },
      ),
    );
  });
});
