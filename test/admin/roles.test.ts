import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import { type AdminRole, bearerTokenOf, createTokenCheck } from '../../src/admin/tokens.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { bridgeOperator, FakeBoard } from '../app/fake-board.ts';
import { FakeBackend, firstPlan } from './fake-backend.ts';
import { FakeLedger } from './fake-ledger.ts';
import { runServer, tokenByRole, tokens } from './running-server.ts';

const cutover = { body: { weight: '5%' } };
const rows: readonly { method: string; path: string; needs: AdminRole; options?: object; success: number }[] = [
  { method: 'GET', path: '/v1/status', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/plan', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/plan/revisions', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/plan/revisions/1', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/moves', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/where?clientId=a', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/sessions', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/services', needs: 'viewer', success: 200 },
  { method: 'GET', path: '/v1/services/billing', needs: 'viewer', success: 200 },
  { method: 'POST', path: '/v1/services/billing/move', needs: 'operator', success: 202 },
  { method: 'POST', path: '/v1/services/billing/verify', needs: 'operator', success: 202 },
  { method: 'GET', path: '/openapi.json', needs: 'viewer', success: 200 },
  { method: 'HEAD', path: '/v1/plan', needs: 'viewer', success: 200 },
  { method: 'POST', path: '/v1/cohorts/everyone/cutover', needs: 'operator', options: cutover, success: 202 },
  { method: 'POST', path: '/v1/cohorts/everyone/rollback', needs: 'operator', success: 202 },
  { method: 'POST', path: '/v1/rollback', needs: 'operator', success: 202 },
  {
    method: 'POST',
    path: '/v1/subscriptions',
    needs: 'operator',
    options: { body: { importId: 'one', devices: [] } },
    success: 200,
  },
  { method: 'GET', path: '/v1/dns/answer?name=mqtt.example.com', needs: 'viewer', success: 200 },
  {
    method: 'POST',
    path: '/v1/splits/front-door',
    needs: 'operator',
    options: { body: { weights: { gateway: '1%', bypass: '99%' } } },
    success: 200,
  },
  { method: 'POST', path: '/v1/zones/reload', needs: 'operator', success: 200 },
  { method: 'POST', path: '/v1/sites/eu-west-1/drain', needs: 'operator', success: 200 },
  { method: 'POST', path: '/v1/sites/eu-west-1/undrain', needs: 'operator', success: 200 },
  {
    method: 'POST',
    path: '/v1/sites/eu-west-1/force',
    needs: 'operator',
    options: { body: { health: 'down' } },
    success: 200,
  },
  { method: 'POST', path: '/v1/freeze', needs: 'operator', options: { body: { reason: 'x' } }, success: 200 },
  { method: 'DELETE', path: '/v1/freeze', needs: 'operator', success: 200 },
  { method: 'GET', path: '/v1/bridge', needs: 'viewer', success: 200 },
  { method: 'POST', path: '/v1/bridge/rules/telemetry/pause', needs: 'operator', success: 200 },
  { method: 'POST', path: '/v1/bridge/rules/telemetry/resume', needs: 'operator', success: 200 },
  {
    method: 'POST',
    path: '/v1/bridge/rules/billing/scale',
    needs: 'operator',
    options: { body: { members: 3 } },
    success: 200,
  },
  { method: 'POST', path: '/v1/moves/1/pause', needs: 'operator', success: 404 },
  { method: 'POST', path: '/v1/moves/1/resume', needs: 'operator', success: 404 },
  { method: 'POST', path: '/v1/moves/1/abort', needs: 'operator', success: 404 },
  {
    method: 'PUT',
    path: '/v1/plan',
    needs: 'admin',
    options: { body: firstPlan, headers: { 'if-match': '"1"' } },
    success: 200,
  },
];
const roles: readonly AdminRole[] = ['viewer', 'operator', 'admin'];

for (const { method, path, needs, options = {}, success } of rows) {
  test(`${method} ${path} needs the role ${needs}`, async (context) => {
    for (const role of roles) {
      const { call } = await runServer(context);
      const answer = await call(method, path, { ...options, token: tokenByRole[role] });
      const isAllowed = roles.indexOf(role) >= roles.indexOf(needs);
      assert.equal(answer.status, isAllowed ? success : 403, `as ${role}`);
      if (!isAllowed) assert.match(String(answer.json['detail']), new RegExp(`role ${needs}, got ${role}`));
    }
  });

  test(`${method} ${path} without a known token is a 401 with a challenge, and nothing is done`, async (context) => {
    const { call, backend } = await runServer(context);
    for (const token of [undefined, 'viewer-token-', 'viewer-token-12', 'x', '\u00e9']) {
      const answer = await call(method, path, { ...options, ...(token === undefined ? {} : { token }) });
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="crossfade"/);
    }
    assert.deepEqual(backend.asked, []);
  });
}

