import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { createBridgeServer } from '../../src/admin/admin-server.ts';
import { success } from '../../src/base/result.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { bridgeOperator, FakeBoard, processStatus, slotStatus } from '../app/fake-board.ts';
import { FakeLedger } from './fake-ledger.ts';
import { bridgeRules, tokenByRole, tokens } from './running-server.ts';

function bridgeServer(board = new FakeBoard()) {
  return createBridgeServer({
    backend: { ready: () => ({ ready: true, reason: '' }), metricsText: async () => success('crossfade_bridge_x 1\n') },
    bridge: bridgeOperator(board, bridgeRules),
    ledger: new FakeLedger(),
    ...{ tokens, bodyLimit: 65_536, log: createLogger({ level: 'silent', component: 'admin' }) },
  });
}

async function listen(context: TestContext, board = new FakeBoard()): Promise<string> {
  const server = bridgeServer(board);
  context.after(() => server.close(0));
  return (await server.listen({ host: '127.0.0.1', port: 0 })).url;
}

test('a bridge alone serves what concerns the bridge, described, and nothing else of a gateway', async (context) => {
  const url = await listen(context);
  const headers = { authorization: `Bearer ${tokenByRole.viewer}` };
  const description = await (await fetch(`${url}/openapi.json`, { headers })).json();
  assert.deepEqual(Object.keys((description as { paths: object }).paths).toSorted(), [
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/readyz',
    '/v1/bridge',
    '/v1/bridge/rules/{name}/pause',
    '/v1/bridge/rules/{name}/resume',
    '/v1/bridge/rules/{name}/scale',
    '/v1/services',
    '/v1/services/{name}',
    '/v1/services/{name}/move',
    '/v1/services/{name}/verify',
  ]);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal(await (await fetch(`${url}/metrics`)).text(), 'crossfade_bridge_x 1\n');
  assert.equal((await fetch(`${url}/v1/status`, { headers })).status, 404);
});

test('a bridge alone wants the tokens of the gateway', async (context) => {
  const board = new FakeBoard();
  board.statuses = [processStatus('7-a', [slotStatus('billing', 0)])];
  const url = await listen(context, board);
  assert.equal((await fetch(`${url}/v1/bridge`)).status, 401);
  const asked = { method: 'POST', headers: { authorization: `Bearer ${tokenByRole.viewer}` } };
  assert.equal((await fetch(`${url}/v1/bridge/rules/billing/pause`, asked)).status, 403);
  assert.deepEqual(board.wishes, {});
  const client = createAdminClient({ url, token: tokenByRole.operator });
  context.after(() => client.close());
  assert.ok((await client.scaleRule('billing', { members: 3 })).ok);
  assert.deepEqual(board.wishes, { billing: { members: 3 } });
});

test('tokens do not cross a network in the clear', async () => {
  await assert.rejects(bridgeServer().listen({ host: '0.0.0.0', port: 0 }), { code: 'admin-plain-http' });
});
