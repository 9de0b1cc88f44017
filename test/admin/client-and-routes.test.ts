import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLiveMode } from '../../src/admin/admin-api.ts';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { assessment, dryRun, firstPlan, session, status } from './fake-backend.ts';
import { runServer, tokenByRole } from './running-server.ts';

test('status, sessions and where come as the backend gave them, and the questions reach it whole', async (context) => {
  const { as, backend } = await runServer(context);
  const viewer = as('viewer');
  assert.deepEqual(await viewer.status(), { ok: true, value: status });
  assert.deepEqual(await viewer.sessions({ broker: 'aws', cohort: 'Halle 7 (süd)' }), { ok: true, value: [session] });
  const where = await viewer.where({ clientId: 'mètre/7?&=', commonName: 'x y' });
  assert.ok(where.ok && where.value.device === 'mètre/7?&=');
  assert.deepEqual(backend.asked, [
    { broker: 'aws', cohort: 'Halle 7 (süd)', limit: 100 },
    { clientId: 'mètre/7?&=', commonName: 'x y' },
  ]);
});

test('the assessment comes whole or of one cohort, with bounded examples', async (context) => {
  const { as, backend } = await runServer(context);
  const viewer = as('viewer');
  assert.deepEqual(await viewer.assessment(), { ok: true, value: assessment });
  assert.deepEqual(await viewer.assessment({ cohort: 'everyone', limit: 1_000 }), { ok: true, value: assessment });
  assert.deepEqual(backend.asked, [{ limit: 10 }, { cohort: 'everyone', limit: 1_000 }]);
  const unknown = await viewer.assessment({ cohort: 'nobody' });
  assert.ok(!unknown.ok && unknown.error.kind === 'problem' && unknown.error.problem.status === 404);
  const tooMany = await viewer.assessment({ limit: 1_001 });
  assert.ok(!tooMany.ok && tooMany.error.kind === 'problem' && tooMany.error.problem.status === 400);
});

test('the plan comes with its revision as ETag, and not again while the reader has it', async (context) => {
  const { as, call } = await runServer(context);
  assert.deepEqual(await as('viewer').plan(), { ok: true, value: { revision: 1, ...firstPlan } });
  const token = tokenByRole.viewer;
  assert.equal((await call('GET', '/v1/plan', { token })).headers.get('etag'), '"1"');
  const again = await call('GET', '/v1/plan', { token, headers: { 'if-none-match': '"1"' } });
  assert.deepEqual([again.status, again.text], [304, '']);
});

test('of two admins who race with one plan, one gets 412 and the revision that stands', async (context) => {
  const { as, backend } = await runServer(context);
  const chief = as('admin');
  const plan = { revision: 1, ...firstPlan, default: 'aws' };
  const answers = await Promise.all([
    chief.replacePlan(plan, { ifMatch: 1, reason: 'first' }),
    chief.replacePlan(plan, { ifMatch: 1, reason: 'second' }),
  ]);
  const [won, lost] = answers[0].ok ? answers : [answers[1], answers[0]];
  assert.deepEqual(won, { ok: true, value: { ...firstPlan, revision: 2, default: 'aws' } });
  assert.ok(!lost.ok && lost.error.kind === 'problem');
  assert.deepEqual([lost.error.problem.status, lost.error.problem.latestRevision], [412, 2]);
  assert.deepEqual(backend.revisionList.at(-1), {
    ...backend.revisionList.at(-1),
    author: 'chief',
    plan: { ...firstPlan, default: 'aws' },
  });
});

test('revisions come newest first, in pages, and one by one', async (context) => {
  const { as } = await runServer(context);
  await as('operator').rollbackAll({ reason: 'a' });
  await as('operator').rollbackAll({ reason: 'b' });
  const viewer = as('viewer');
  const numbers = async (page: { limit?: number; before?: number }) => {
    const answer = await viewer.revisions(page);
    return answer.ok ? answer.value.map(({ revision }) => revision) : answer.error;
  };
  assert.deepEqual(await numbers({}), [3, 2, 1]);
  assert.deepEqual(await numbers({ limit: 2 }), [3, 2]);
  assert.deepEqual(await numbers({ limit: 2, before: 2 }), [1]);
  const tooMany = await viewer.revisions({ limit: 101 });
  assert.ok(!tooMany.ok && tooMany.error.kind === 'problem' && tooMany.error.problem.status === 400);
  const second = await viewer.revision(2);
  assert.ok(second.ok && second.value.author === 'ops' && second.value.reason === 'a');
});