test('other schemes than Bearer are no token', () => {
  assert.equal(bearerTokenOf('Basic b3BzOm9wcw=='), undefined);
  assert.equal(bearerTokenOf('Bearer'), undefined);
  assert.equal(bearerTokenOf('Bearer a b'), undefined);
  assert.equal(bearerTokenOf('bearer abc'), 'abc');
});

test('the token check compares with every token, whatever the length, and finds the first holder', () => {
  const check = createTokenCheck([...tokens, { name: 'twin', role: 'admin', token: 'viewer-token-1' }]);
  assert.deepEqual(check('viewer-token-1'), { name: 'wallboard', role: 'viewer' });
  assert.deepEqual(check('admin-token-1'), { name: 'chief', role: 'admin' });
  for (const wrong of ['', 'v', 'viewer-token-', 'viewer-token-1 ', 'x'.repeat(100_000)])
    assert.equal(check(wrong), undefined);
});

test('an empty token is refused before anything is bound', () => {
  const log = createLogger({ level: 'silent', component: 'admin' });
  const bridge = bridgeOperator(new FakeBoard(), []);
  const empty = [{ name: 'ops', role: 'operator', token: '' }] as const;
  assert.throws(
    () =>
      createAdminServer({
        backend: new FakeBackend(),
        bridge,
        ledger: new FakeLedger(),
        tokens: empty,
        bodyLimit: 1,
        log,
      }),
    /Expected a token for "ops", got an empty text/,
  );
});

test('the free paths answer without a token; /metrics only until a metrics token is set', async (context) => {
  const free = await runServer(context);
  for (const path of ['/healthz', '/readyz', '/metrics'])
    assert.equal((await free.call('GET', path)).status, 200, path);
  const guarded = await runServer(context, { metricsToken: 'scrape-token' });
  assert.equal((await guarded.call('GET', '/metrics')).status, 401);
  assert.equal((await guarded.call('GET', '/metrics', { token: 'scrape-token' })).status, 200);
  assert.equal((await guarded.call('GET', '/metrics', { token: tokenByRole.viewer })).status, 200);
  assert.equal((await guarded.call('GET', '/v1/status', { token: 'scrape-token' })).status, 401);
});

test('no token reaches the log, and the author of a change does', async (context) => {
  const { call, backend, logged } = await runServer(context);
  await call('POST', '/v1/rollback', { token: tokenByRole.operator });
  await call('POST', '/v1/rollback', { token: 'a-wrong-token' });
  backend.status = () => Promise.reject(new Error('broken inside'));
  await call('GET', '/v1/status', { token: tokenByRole.viewer });
  assert.match(logged(), /"author":"ops","operation":"rollbackAll"/);
  assert.match(logged(), /broken inside/);
  assert.doesNotMatch(logged(), /-token/);
});

test('refused requests are logged with peer and path, at a bounded rate, and counted all', async (context) => {
  const { call, logged } = await runServer(context);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await call('GET', '/v1/status?token=in-a-url', { token: 'a-wrong-token' });
  }
  const lines = logged()
    .split('\n')
    .filter((line) => line.includes('refused'))
    .map((line) => JSON.parse(line));
  const { peer, method, path, status, reason, refusals, level } = lines[0];
  assert.deepEqual(
    { peer, method, path, status, reason, refusals, level },
    {
      peer: '127.0.0.1',
      method: 'GET',
      path: '/v1/status',
      status: 401,
      reason: 'Expected a token of admin.tokens, got another',
      refusals: 1,
      level: 40,
    },
  );
  assert.ok(lines.length < 20, `${lines.length} lines of 20 refusals`);
  assert.doesNotMatch(logged(), /wrong-token|in-a-url/);
});

test('a role that may not is logged with the name of its token', async (context) => {
  const { call, logged } = await runServer(context);
  await call('POST', '/v1/rollback', { token: tokenByRole.viewer });
  assert.match(
    logged(),
    /"path":"\/v1\/rollback","status":403,"reason":"Expected the role operator, got viewer \(token wallboard\)"/,
  );
});
