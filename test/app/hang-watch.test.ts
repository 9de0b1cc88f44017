import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HangWatch, pingsUnanswered } from '../../src/app/hang-watch.ts';

test('a process hangs when it answers none of so many pings, and not before', () => {
  const watch = new HangWatch();
  for (let ping = 0; ping < pingsUnanswered; ping += 1) assert.ok(watch.mayPing(), `ping ${ping}`);
  assert.equal(watch.mayPing(), false);
});

test('whatever it says counts as an answer', () => {
  const watch = new HangWatch();
  for (let ping = 0; ping < 10 * pingsUnanswered; ping += 1) {
    assert.ok(watch.mayPing(), `ping ${ping}`);
    if (ping % pingsUnanswered === pingsUnanswered - 1) watch.heard();
  }
});
