import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HandoverSetbacks, type Setback } from '../../src/gateway/handover-setbacks.ts';

const refused: Setback = { kind: 'refused', isLasting: false, message: 'CONNACK 0x03' };
const at = { move: 'm', nowMs: 1_000, random: 0.5, isDown: false };
const move = { move: 'm' };
const upkeep = { move: 'm', isUpkeep: true };

function restsAt(setbacks: HandoverSetbacks, nowMs: number, { of = 'm', isDown = false } = {}): boolean {
  return setbacks.rests(1, { move: of }, { nowMs, isDown: () => isDown });
}

/** Milliseconds behind `fromMs` that the session rests. */
function restOf(setbacks: HandoverSetbacks, fromMs: number): number {
  let restMs = 0;
  while (restsAt(setbacks, fromMs + restMs)) restMs += 100;
  return restMs;
}

describe('HandoverSetbacks', () => {
  it('leaves a session alone for four to eight seconds', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, at);
    assert.equal(restsAt(setbacks, 6_999), true);
    assert.equal(restsAt(setbacks, 7_000), false);
    assert.equal(setbacks.rests(2, move, { nowMs: 1_000, isDown: () => false }), false);
  });

  it('lets it stay when the same goes wrong twice, in one move', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, at);
    assert.equal(setbacks.stayReason(1, move), undefined);
    setbacks.note(1, { ...refused, kind: 'leg-lost' }, at);
    assert.equal(setbacks.stayReason(1, move), undefined);
    setbacks.note(1, { ...refused, kind: 'leg-lost' }, at);
    assert.equal(setbacks.stayReason(1, move), 'CONNACK 0x03');
    assert.equal(setbacks.stayReason(1, { move: 'another' }), undefined);
    setbacks.note(1, refused, { ...at, move: 'another' });
    assert.equal(setbacks.stayReason(1, { move: 'another' }), undefined);
    setbacks.forget(1);
    assert.equal(restsAt(setbacks, 1_000), false);
  });

  it('lets it stay at once when it would go wrong again', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, { ...refused, isLasting: true }, at);
    assert.equal(setbacks.stayReason(1, move), 'CONNACK 0x03');
  });

  it('takes what is long ago for no part of it', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, at);
    setbacks.note(1, refused, { ...at, nowMs: 700_000 });
    assert.equal(setbacks.stayReason(1, move), undefined);
    assert.equal(restOf(setbacks, 700_000), 6_000);
  });

  it('never gives a session up where the question has no end: it rests longer, minutes at most', () => {
    const setbacks = new HandoverSetbacks();
    const rests = [1, 2, 3, 4, 5, 6, 20].map((times) => {
      const nowMs = times * 150_000;
      setbacks.note(1, refused, { ...at, nowMs });
      assert.equal(setbacks.stayReason(1, upkeep), undefined);
      return restOf(setbacks, nowMs);
    });
    assert.deepEqual(rests, [6_000, 12_000, 24_000, 48_000, 90_000, 90_000, 6_000]);
    setbacks.note(1, { ...refused, isLasting: true }, at);
    assert.deepEqual([setbacks.stayReason(1, upkeep), restOf(setbacks, 1_000)], [undefined, 1_350_000]);
    assert.equal(restsAt(setbacks, 7_000, { of: 'another' }), false, 'a new move does not wait for so long');
  });

  it('ends the rest when the broker was down and is no more', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, { ...at, isDown: true });
    assert.deepEqual([restsAt(setbacks, 1_001, { isDown: true }), restsAt(setbacks, 1_001)], [true, false]);
    setbacks.note(1, refused, at);
    assert.equal(restsAt(setbacks, 1_001), true);
  });
});
