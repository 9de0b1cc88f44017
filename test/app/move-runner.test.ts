import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournaledMove } from '../../src/app/move-journal.ts';
import { MoveRunner } from '../../src/app/move-runner.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

test('a move that is done is not begun again by the next control process', async () => {
  const journaled = new Map<string, JournaledMove>();
  const done = Promise.withResolvers<void>();
  const runner = new MoveRunner({
    clock: systemClock,
    closeSessions: async () => [{ closed: 0, remaining: 0, closing: 0, staying: [] }],
    onChange: ({ state }) => {
      if (state === 'done') done.resolve();
    },
    refusedListed: 10,
    journal: {
      unfinished: () => [...journaled.values()],
      begin: (move) => void journaled.set(move.id, move),
      end: (id) => void journaled.delete(id),
      close: () => {},
    },
    log: createLogger({ level: 'silent', component: 'test' }),
  });
  runner.start({
    kind: 'cutover',
    cohorts: ['everyone'],
    revision: 2,
    author: 'ops',
    reason: '',
    live: 'reconnect',
    pacePerSecond: 100,
  });
  assert.equal(journaled.size, 1);
  await done.promise;
  assert.equal(journaled.size, 0);
  runner.close();
});
