import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { ServiceDocument, ServiceVerificationDocument } from '../../src/admin/ledger-documents.ts';
import { runCommandLine } from '../../src/cli/main.ts';
import { createStyle } from '../../src/cli/style.ts';
import { FakeLedger, serviceDocument } from '../admin/fake-ledger.ts';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { runInProcess } from './spawned-cli.ts';

async function runGateway(context: TestContext) {
  const ledger = new FakeLedger();
  const { url } = await runServer(context, { ledger });
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.operator };
  return {
    ledger,
    environment,
    run: (...commandLine: string[]) => runInProcess(['services', ...commandLine], environment),
  };
}

function verified(change: Partial<ServiceVerificationDocument>): ServiceDocument {
  const verification: ServiceVerificationDocument = {
    ...{ state: 'complete', author: 'ops', startedAt: '2026-03-01T12:00:00.000Z', windowMs: 60_000 },
    ...{ text: 'all 1200 messages of 60 s came out at aws', window: null, bridge: null },
    ...change,
  };
  return { ...serviceDocument, verification };
}

test('services list is a table of where each stands, with what is missing below', async (context) => {
  const { ledger, run } = await runGateway(context);
  const { code, stdout } = await run('list');
  assert.equal(code, 0);
  assert.equal(
    stdout,
    `SERVICE  RULE     LEGACY  MEMBERS   SHARE  EXPECTED  STEP              NEXT
billing  billing  1 of 2        2  49.9 %    66.7 %  awaiting-removal  end one of billing-2
`,
  );
  ledger.current = { ...serviceDocument, step: 'verifying', trouble: 'no probe came' };
  const stuck = await run('list');
  assert.match(stuck.stdout, /verifying \(stuck\).*\nbilling: no probe came\n$/);
  const json = await run('list', '--json');
  assert.deepEqual(JSON.parse(json.stdout), [ledger.current]);
});

test('services move tells each step, and ends with what comes next', async (context) => {
  const { ledger, run } = await runGateway(context);
  const [entry] = serviceDocument.history;
  assert.ok(entry !== undefined);
  ledger.current = { ...serviceDocument, step: 'measuring', underWay: true };
  const later = { ...entry, at: '2026-03-01T12:00:01.000Z', text: 'the bridge gets 49.9 %' };
  ledger.following = { ...serviceDocument, history: [later, entry] };
  const { code, stdout, stderr } = await run('move', 'billing', '--removed', 'billing-1', '--window', '2s');
  assert.deepEqual([code, stderr], [0, 'verifying: the bridge gets 49.9 %\n']);
  assert.equal(
    stdout,
    `billing: 1 left (billing-2) at legacy, 2 members of the bridge; awaiting-removal
share of the bridge as measured: 49.9 %, expected then: 50.0 %
next: end one of billing-2
`,
  );
  assert.deepEqual(ledger.asked, [
    { move: 'billing', way: 'forth', author: 'ops', instance: 'billing-1', windowMs: 2_000 },
  ]);
});

test('on a terminal services move asks which instance was ended, and begins nothing without an answer', async (context) => {
  const { ledger, environment } = await runGateway(context);
  const answering = async (line: string) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const code = await runCommandLine(['services', 'move', 'billing'], {
      ...{ stdin: Readable.from([line]), stdout, stderr, environment, style: createStyle(false) },
      ...{ canRedraw: true, columns: 80 },
    });
    stdout.end();
    return { code, asked: await text(stderr.end()) };
  };
  const empty = await answering('\n');
  assert.deepEqual([empty.code, ledger.asked], [0, []]);
  assert.match(empty.asked, /Which instance has unsubscribed and ended \(billing-2; empty: none\)\?/);
  await answering('billing-2\n');
  assert.deepEqual(ledger.asked, [{ move: 'billing', way: 'forth', author: 'ops', instance: 'billing-2' }]);
});

test('services move without its proof is a verdict: 2', async (context) => {
  const { ledger, run } = await runGateway(context);
  ledger.current = { ...serviceDocument, step: 'verifying', trouble: '0 of 9 probes came out at aws' };
  const { code, stdout } = await run('move', 'billing', '--back');
  assert.equal(code, 2);
  assert.match(stdout, /^missing: 0 of 9 probes came out at aws$/m);
  assert.deepEqual(ledger.asked, [{ move: 'billing', way: 'back', author: 'ops' }]);
});

test('services move that is not possible now, of a service that is not there, and with options that do not go together', async (context) => {
  const { ledger, run } = await runGateway(context);
  assert.match((await run('move', 'nobody')).stderr, /there is no service "nobody"/);
  assert.equal((await run('move', 'nobody')).code, 64);
  assert.equal((await run('move', 'billing', '--back', '--removed', 'x')).code, 64);
  assert.equal((await run('move', 'billing', '--started', 'x')).code, 64);
  assert.equal((await run('move', 'billing', '--removed', 'x', '--window', 'soon')).code, 64);
  ledger.refusal = { kind: 'not-now', message: 'the service waits until one of billing-2 is ended' };
  const refused = await run('move', 'billing');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /waits until one of billing-2 is ended/);
});

test('services verify says the verdict: complete 0, incomplete 2, not found out 1', async (context) => {
  const { ledger, run } = await runGateway(context);
  ledger.current = verified({ state: 'running', text: '' });
  ledger.following = verified({});
  const complete = await run('verify', 'billing', '--window', '10s');
  assert.deepEqual(
    [complete.code, complete.stdout],
    [0, 'billing: complete: all 1200 messages of 60 s came out at aws\n'],
  );
  assert.deepEqual(ledger.asked, [{ verify: 'billing', windowMs: 10_000, author: 'ops' }]);
  ledger.following = verified({ state: 'incomplete', text: 'missing 1' });
  assert.equal((await run('verify', 'billing', '--no-wait')).code, 0);
  const incomplete = await run('verify', 'billing');
  assert.deepEqual([incomplete.code, incomplete.stdout], [2, 'billing: incomplete: missing 1\n']);
  ledger.following = verified({ state: 'failed', text: 'aws cannot be reached' });
  await run('verify', 'billing');
  assert.equal((await run('verify', 'billing')).code, 1);
});
