import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouteServer } from '../../src/admin/route-server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { tokenByRole, tokens } from '../admin/running-server.ts';
import { runInProcess } from './spawned-cli.ts';

test('a question that only the gateway answers, asked of a bridge alone, says where to ask', async (context) => {
  const log = createLogger({ level: 'error', component: 'admin' }, { write: () => true });
  const server = createRouteServer([], { tokens, bodyLimit: 1_024, log });
  context.after(() => server.close(0));
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.viewer };
  const { code, stderr } = await runInProcess(['status'], environment);
  assert.equal(code, 64);
  assert.match(stderr, /at bridge\.admin stands the bridge alone, at admin\.bind the gateway/);
  assert.doesNotMatch(stderr, /lists what there is/);
});