test('a cutover names its cohort in any spelling, its weight in either, and its author', async (context) => {
  const { as, backend } = await runServer(context);
  const operator = as('operator');
  const first = await operator.cutover('Halle 7 (süd)', { weight: '0.01%', reason: 'canary' });
  assert.deepEqual(first, { ok: true, value: { revision: 2, move: { id: 'move-2' } } });
  await operator.cutover('everyone', { weightBps: 500, live: 'keep', pacePerSecond: 0.5 });
  assert.deepEqual(backend.asked, [
    {
      cohort: 'Halle 7 (süd)',
      weightBps: 1,
      reason: 'canary',
      live: defaultLiveMode,
      prepareOnly: false,
      unbridgedOk: false,
      author: 'ops',
    },
    {
      cohort: 'everyone',
      weightBps: 500,
      reason: '',
      live: 'keep',
      prepareOnly: false,
      unbridgedOk: false,
      author: 'ops',
      pacePerSecond: 0.5,
    },
  ]);
  const move = await operator.move('move-2');
  assert.ok(move.ok && move.value.cohorts[0] === 'Halle 7 (süd)');
  const moves = await operator.moves();
  assert.ok(moves.ok && moves.value.length === 2 && moves.value[0]?.id === 'move-3');
});

test('an accepted change is a 202', async (context) => {
  const { call } = await runServer(context);
  const token = tokenByRole.operator;
  const answer = await call('POST', '/v1/cohorts/Halle%207%20(s%C3%BCd)/cutover', {
    token,
    body: { weight: '500bps' },
  });
  assert.deepEqual([answer.status, answer.json], [202, { revision: 2, move: { id: 'move-2' } }]);
});

test('a rollback goes to weight 0 unless it is told a weight or a revision', async (context) => {
  const { as, backend } = await runServer(context);
  const operator = as('operator');
  await operator.rollback('everyone', {});
  await operator.rollback('everyone', { to: '5%' });
  await operator.rollbackAll({ toBps: 7 });
  await operator.rollbackAll({ revision: 1, live: 'keep' });
  const common = { reason: '', live: defaultLiveMode, author: 'ops' };
  assert.deepEqual(backend.asked, [
    { scope: { cohort: 'everyone' }, to: { weightBps: 0 }, ...common },
    { scope: { cohort: 'everyone' }, to: { weightBps: 500 }, ...common },
    { scope: { all: true }, to: { weightBps: 7 }, ...common },
    { scope: { all: true }, to: { revision: 1 }, ...common, live: 'keep' },
  ]);
});

test('a preparation is a handover unless it is told, and a dry run is a 200 that changes nothing', async (context) => {
  const { as, backend, call } = await runServer(context);
  const operator = as('operator');
  await operator.cutover('everyone', { weight: '5%', prepareOnly: true });
  assert.deepEqual(backend.asked, [
    {
      cohort: 'everyone',
      weightBps: 500,
      reason: '',
      live: 'handover',
      prepareOnly: true,
      unbridgedOk: false,
      author: 'ops',
    },
  ]);
  const revisions = backend.revisionList.length;
  const answers = [
    await operator.dryRunCutover('everyone', { weight: '5%' }),
    await operator.dryRunRollback('everyone', {}),
    await operator.dryRunRollbackAll({ revision: 1 }),
  ];
  assert.deepEqual(answers, Array(3).fill({ ok: true, value: dryRun }));
  assert.equal(backend.revisionList.length, revisions);
  const body = { weight: '5%', dryRun: true };
  const { status } = await call('POST', '/v1/cohorts/everyone/cutover', { token: tokenByRole.operator, body });
  assert.equal(status, 200);
});

