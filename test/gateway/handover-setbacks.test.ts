import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HandoverSetbacks, type Setback } from '../../src/gateway/handover-setbacks.ts';

const refused: Setback = { kind: 'refused', isLasting: false, message: 'CONNACK 0x03' };
const at = { move: 'm', nowMs: 1_000, random: 0.5 };

describe('HandoverSetbacks', () => {
  it('leaves a session alone for four to eight seconds', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, at);
    assert.equal(setbacks.rests(1, 6_999), true);
    assert.equal(setbacks.rests(1, 7_000), false);
    assert.equal(setbacks.rests(2, 1_000), false);
  });

  it('lets it stay when the same goes wrong twice, in one move', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, refused, at);
    assert.equal(setbacks.stayReason(1, 'm'), undefined);
    setbacks.note(1, { ...refused, kind: 'leg-lost' }, at);
    assert.equal(setbacks.stayReason(1, 'm'), undefined);
    setbacks.note(1, { ...refused, kind: 'leg-lost' }, at);
    assert.equal(setbacks.stayReason(1, 'm'), 'CONNACK 0x03');
    assert.equal(setbacks.stayReason(1, 'another'), undefined);
    setbacks.note(1, refused, { ...at, move: 'another' });
    assert.equal(setbacks.stayReason(1, 'another'), undefined);
    setbacks.forget(1);
    assert.equal(setbacks.rests(1, 1_000), false);
  });

  it('lets it stay at once when it would go wrong again', () => {
    const setbacks = new HandoverSetbacks();
    setbacks.note(1, { ...refused, isLasting: true }, at);
    assert.equal(setbacks.stayReason(1, 'm'), 'CONNACK 0x03');
  });
});
