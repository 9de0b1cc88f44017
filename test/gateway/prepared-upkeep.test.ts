import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endHandover, startHandoverMove } from '../../src/gateway/handover-move.ts';
import { showUpkeep } from '../../src/gateway/prepared-upkeep.ts';
import { nothingToMove } from '../app/moves-world.ts';

const terms = { pacePerSecond: 100, isPrepare: true, abortPercent: 2, refusedListed: 10 };
const running = startHandoverMove(0, terms);
const done = { ...endHandover(running, 'done', { nowMs: 5 }), prepared: 60, eligible: 60 };

test('a preparation shows what stands by, and the last trouble until all do', () => {
  const lost = { ...nothingToMove, remaining: 60, aborted: [{ clientId: 'a', reason: 'ECONNREFUSED' }] };
  const away = showUpkeep(done, [lost]);
  assert.deepEqual(
    [away.outcome, away.prepared, away.message],
    ['done', 0, '0 of 60 stand by, last trouble: ECONNREFUSED'],
  );
  const half = showUpkeep(away, [{ ...nothingToMove, remaining: 60, prepared: 30 }]);
  assert.equal(half.message, '30 of 60 stand by, last trouble: ECONNREFUSED');
  const whole = showUpkeep(half, [{ ...nothingToMove, remaining: 60, prepared: 60 }]);
  assert.deepEqual([whole.prepared, whole.message, whole.lapse], [60, undefined, undefined]);
});

test('a worker that is silent changes nothing of the picture, nor does a move that is not done', () => {
  assert.equal(showUpkeep(done, [{ ...nothingToMove, remaining: 30 }, undefined]), done);
  assert.equal(showUpkeep(done, []), done);
  assert.equal(showUpkeep(running, [nothingToMove]), running);
});