test('a move is paused, resumed and aborted, and one that is not there is a 404', async (context) => {
  const { as } = await runServer(context);
  const operator = as('operator');
  await operator.rollbackAll({});
  const states = [
    await operator.pauseMove('move-2'),
    await operator.resumeMove('move-2'),
    await operator.abortMove('move-2'),
  ].map((answer) => (answer.ok ? [answer.value.state, answer.value.message] : answer.error));
  assert.deepEqual(states, [
    ['paused', 'paused by ops'],
    ['running', null],
    ['aborted', 'aborted by ops'],
  ]);
  const unknown = await operator.pauseMove('move-9');
  assert.ok(!unknown.ok && unknown.error.kind === 'problem' && unknown.error.problem.status === 404);
});

test('a freeze has an author, a reason and an end, and is lifted', async (context) => {
  const { as } = await runServer(context);
  const operator = as('operator');
  const freeze = { author: 'ops', reason: 'incident 7', at: '2026-03-01T12:00:00.000Z' };
  const frozen = { ...freeze, until: '2026-03-01T16:00:00.000Z' };
  assert.deepEqual(await operator.freeze({ for: '4h', reason: 'incident 7' }), { ok: true, value: frozen });
  assert.deepEqual(await operator.unfreeze(), { ok: true, value: frozen });
  assert.deepEqual(await operator.unfreeze(), { ok: true, value: null });
  assert.deepEqual(await operator.freeze({ reason: 'incident 7' }), { ok: true, value: { ...freeze, until: null } });
});

test('readiness has a reason when it is missing', async (context) => {
  const { as, backend } = await runServer(context);
  assert.deepEqual(await as('viewer').ready(), { ok: true, value: { ready: true } });
  backend.readiness = { ready: false, reason: 'Expected 2 workers with a snapshot, got 1' };
  const answer = await as('viewer').ready();
  assert.ok(!answer.ok && answer.error.kind === 'problem');
  assert.deepEqual([answer.error.problem.status, answer.error.problem.detail], [503, backend.readiness.reason]);
});

test('metrics are Prometheus text of format 0.0.4', async (context) => {
  const { call, as } = await runServer(context);
  const answer = await call('GET', '/metrics');
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(answer.text, /^crossfade_plan_revision 1$/m);
  assert.deepEqual(await as('viewer').metricsText(), { ok: true, value: answer.text });
});

test('an API that is not there, or is something else, is unreachable, and the token is in no message', async (context) => {
  const { server, url } = await runServer(context);
  await server.close(0);
  const client = createAdminClient({ url, token: 'secret-token' });
  const answer = await client.status();
  assert.ok(!answer.ok && answer.error.kind === 'unreachable');
  assert.match(answer.error.message, /^No answer from http:\/\/127\.0\.0\.1:\d+\/: .*ECONNREFUSED/);
  assert.doesNotMatch(answer.error.message, /secret/);
  const byName = await createAdminClient({
    url: url.replace('127.0.0.1', 'localhost'),
    token: 'secret-token',
  }).status();
  assert.ok(!byName.ok && byName.error.kind === 'unreachable');
  assert.match(byName.error.message, /ECONNREFUSED/);
  assert.throws(
    () => createAdminClient({ url: 'localhost:9440', token: 'x' }),
    /Expected an http:\/\/ or https:\/\/ URL/,
  );
});

test('a client that waits too long gives up', async (context) => {
  const { backend, url } = await runServer(context);
  const release = Promise.withResolvers<void>();
  backend.held = release.promise;
  const client = createAdminClient({ url, token: tokenByRole.viewer, timeoutMs: 30 });
  const answer = await client.status();
  assert.ok(!answer.ok && answer.error.kind === 'unreachable');
  release.resolve();
  client.close();
});

test('where takes hex identities in any spelling, and the backend sees one', async (context) => {
  const { backend, call } = await runServer(context);
  const fingerprint = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const spelled = fingerprint.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
  const path = `/v1/where?fingerprint=${spelled}&serialNumber=00:0A:BC`;
  assert.equal((await call('GET', path, { token: tokenByRole.viewer })).status, 200);
  assert.deepEqual(backend.asked, [{ fingerprint, serialNumber: 'abc' }]);
});
