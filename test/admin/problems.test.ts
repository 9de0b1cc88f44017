import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdminFailureKind } from '../../src/admin/admin-backend.ts';
import { firstPlan } from './fake-backend.ts';
import { type CallOptions, runServer, tokenByRole } from './running-server.ts';

interface Row {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly options?: CallOptions;
  readonly problem: Record<string, unknown>;
}

const cutover = '/v1/cohorts/everyone/cutover';
const title = { 400: 'The request is not valid' };

function invalid(...errors: { field: string; expected: string; got: string }[]): Record<string, unknown> {
  const detail = errors.map(({ field, expected, got }) => `${field}: expected ${expected}, got ${got}`).join('; ');
  return { type: 'urn:crossfade:problem:invalid-request', title: title[400], status: 400, detail, errors };
}

const post = (name: string, path: string, body: unknown, problem: Record<string, unknown>): Row => {
  return { name, method: 'POST', path, options: { body }, problem };
};
const get = (name: string, path: string, problem: Record<string, unknown>): Row => ({
  name,
  method: 'GET',
  path,
  problem,
});

const weightExpected = 'a weight such as 5%, 0.01% or 500bps';
const rows: readonly Row[] = [
  get('an unknown path', '/v2/status?token=secret', {
    type: 'urn:crossfade:problem:not-found',
    title: 'Not found',
    status: 404,
    detail: 'Expected a path of /openapi.json, got /v2/status',
  }),
  {
    name: 'an unknown method',
    method: 'DELETE',
    path: '/v1/plan',
    problem: {
      type: 'urn:crossfade:problem:method-not-allowed',
      title: 'The resource does not know this method',
      status: 405,
      detail: 'Expected GET or PUT, got DELETE',
    },
  },
  get('an unknown move', '/v1/moves/move-9', {
    type: 'urn:crossfade:problem:not-found',
    title: 'Not found',
    status: 404,
    detail: 'No move "move-9"',
  }),
  get('a revision that is no number', '/v1/plan/revisions/last', {
    ...invalid({ field: 'revision', expected: 'a whole number from 1', got: '"last"' }),
  }),
  get('a limit out of range', '/v1/sessions?limit=1001', {
    ...invalid({ field: 'limit', expected: '1 to 1000', got: '"1001"' }),
  }),
  get('an unknown parameter', '/v1/sessions?brokers=aws', {
    ...invalid({ field: 'brokers', expected: 'no such field in this version', got: 'one' }),
  }),
  get('a parameter given twice', '/v1/sessions?broker=a&broker=b', {
    ...invalid({ field: 'broker', expected: 'a string', got: '["a","b"]' }),
  }),
  get('a fingerprint that is none', '/v1/where?fingerprint=zz', {
    ...invalid({ field: 'fingerprint', expected: 'a SHA-256 fingerprint of 64 hex digits', got: '"zz"' }),
  }),
  get('a serial number that is none', '/v1/where?clientId=a&serialNumber=0x1', {
    ...invalid({ field: 'serialNumber', expected: 'a serial number in hex', got: '"0x1"' }),
  }),
  get('where without an identity', '/v1/where', {
    ...invalid({
      field: 'clientId',
      expected: 'clientId, commonName, fingerprint or another identity of the device',
      got: 'nothing',
    }),
  }),
  get('a path that is not percent-encoded right', '/v1/moves/%zz', {
    type: 'urn:crossfade:problem:malformed-request',
    title: 'The request cannot be read',
    status: 400,
    detail: "'/v1/moves/%zz' is not a valid url component",
  }),
  post(
    'no weight',
    cutover,
    {},
    invalid({ field: 'weight', expected: 'exactly one of weight and weightBps', got: 'nothing' }),
  ),
  post(
    'two weights',
    cutover,
    { weight: '5%', weightBps: 500 },
    invalid({ field: 'weightBps', expected: 'exactly one of weight and weightBps', got: '500' }),
  ),
  post(
    'a weight in words',
    cutover,
    { weight: 'five' },
    invalid({ field: 'weight', expected: weightExpected, got: '"five"' }),
  ),
  post('a bare number', cutover, { weight: 5 }, invalid({ field: 'weight', expected: 'a string', got: '5' })),
  post(
    'a weight beyond the whole and a pace of nothing: both are named',
    cutover,
    { weightBps: 10_001, pacePerSecond: 0 },
    invalid(
      { field: 'weightBps', expected: 'at most 10000', got: '10001' },
      { field: 'pacePerSecond', expected: 'more than 0', got: '0' },
    ),
  ),
  post(
    'a way of moving that this version does not have',
    cutover,
    { weight: '5%', live: 'teleport', prepare: true },
    invalid(
      { field: 'live', expected: '"handover" or "reconnect" or "keep"', got: '"teleport"' },
      { field: 'prepare', expected: 'no such field in this version', got: 'one' },
    ),
  ),
  post(
    'a preparation of sessions that are to be closed',
    cutover,
    { weight: '5%', live: 'reconnect', prepareOnly: true },
    invalid({ field: 'live', expected: '"handover", or nothing, with prepareOnly', got: '"reconnect"' }),
  ),
  post(
    'a freeze without a reason and for an odd time',
    '/v1/freeze',
    { for: '4 hours', reason: ' ' },
    invalid(
      { field: 'for', expected: 'a duration up to 366d such as 30m, 4h or 2d', got: '"4 hours"' },
      { field: 'reason', expected: 'at least 1 characters', got: '""' },
    ),
  ),
  post(
    'two aims of a rollback',
    '/v1/rollback',
    { to: '5%', revision: 1 },
    invalid({ field: 'revision', expected: 'at most one of to, toBps, revision', got: '1' }),
  ),
  post('a body that is a list', cutover, [], invalid({ field: 'body', expected: 'an object', got: '[]' })),
  post(
    'an unknown cohort',
    '/v1/cohorts/nobody/cutover',
    { weightBps: 1 },
    {
      type: 'urn:crossfade:problem:not-found',
      title: 'Not found',
      status: 404,
      detail: 'No cohort "nobody"',
    },
  ),
  {
    name: 'a form instead of JSON',
    method: 'POST',
    path: cutover,
    options: { body: 'weight=5%', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    problem: {
      type: 'urn:crossfade:problem:unsupported-media-type',
      title: 'The body is not JSON',
      status: 415,
      detail: 'Expected a body with Content-Type: application/json',
    },
  },
  post(
    'a body beyond the limit',
    cutover,
    { reason: 'x'.repeat(70_000) },
    {
      type: 'urn:crossfade:problem:body-too-large',
      title: 'The body is too large',
      status: 413,
      detail: 'Request body is too large',
    },
  ),
  {
    name: 'a plan without If-Match',
    method: 'PUT',
    path: '/v1/plan',
    options: { body: firstPlan },
    problem: {
      type: 'urn:crossfade:problem:revision-required',
      title: 'If-Match is needed',
      status: 428,
      detail: 'Expected If-Match with the ETag of GET /v1/plan, so that nobody else’s revision is lost, got none',
    },
  },
  {
    name: 'an If-Match that is no revision',
    method: 'PUT',
    path: '/v1/plan',
    options: { body: firstPlan, headers: { 'if-match': '*' } },
    problem: invalid({ field: 'If-Match', expected: 'one ETag such as "12"', got: '*' }),
  },
  {
    name: 'a plan made from another revision than If-Match says',
    method: 'PUT',
    path: '/v1/plan',
    options: { body: { ...firstPlan, revision: 3 }, headers: { 'if-match': '"1"' } },
    problem: invalid({ field: 'revision', expected: '1 as in If-Match, or none', got: '3' }),
  },
];

for (const { name, method, path, options = {}, problem } of rows) {
  test(`problem document: ${name}`, async (context) => {
    const { call, backend } = await runServer(context);
    const answer = await call(method, path, { token: tokenByRole.admin, ...options });
    assert.deepEqual(answer.json, problem);
    assert.equal(answer.status, problem['status']);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    assert.equal(backend.revisionList.length, 1);
  });
}

test('problem document: malformed JSON', async (context) => {
  const { call } = await runServer(context);
  for (const body of ['{"weight": "5%"', '', '{"__proto__": {"weight": 1}}']) {
    const answer = await call('POST', cutover, { token: tokenByRole.operator, body });
    assert.equal(answer.status, 400);
    assert.equal(answer.json['type'], 'urn:crossfade:problem:malformed-request');
  }
});

test('405 says what is allowed', async (context) => {
  const { call } = await runServer(context);
  assert.equal((await call('PATCH', '/v1/plan')).headers.get('allow'), 'GET, PUT');
});

const statusByFailure: Readonly<Record<AdminFailureKind, number>> = {
  conflict: 412,
  'not-found': 404,
  invalid: 400,
  frozen: 409,
  unbridged: 409,
  'not-now': 409,
  'not-possible': 422,
  unavailable: 503,
  'too-slow': 504,
};

for (const [kind, status] of Object.entries(statusByFailure) as [AdminFailureKind, number][]) {
  test(`a failure ${kind} of the backend is a ${status} with its message and details`, async (context) => {
    const { call, backend } = await runServer(context);
    const details = [{ field: 'cohorts[0].target', expected: 'a broker', got: '"gcp"' }];
    backend.failing = { kind, message: 'The store is locked', details, latestRevision: 7 };
    const { status: came, json } = await call('GET', '/v1/status', { token: tokenByRole.viewer });
    assert.equal(came, status);
    assert.deepEqual([json['detail'], json['errors'], json['latestRevision']], ['The store is locked', details, 7]);
  });
}

test('a surprise inside says nothing of itself to the caller, and the server goes on', async (context) => {
  const { call, backend } = await runServer(context);
  backend.moves = () => Promise.reject(new Error('password=hunter2'));
  const answer = await call('GET', '/v1/moves', { token: tokenByRole.viewer });
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /hunter2/);
  assert.equal((await call('GET', '/v1/status', { token: tokenByRole.viewer })).status, 200);
});

test('zones may take longer to be read than other questions take to be answered', async (context) => {
  const { call, backend } = await runServer(context, { answerMs: 30 });
  const release = Promise.withResolvers<void>();
  backend.held = release.promise;
  const reload = call('POST', '/v1/zones/reload', { token: tokenByRole.operator });
  assert.equal((await call('GET', '/v1/status', { token: tokenByRole.viewer })).status, 504);
  release.resolve();
  const answer = await reload;
  assert.equal(answer.status, 200);
  assert.ok(Array.isArray(answer.json['zones']));
});

test('a backend that does not answer in time is a 504, and its late answer harms nobody', async (context) => {
  const { call, backend, logged } = await runServer(context, { answerMs: 30 });
  const release = Promise.withResolvers<void>();
  backend.held = release.promise;
  const answer = await call('GET', '/v1/status', { token: tokenByRole.viewer });
  assert.equal(answer.status, 504);
  assert.equal(answer.json['type'], 'urn:crossfade:problem:too-slow');
  release.resolve();
  backend.held = undefined;
  assert.equal((await call('GET', '/v1/status', { token: tokenByRole.viewer })).status, 200);
  assert.doesNotMatch(logged(), /"level":50/);
});
