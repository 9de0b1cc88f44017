import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { defaultLiveMode } from '../../src/admin/admin-api.ts';
import { interlockDocument } from '../../src/admin/interlock-document.ts';
import { assessmentDocument } from '../../src/admin/assessment-document.ts';
import { createChangingRoutes } from '../../src/admin/changing-routes.ts';
import * as documents from '../../src/admin/document-schemas.ts';
import { serviceDocument } from '../../src/admin/ledger-documents.ts';
import { describeRoutes } from '../../src/admin/openapi.ts';
import { createReadingRoutes } from '../../src/admin/reading-routes.ts';
import { FakeBackend } from './fake-backend.ts';
import { runServer, tokenByRole } from './running-server.ts';

type Operations = Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;

const served = [
  'DELETE /v1/freeze',
  'GET /healthz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /readyz',
  'GET /v1/assessment',
  'GET /v1/bridge',
  'GET /v1/dns/answer',
  'GET /v1/events',
  'GET /v1/interlock',
  'GET /v1/moves',
  'GET /v1/moves/{id}',
  'GET /v1/plan',
  'GET /v1/plan/revisions',
  'GET /v1/plan/revisions/{revision}',
  'GET /v1/services',
  'GET /v1/services/{name}',
  'GET /v1/sessions',
  'GET /v1/status',
  'GET /v1/where',
  'POST /v1/bridge/rules/{name}/pause',
  'POST /v1/bridge/rules/{name}/resume',
  'POST /v1/bridge/rules/{name}/scale',
  'POST /v1/cohorts/{name}/cutover',
  'POST /v1/cohorts/{name}/rollback',
  'POST /v1/freeze',
  'POST /v1/moves/{id}/abort',
  'POST /v1/moves/{id}/pause',
  'POST /v1/moves/{id}/resume',
  'POST /v1/rollback',
  'POST /v1/services/{name}/move',
  'POST /v1/services/{name}/verify',
  'POST /v1/sites/{name}/drain',
  'POST /v1/sites/{name}/force',
  'POST /v1/sites/{name}/undrain',
  'POST /v1/splits/{name}',
  'POST /v1/subscriptions',
  'POST /v1/zones/reload',
  'PUT /v1/plan',
];

test('the description lists exactly the calls that are served, and each of them is there', async (context) => {
  const { call } = await runServer(context);
  const { json } = await call('GET', '/openapi.json', { token: tokenByRole.viewer });
  const paths = json['paths'] as Operations;
  const listed = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(listed.toSorted(), served);
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const path of Object.keys(paths)) {
      const { status } = await call(method, path.replace(/\{\w+\}/, '1'));
      const isListed = served.includes(`${method} ${path}`);
      assert.equal(status !== 404 && status !== 405, isListed, `${method} ${path} gave ${status}`);
    }
  }
});

test('the description says what each call takes and needs, and nothing of later versions', () => {
  const backend = new FakeBackend();
  const description = describeRoutes([...createReadingRoutes(backend), ...createChangingRoutes(backend)]);
  const paths = description['paths'] as Operations;
  const cutover = paths['/v1/cohorts/{name}/cutover']?.['post'];
  assert.deepEqual(cutover?.['security'], [{ token: [] }]);
  assert.match(String(cutover?.['description']), /role operator/);
  const parameters = (paths['/v1/sessions']?.['get']?.['parameters'] ?? []) as { name: string }[];
  const limit = parameters.find(({ name }) => name === 'limit');
  assert.deepEqual(limit, {
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  });
  const responses = cutover?.['responses'] as Readonly<Record<string, unknown>>;
  assert.ok(
    ['200', '202', '409'].every((status) => responses[status] !== undefined),
    Object.keys(responses).join(' '),
  );
  assert.match(JSON.stringify(cutover), new RegExp(`"default":"${defaultLiveMode}"`));
  const ids = Object.values(paths).flatMap((operations) =>
    Object.values(operations).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
});

const answered: readonly { path: string; schema: z.ZodType; isList?: true }[] = [
  { path: '/v1/status', schema: documents.statusDocument },
  { path: '/v1/plan', schema: documents.planDocument },
  { path: '/v1/plan/revisions', schema: documents.revisionDocument, isList: true },
  { path: '/v1/assessment', schema: assessmentDocument },
  { path: '/v1/interlock', schema: interlockDocument },
  { path: '/v1/moves', schema: documents.moveDocument, isList: true },
  { path: '/v1/where?clientId=a', schema: documents.whereDocument },
  { path: '/v1/sessions', schema: documents.sessionDocument, isList: true },
  { path: '/v1/services', schema: serviceDocument, isList: true },
  { path: '/v1/services/billing', schema: serviceDocument },
];

for (const { path, schema, isList } of answered) {
  test(`${path} answers with the document that is described`, async (context) => {
    const { call } = await runServer(context);
    await call('POST', '/v1/rollback', { token: tokenByRole.operator });
    const { text } = await call('GET', path, { token: tokenByRole.viewer });
    const document: unknown = JSON.parse(text);
    const list = isList ? (document as unknown[]) : [document];
    assert.ok(list.length > 0);
    for (const entry of list) assert.deepEqual(schema.parse(entry), entry);
  });
}
