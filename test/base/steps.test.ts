import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runAtOnce, runInSlices, type Steps } from '../../src/base/steps.ts';

function* counting(to: number, log: number[]): Steps<string> {
  for (let at = 1; at <= to; at += 1) {
    log.push(at);
    yield;
  }
  return 'done';
}

describe('work in steps', () => {
  test('runs at once', () => {
    const log: number[] = [];
    assert.equal(runAtOnce(counting(3, log)), 'done');
    assert.deepEqual(log, [1, 2, 3]);
  });

  test('pauses after every slice, and not before it is over', async () => {
    const log: number[] = [];
    const pausedAt: number[] = [];
    let nowMs = 0;
    const value = await runInSlices(counting(7, log), {
      sliceMs: 3,
      nowMs: () => nowMs++,
      pause: async () => void pausedAt.push(log.length),
    });
    assert.deepEqual([value, log.length, pausedAt], ['done', 7, [3, 6]]);
  });

  test('rejects with what it throws', async () => {
    function* failing(): Steps<undefined> {
      yield;
      throw new Error('spilt');
    }
    await assert.rejects(
      runInSlices(failing(), { sliceMs: 0, nowMs: () => 0, pause: () => Promise.resolve() }),
      /spilt/,
    );
  });
});
