import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MoveAccepted, PlanDocument, Problem } from '../../src/admin/admin-api.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { adminToken, answerOf } from './gateway-process.ts';

const tokens = [
  { name: 'ops', role: 'admin', token: adminToken },
  { name: 'night-shift', role: 'operator', token: 'operators-token' },
  { name: 'dashboard', role: 'viewer', token: 'viewers-token' },
];
const world = await FaultWorld.start({ sections: { admin: { bind: '127.0.0.1:0', tokens } } });
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());

interface Asked {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly ifMatch?: string;
}

async function ask<Body = Problem>(path: string, asked: Asked = {}): Promise<{ status: number; body: Body }> {
  const { method = 'GET', token = adminToken, body, ifMatch } = asked;
  const response = await fetch(new URL(path, gateway.adminUrl), {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

const move = { method: 'POST', body: { weight: '1%' } };

test('two operators replace the plan at once: one of them gets 412 with the revision that stands', async () => {
  const { body: plan } = await ask<PlanDocument>('/v1/plan');
  const ifMatch = `"${plan.revision}"`;
  const replace = (weightBps: number) => {
    const cohorts = plan.cohorts.map((cohort) => ({ ...cohort, weightBps }));
    return ask('/v1/plan', { method: 'PUT', ifMatch, body: { ...plan, cohorts } });
  };
  const answers = await Promise.all([replace(100), replace(200)]);
  const [won, lost] = answers.toSorted((a, b) => a.status - b.status);
  assert.deepEqual([won?.status, lost?.status], [200, 412]);
  assert.equal(lost?.body.latestRevision, plan.revision + 1);
  assert.equal((await gateway.status()).revision, plan.revision + 1);
});

test('a plan that names an unknown broker is refused with the broker and its place', async () => {
  const { body: plan } = await ask<PlanDocument>('/v1/plan');
  const cohorts = plan.cohorts.map((cohort) => ({ ...cohort, target: 'nowhere' }));
  const body = { ...plan, cohorts };
  const answer = await ask('/v1/plan', { method: 'PUT', ifMatch: `"${plan.revision}"`, body });
  assert.equal(answer.status, 400);
  assert.equal(answer.body.errors?.[0]?.field, 'cohorts[0].target');
  assert.match(JSON.stringify(answer.body.errors), /nowhere/);
  assert.equal((await gateway.status()).revision, plan.revision);
});

test('a viewer may not move, an operator may not replace the plan, and a wrong token does nothing', async () => {
  const { revision } = await gateway.status();
  const path = '/v1/cohorts/everyone/cutover';
  const statusOf = async (asked: Asked, to = path) => (await ask(to, asked)).status;
  assert.equal(await statusOf({ ...move, token: 'viewers-token' }), 403);
  assert.equal(await statusOf({ method: 'POST', body: {}, token: 'viewers-token' }, '/v1/rollback'), 403);
  assert.equal(await statusOf({ ...move, token: 'wrong' }), 401);
  assert.equal(await statusOf({ ...move, token: '' }), 401);
  assert.equal(await statusOf({ token: 'viewers-token' }, '/v1/status'), 200);
  const replacing = { method: 'PUT', ifMatch: `"${revision}"`, body: {}, token: 'operators-token' };
  assert.equal(await statusOf(replacing, '/v1/plan'), 403);
  assert.equal((await gateway.status()).revision, revision);
  const accepted = await ask<MoveAccepted>(path, { ...move, token: 'operators-token' });
  assert.equal(accepted.status, 202);
  const { body } = await ask<readonly { author: string }[]>('/v1/plan/revisions');
  assert.equal(body[0]?.author, 'night-shift');
});

test('a plan reaches the new connections of every worker within 100 ms', async () => {
  await world.cutover(0);
  await gateway.wholeStatus();
  for (const weightBps of [10_000, 0]) {
    const { revision } = answerOf(await gateway.admin.cutover('everyone', { weightBps, live: 'keep' }));
    const startedMs = performance.now();
    const acknowledged = await eventually('every worker has it', async () => {
      const { workers } = await gateway.status();
      return workers.every((worker) => worker.revision === revision) && performance.now() - startedMs;
    });
    const target = weightBps === 0 ? 'legacy' : 'target';
    for (let index = 0; index < 6; index += 1) {
      await using device = await world.device(`reached-${weightBps}-${index}`);
      assert.equal(await world.brokerOf(device.clientId), target);
    }
    // The answer to a cutover comes once the workers have it: what is left is the way of one status.
    assert.ok(acknowledged < 1_000, `it took ${acknowledged} ms`);
  }
});
