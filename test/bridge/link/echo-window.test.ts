import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EchoWindow } from '../../../src/bridge/link/echo-window.ts';
import { LoopBreaker } from '../../../src/bridge/link/loop-breaker.ts';

const on = Buffer.from('ON');

describe('EchoWindow', () => {
  test('takes out as many as were noted: equal messages are counted, not forgotten', () => {
    const window = new EchoWindow(1_000, 100);
    window.note('cmd/1', on, 0);
    window.note('cmd/1', on, 10);
    assert.equal(window.takes('cmd/1', on, 20), true);
    assert.equal(window.takes('cmd/1', on, 20), true);
    assert.equal(window.takes('cmd/1', on, 20), false);
    assert.equal(window.size, 0);
  });

  test('topic and payload both count, and no pair of them looks like another', () => {
    const window = new EchoWindow(1_000, 100);
    window.note('cmd/1', on, 0);
    assert.equal(window.takes('cmd/2', on, 0), false);
    assert.equal(window.takes('cmd/1', Buffer.from('OFF'), 0), false);
    assert.equal(window.takes('cmd/', Buffer.from('1ON'), 0), false);
  });

  test('forgets each after its time: an echo that never came hides no later message', () => {
    const window = new EchoWindow(1_000, 100);
    window.note('cmd/1', on, 0);
    window.note('cmd/1', on, 900);
    assert.equal(window.takes('cmd/1', on, 1_000), true);
    assert.equal(window.takes('cmd/1', on, 1_000), false);
    window.note('cmd/1', on, 1_000);
    assert.equal(window.takes('cmd/1', on, 2_000), false);
    assert.equal(window.size, 0);
  });

  test('is bounded, and forgets the oldest first', () => {
    const window = new EchoWindow(1_000_000, 3);
    for (let index = 0; index < 10; index += 1) window.note(`t/${index}`, on, index);
    assert.equal(window.size, 3);
    assert.equal(window.takes('t/0', on, 10), false);
    assert.equal(window.takes('t/9', on, 10), true);
    for (let index = 0; index < 10; index += 1) window.note('same', on, 20);
    assert.ok(window.size <= 3);
  });
});

describe('LoopBreaker', () => {
  const limits = { repeats: 5, windowMs: 10_000 };

  test('notices the same message too often within its window', () => {
    const breaker = new LoopBreaker(limits);
    const spins = Array.from({ length: 7 }, (_, index) => breaker.spins('a', on, index * 100));
    assert.deepEqual(spins, [false, false, false, false, false, true, true]);
  });

  test('does not mind different ones, nor the same one now and then', () => {
    const breaker = new LoopBreaker(limits);
    for (let index = 0; index < 1_000; index += 1) assert.equal(breaker.spins(`a/${index}`, on, index), false);
    for (let index = 0; index < 50; index += 1) assert.equal(breaker.spins('slow', on, 2_000 + index * 4_000), false);
  });

  test('0 repeats: it notices nothing', () => {
    const breaker = new LoopBreaker({ repeats: 0, windowMs: 10_000 });
    for (let index = 0; index < 100; index += 1) assert.equal(breaker.spins('a', on, 0), false);
  });
});
