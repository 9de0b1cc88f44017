import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  applyReplies,
  handoverAllowance,
  pauseHandover,
  resumeHandover,
  startHandoverMove,
} from '../../src/gateway/handover-move.ts';
import { nothingToMove } from '../app/moves-world.ts';
import { LimitedFleet } from './limited-fleet.ts';

const terms = { isPrepare: false, abortPercent: 2, refusedListed: 10 };

test('a move whose only trouble is the connect rate of the gateway itself is done, whatever the pace (property)', () => {
  const options = fc.record({
    sessions: fc.integer({ min: 1, max: 400 }),
    connectsEach: fc.constantFrom(1, 2),
    ratePerSecond: fc.integer({ min: 5, max: 60 }),
    othersPerSecond: fc.integer({ min: 0, max: 4 }),
  });
  fc.assert(
    fc.property(options, fc.integer({ min: 1, max: 500 }), (made, pacePerSecond) => {
      const fleet = new LimitedFleet(made);
      const { outcome, aborted, moved, eligible } = fleet.run({ ...terms, pacePerSecond });
      assert.deepEqual([outcome, aborted, moved, eligible], ['done', 0, made.sessions, made.sessions]);
    }),
    { numRuns: 60 },
  );
});

test('a session that costs two connects takes the pace of two, where the rate is what bounds', () => {
  const made = { sessions: 300, connectsEach: 2, ratePerSecond: 30, othersPerSecond: 14 };
  const fleet = new LimitedFleet(made);
  const { outcome, finishedAtMs = 0 } = fleet.run({ ...terms, pacePerSecond: 15, connectsPerSecond: 15 });
  assert.deepEqual([outcome, fleet.requeuedTotal], ['done', 0]);
  assert.ok(finishedAtMs > 39_000 && finishedAtMs < 46_000, `${finishedAtMs} ms`);
  const heedless = new LimitedFleet(made);
  heedless.run({ ...terms, pacePerSecond: 15 });
  assert.ok(heedless.requeuedTotal > 0);
});

test('what was put back counts as not begun, is no attempt that went well, and leaves a second to others', () => {
  const begun = startHandoverMove(0, { ...terms, pacePerSecond: 10 });
  const first = { ...nothingToMove, begun: 1, begunConnects: 1, underWay: 1, remaining: 20 };
  const one = applyReplies(begun, [first], { nowMs: 0, allowance: 1 });
  const back = applyReplies(one, [{ ...nothingToMove, requeued: 1, remaining: 20 }], { nowMs: 5_000, allowance: 0 });
  assert.deepEqual([back.begun, back.aborted, back.outcome, back.isBeyondCanary], [0, 0, undefined, false]);
  assert.deepEqual([handoverAllowance(back, 6_000), handoverAllowance(back, 6_100)], [0, 1]);
});

test('a move that is slower than its operator asked says why while it runs', () => {
  const noted = startHandoverMove(0, { ...terms, pacePerSecond: 10, paceNote: 'paced at 10/s' });
  assert.equal(noted.message, 'paced at 10/s');
  assert.equal(resumeHandover(pauseHandover(noted, 'by ops'), 5).message, 'paced at 10/s');
});
