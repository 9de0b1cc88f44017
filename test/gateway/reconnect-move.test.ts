import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { allowanceAt, applyProgress, endMove, startReconnectMove } from '../../src/gateway/reconnect-move.ts';

describe('reconnect move', () => {
  it('is done at once when nobody has to go', () => {
    const state = applyProgress(
      startReconnectMove(0, 10),
      [{ sessions: 0, closed: 0, remaining: 0, closing: 0, staying: [] }],
      {
        nowMs: 5,
        allowance: 1,
        refusedListed: 10,
      },
    );
    assert.equal(state.outcome, 'done');
    assert.equal(state.finishedAtMs, 5);
  });

  it('lists those that stay, and no more of them than it may', () => {
    const staying = Array.from({ length: 5 }, (_, index) => ({ clientId: `meter-${index}`, reason: 'persistent' }));
    const state = applyProgress(
      startReconnectMove(0, 10),
      [{ sessions: 0, closed: 0, remaining: 0, closing: 0, staying }],
      {
        nowMs: 0,
        allowance: 1,
        refusedListed: 3,
      },
    );
    assert.equal(state.refused.length, 3);
    assert.equal(state.refusedTotal, 5);
  });

  it('goes on with the figures of before a restart, and is not done before its devices are back', () => {
    const state = startReconnectMove(0, 10, { eligible: 9, moved: 4, aborted: 0, sessions: 8, returnUntilMs: 1_000 });
    const tick = (sessions: number, nowMs: number) =>
      applyProgress(state, [{ sessions, closed: 0, remaining: 0, closing: 0, staying: [] }], {
        ...{ nowMs, allowance: 1, refusedListed: 10 },
      });
    assert.deepEqual([tick(7, 999).outcome, tick(7, 1_000).outcome, tick(8, 1).outcome], [undefined, 'done', 'done']);
    assert.match(tick(7, 999).message ?? '', /waits for its devices/);
    assert.deepEqual([tick(8, 1).eligible, tick(8, 1).moved], [9, 4]);
    assert.match(tick(8, 1).message ?? '', /^5 of 9 sessions were not seen to move/);
  });

  it('keeps the first outcome', () => {
    const done = endMove(startReconnectMove(0, 1), 'superseded', { nowMs: 3, message: 'a newer revision' });
    assert.equal(endMove(done, 'failed', { nowMs: 4 }).outcome, 'superseded');
  });

  it('keeps the pace over any rhythm of ticks, closes everybody once, and ends (property)', () => {
    const rhythm = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(rhythm, fc.integer({ min: 1, max: 500 }), fc.nat(300), (gaps, pacePerSecond, sessions) => {
        let state = startReconnectMove(0, pacePerSecond);
        let left = sessions;
        let nowMs = 0;
        for (let tick = 0; state.outcome === undefined; tick += 1) {
          nowMs += gaps[tick % gaps.length] ?? 1;
          const allowance = allowanceAt(state, nowMs);
          const closed = Math.min(allowance, left);
          // Sessions that are closing still count as remaining for the tick that closes them.
          const remaining = left;
          left -= closed;
          const progress = [{ sessions: left, closed, remaining, closing: closed, staying: [] }];
          state = applyProgress(state, progress, { nowMs, allowance, refusedListed: 10 });
          assert.ok(state.moved <= (nowMs / 1000) * pacePerSecond + 1, 'never faster than the pace');
          assert.ok(tick < 1_000_000, 'it ends');
        }
        assert.equal(state.moved, sessions);
        assert.equal(state.eligible, sessions);
      }),
    );
  });
});
