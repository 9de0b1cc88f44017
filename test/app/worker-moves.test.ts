import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OfflineSessions } from '../../src/app/offline-sessions.ts';
import type { WorkerQuestion } from '../../src/app/process-messages.ts';
import { WorkerMoves } from '../../src/app/worker-moves.ts';
import { nothingToMove } from './moves-world.ts';

/** Workers that answer as `answer` says; undefined: silent. */
function workersThat(count: number, answer: (worker: number, question: WorkerQuestion) => unknown) {
  const summaries = Array.from({ length: count }, (_, worker) => ({ worker, pid: 1, revision: 1, figures: undefined }));
  return new WorkerMoves({ workers: () => summaries, ask: async (worker, question) => answer(worker, question) });
}

const question = { move: 'm1', cohorts: ['everyone'], order: 'first-first' } as const;

test('all workers are asked at once for their shares, and what one leaves another is offered', async () => {
  const begins: [worker: number, begin: number][] = [];
  const moves = workersThat(3, (worker, asked) => {
    const begin = asked.kind === 'handover' ? asked.begin : -1;
    begins.push([worker, begin]);
    // The second one has nobody left to move.
    return worker === 2 ? nothingToMove : { ...nothingToMove, begun: begin, moved: 1, remaining: 9, workMs: 2 };
  });
  const replies = await moves.handOver({ ...question, begin: 7 });
  assert.deepEqual(begins.splice(0), [
    [1, 3],
    [2, 2],
    [0, 2],
    [1, 2],
  ]);
  assert.deepEqual(
    replies.map((reply) => [reply?.begun, reply?.moved, reply?.remaining, reply?.workMs]),
    [
      [5, 2, 9, 4],
      [0, 0, 0, 0],
      [2, 1, 9, 2],
    ],
  );
  await moves.handOver({ ...question, begin: 1 });
  assert.deepEqual(begins, [
    [2, 1],
    [0, 0],
    [1, 0],
    [0, 1],
  ]);
});

test('what a silent worker was allowed goes to nobody else', async () => {
  const moves = workersThat(2, (worker) => (worker === 1 ? undefined : { ...nothingToMove, begun: 1 }));
  const replies = await moves.handOver({ ...question, begin: 2 });
  assert.deepEqual(
    replies.map((reply) => reply?.begun),
    [undefined, 1],
  );
});

test('without workers a reconnect is not done, and a handover has no reply', async () => {
  const moves = workersThat(0, () => undefined);
  const [reply] = await moves.closeSessions({ cohorts: ['everyone'], limit: 1, order: 'first-first' });
  assert.equal(reply?.remaining, 1);
  assert.deepEqual(await moves.handOver({ ...question, begin: 1 }), []);
});

test('devices that are away are homes that a plan moves less such live sessions, as far as every worker tells', async () => {
  const cohort = (name: string) => ({ name, source: 'legacy', target: 'aws', weightBps: 5_000 });
  const homesOf: Readonly<Record<string, number>> = { everyone: 9, gen1: 1 };
  const homes = { countMisplaced: ({ name }: { readonly name: string }) => homesOf[name] ?? 0 };
  const asked: WorkerQuestion[] = [];
  const live = [{ everyone: 3, gen1: 2 }, { everyone: 2 }];
  const workers = workersThat(2, (worker, question) => {
    asked.push(question);
    return live[worker];
  });
  const offline = new OfflineSessions({ homes, workers });
  assert.deepEqual(
    [
      await offline.of([cohort('everyone')]),
      await offline.of([cohort('everyone'), cohort('gen1')]),
      await offline.of([]),
    ],
    [4, 4, 0],
  );
  assert.deepEqual(asked[0], { kind: 'misplaced-persistent', placements: [cohort('everyone')] });
  const silent = new OfflineSessions({ homes, workers: workersThat(2, (worker) => live[worker + 1]) });
  assert.equal(await silent.of([cohort('everyone')]), undefined);
});
