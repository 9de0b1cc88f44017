import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceHome } from '../../src/app/device-home.ts';
import type { WorkerQuestion } from '../../src/app/process-messages.ts';

/** Workers that answer each with the sessions given, or not at all. */
function workersWith(...replies: readonly unknown[]) {
  const asked: WorkerQuestion[] = [];
  const hub = {
    workers: () => replies.map((_, worker) => ({ worker, pid: worker, revision: 1, figures: undefined })),
    ask: async (worker: number, question: WorkerQuestion) => {
      asked.push(question);
      return replies[worker];
    },
  };
  return { asked, deps: { hub, homeOf: (clientId: string) => (clientId === 'away' ? 'legacy' : undefined) } };
}

const assignment = { broker: 'target', reason: 'cohort-target', revision: 1 } as const;

test('the home of a device is that of its newest live session, by client ID or else by key', async () => {
  const { asked, deps } = workersWith([{ home: 'legacy', since: 1 }], [{ home: 'target', since: 2 }]);
  const byClientId = await deviceHome({ clientId: 'away' }, { ...assignment, kind: 'cn', key: '00A1' }, deps);
  assert.deepEqual(byClientId, { home: 'target', connected: true });
  await deviceHome({}, { ...assignment, kind: 'cn', key: '00A1' }, deps);
  await deviceHome({}, { ...assignment, kind: 'clientid', key: 'meter-7' }, deps);
  const filters = asked.map((question) => (question.kind === 'sessions' ? question.filter : undefined));
  assert.deepEqual(
    filters.filter((_, index) => index % 2 === 0).map((filter) => [filter?.clientId, filter?.key]),
    [
      ['away', undefined],
      [undefined, 'cn:00A1'],
      ['meter-7', undefined],
    ],
  );
});

test('of a device that is away it is the recorded one, and a worker that is silent leaves open whether it is', async () => {
  const here = { clientId: 'away' };
  assert.deepEqual(await deviceHome(here, assignment, workersWith([], []).deps), { home: 'legacy', connected: false });
  const silent = await deviceHome(here, assignment, workersWith([], undefined).deps);
  assert.deepEqual(silent, { home: 'legacy', connected: null });
  const nobody = await deviceHome({ clientId: 'x' }, assignment, workersWith([]).deps);
  assert.deepEqual(nobody, { home: null, connected: false });
});

test('a device without a key has no home that could be told', async () => {
  const { asked, deps } = workersWith([]);
  assert.deepEqual(await deviceHome({}, assignment, deps), { home: null, connected: null });
  assert.deepEqual(asked, []);
});
