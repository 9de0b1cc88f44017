import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CutoverRequest } from '../../src/admin/admin-backend.ts';
import type { CohortInterlock } from '../../src/admin/interlock-document.ts';
import { MoveVerbs, type MoveVerbsDeps } from '../../src/app/move-verbs.ts';
import type { MoveRequest } from '../../src/app/move-request.ts';
import { success } from '../../src/base/result.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { loadRight, minimal } from '../config/loading.ts';
import { interlock as lost } from '../admin/fake-backend.ts';
import { nothingToMove } from './moves-world.ts';

type PlanChange = Parameters<MoveVerbsDeps['authority']['change']>[0];

const { configuration } = loadRight(minimal);
const cohort = configuration.plan.cohorts[0]?.name ?? '';

function verbsAt(weightBps: number, judged: CohortInterlock | null = lost) {
  let plan: Plan = {
    ...configuration.plan,
    cohorts: configuration.plan.cohorts.map((each) => ({ ...each, weightBps })),
  };
  const reasons: string[] = [];
  const started: MoveRequest[] = [];
  const deps = {
    configuration,
    authority: {
      get current() {
        return { revision: 1, at: 0, author: '', reason: '', plan };
      },
      change: async (change: PlanChange, { reason }: { readonly reason: string }) => {
        const next = change(plan);
        if (!next.ok) throw new Error('the plan does not take it');
        plan = next.value;
        reasons.push(reason);
        return success({ revision: 2, at: 0, author: '', reason, plan });
      },
    },
    store: {},
    hub: { acknowledged: async () => true },
    moves: {
      moveOf: () => undefined,
      start: (request: MoveRequest) => {
        started.push(request);
        return { id: 'm2' };
      },
    },
    freeze: {},
    interlock: { judge: () => judged ?? undefined },
    workers: { handOver: async () => [nothingToMove] },
    offlineOf: async () => 0,
    onFreeze: () => {},
  };
  return { verbs: new MoveVerbs(deps as unknown as MoveVerbsDeps), reasons, started };
}

const request: CutoverRequest = {
  weightBps: 5_000,
  reason: 'canary',
  live: 'handover',
  prepareOnly: false,
  unbridgedOk: false,
  author: 'ops',
};

test('a cutover that would part devices from their other ends changes nothing', async () => {
  const { verbs, reasons, started } = verbsAt(0);
  const answer = await verbs.cutover(cohort, request);
  assert.ok(!answer.ok);
  assert.equal(answer.error.kind, 'unbridged');
  assert.deepEqual(answer.error.interlock, lost);
  assert.match(answer.error.message, /dt\/\+\/state \(is published by 12 devices\)/);
  assert.deepEqual([reasons, started], [[], []]);
});

test('it goes on where somebody said so, and the revision keeps who', async () => {
  const { verbs, reasons, started } = verbsAt(0);
  const answer = await verbs.cutover(cohort, { ...request, unbridgedOk: true });
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.warnings, lost.warnings);
  assert.deepEqual(reasons, ['canary (unbridged-ok by ops: dt/+/state)']);
  assert.equal(started[0]?.reason, reasons[0]);
});

test('where nothing would be lost, nobody is told of having said so', async () => {
  const { verbs, reasons } = verbsAt(0, { ...lost, lost: [], lostTotal: 0, warnings: [] });
  const answer = await verbs.cutover(cohort, { ...request, unbridgedOk: true });
  assert.ok(answer.ok);
  assert.deepEqual([answer.value.warnings, reasons], [undefined, ['canary']]);
});

test('an interlock that is not armed asks nothing', async () => {
  const { verbs, reasons } = verbsAt(0, null);
  assert.ok((await verbs.cutover(cohort, request)).ok);
  assert.deepEqual(reasons, ['canary']);
});

test('the weight that stands is asked about again, a lower one is not', async () => {
  const same = await verbsAt(5_000).verbs.cutover(cohort, request);
  assert.ok(!same.ok);
  const lower = await verbsAt(5_001).verbs.cutover(cohort, request);
  assert.ok(lower.ok);
  const nobody = await verbsAt(0).verbs.cutover(cohort, { ...request, weightBps: 0 });
  assert.ok(nobody.ok);
});

test('a preparation moves nobody, and a rollback is never refused', async () => {
  const { verbs, started } = verbsAt(5_000);
  assert.ok((await verbs.cutover(cohort, { ...request, weightBps: 9_000, prepareOnly: true })).ok);
  const back = { scope: { cohort }, to: { weightBps: 0 }, reason: '', live: 'handover', author: 'ops' } as const;
  assert.ok((await verbs.rollback(back)).ok);
  assert.deepEqual(
    started.map(({ kind }) => kind),
    ['cutover', 'rollback'],
  );
});

test('a dry run tells the same and is not refused', async () => {
  const { verbs, reasons } = verbsAt(0);
  const answer = await verbs.dryRunCutover(cohort, request);
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.dryRun.interlock, lost);
  assert.deepEqual(reasons, []);
});
