import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SubscriptionImportBody } from '../../src/admin/subscription-import.ts';
import { failure, success } from '../../src/base/result.ts';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { makeDirectory, runInProcess } from './spawned-cli.ts';

async function runImport(context: TestContext, role: keyof typeof tokenByRole = 'operator') {
  const { backend, url } = await runServer(context, { bodyLimit: 16 * 1_048_576 });
  const path = join(await makeDirectory(context), 'subscriptions.csv');
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole[role] };
  const run = (...options: string[]) =>
    runInProcess(['sessions', 'import-subscriptions', path, ...options], environment);
  const bodies = () => backend.asked as readonly SubscriptionImportBody[];
  return { backend, path, run, bodies };
}

test('rows become devices with their filters; a header is passed over, and a bad row leaves its device unknown', async (context) => {
  const { backend, path, run, bodies } = await runImport(context);
  const rows = [
    'client ID,filter,QoS',
    'meter-7,"a/+,b",1',
    'meter-7,c, 0',
    'meter-8,d,3',
    ',e,1',
    'meter-8,f',
    'meter-9,wrong/#/filter,1',
  ];
  await writeFile(path, rows.join('\n'));
  const { importSubscriptions } = backend;
  backend.importSubscriptions = async (body) => {
    await importSubscriptions.call(backend, body);
    const rejected = [{ clientId: 'meter-9', filter: 'wrong/#/filter', reason: '# is not the last level' }];
    return success({ devices: 3, filters: 2, alreadyKnown: 0, rejected });
  };
  const { code, stdout } = await run();
  assert.equal(code, 2);
  assert.deepEqual(
    bodies().map(({ devices }) => devices),
    [
      [
        {
          clientId: 'meter-7',
          subscriptions: [
            { filter: 'a/+,b', qos: 1 },
            { filter: 'c', qos: 0 },
          ],
          isComplete: true,
        },
        { clientId: 'meter-8', subscriptions: [], isComplete: false },
        { clientId: 'meter-9', subscriptions: [{ filter: 'wrong/#/filter', qos: 1 }], isComplete: true },
      ],
    ],
  );
  assert.equal(
    stdout,
    `DEVICES  FILTERS  ALREADY KNOWN  STILL UNKNOWN  REJECTED ROWS
      3        2              0              2              4

LINE  CLIENT ID  REASON
   4  meter-8    expected QoS 0, 1 or 2, got "3"
   5  -          the client ID is empty
   6  meter-8    expected 3 fields (client ID, filter, QoS), got 2
   7  meter-9    # is not the last level

Devices that are connected can be moved from now on, the others from their next CONNECT.
`,
  );
});

test('a large file goes in calls of 1000 devices at most, no device in two of them', async (context) => {
  const { path, run, bodies } = await runImport(context);
  const file = createWriteStream(path);
  for (let device = 0; device < 4_500; device += 1) {
    for (const filter of ['commands', 'configuration/#']) file.write(`meter-${device},${filter}/${device},1\r\n`);
  }
  await new Promise((resolve) => file.end(resolve));
  const { code, stdout, stderr } = await run('--json');
  assert.equal(code, 0, stderr);
  const outcome = { devices: 4_500, filters: 9_000, alreadyKnown: 0, unknown: 0, rejectedRows: 0, rejected: [] };
  assert.deepEqual(JSON.parse(stdout), outcome);
  assert.deepEqual(
    bodies().map(({ devices }) => devices.length),
    [1_000, 1_000, 1_000, 1_000, 500],
  );
  assert.equal(new Set(bodies().map(({ importId }) => importId)).size, 1);
  assert.match(stderr, /100\/100 4500 devices, 9000 filters/);
});

test('a gateway that is away for a moment costs a wait and no row', async (context) => {
  const { backend, path, run, bodies } = await runImport(context);
  await writeFile(path, Array.from({ length: 1_001 }, (_, device) => `meter-${device},a,0`).join('\n'));
  const { importSubscriptions } = backend;
  let calls = 0;
  backend.importSubscriptions = async (body) => {
    calls += 1;
    return calls === 2
      ? failure({ kind: 'unavailable', message: 'a moment' })
      : importSubscriptions.call(backend, body);
  };
  const { code } = await run();
  assert.deepEqual([code, calls], [0, 3]);
  assert.deepEqual(
    bodies().map(({ devices }) => devices.length),
    [1_000, 1],
  );
});

test('a file that is not there, and a viewer, end the command with the reason', async (context) => {
  const { path, run } = await runImport(context, 'viewer');
  const missing = await run();
  assert.deepEqual([missing.code, missing.stdout], [64, '']);
  await writeFile(path, 'meter-7,a,1\n');
  const forbidden = await run();
  assert.equal(forbidden.code, 1);
  assert.match(forbidden.stderr, /operator/);
});

test('a file without rows imports nothing, which is a mistake and not a success', async (context) => {
  for (const content of ['', '\n\n', 'client ID,filter,QoS\n']) {
    const { path, run, bodies } = await runImport(context);
    await writeFile(path, content);
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stdout, bodies().length], [64, '', 0]);
    assert.match(stderr, /subscriptions\.csv has no rows: expected client ID, topic filter and QoS/);
  }
});
