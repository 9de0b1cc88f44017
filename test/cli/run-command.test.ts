import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import type { ReceivedEvent } from '../../src/admin/event-reader.ts';
import {
  makeDirectory,
  parseJsonLines,
  program,
  runInProcess,
  secretToken,
  writeConfiguration,
} from './spawned-cli.ts';

interface RunningGateway {
  readonly child: ChildProcess;
  /** The first line of stdout. */
  readonly ready: { readonly event: string; readonly listeners: readonly unknown[]; readonly admin: string };
  /** Every further line of stdout. */
  readonly furtherLines: readonly string[];
}

/** `crossfade run`, ended with the test. */
async function startRun(context: TestContext, config: string): Promise<RunningGateway> {
  const child = spawn(process.execPath, [program, 'run', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
  assert.equal(typeof first, 'string', `run ended with ${first} before it was ready`);
  const furtherLines: string[] = [];
  lines.on('line', (line) => furtherLines.push(line));
  return { child, ready: JSON.parse(String(first)), furtherLines };
}

async function firstEvents(events: AsyncIterable<ReceivedEvent>): Promise<readonly ReceivedEvent[]> {
  for await (const event of events) return [event];
  return [];
}

test('run prints one ready line whatever the log level, serves the other commands, and ends with SIGTERM', async (context) => {
  const config = await writeConfiguration(await makeDirectory(context), {
    logLevel: 'silent',
    limits: '{ eventBacklog: 1 }',
  });
  const { child, ready, furtherLines } = await startRun(context, config);
  assert.deepEqual(Object.keys(ready), ['event', 'listeners', 'nameserver', 'admin']);
  assert.equal(ready.event, 'ready');
  assert.match(JSON.stringify(ready.listeners), /^\[\{"name":"plain","address":"127\.0\.0\.1:[1-9]\d*"\}\]$/);
  const environment = { CROSSFADE_ADMIN: ready.admin, CROSSFADE_TOKEN: secretToken };
  const cli = (...commandLine: string[]) => runInProcess(commandLine, environment);

  const client = createAdminClient({ url: ready.admin, token: secretToken });
  context.after(() => client.close());
  const events = await client.events();
  assert.ok(events.ok);
  const moved = await cli('cutover', 'everyone', '--weight', '50%', '--reason', 'half', '--json');
  assert.equal(moved.code, 0, moved.stderr);
  assert.equal(parseJsonLines(moved.stdout).at(-1)?.['state'], 'done');
  const online = await cli('where', 'device-000001', '--json');
  const offline = await runInProcess(['where', 'device-000001', '--config', config, '--json']);
  const { home, connected, ...assignment } = JSON.parse(online.stdout);
  assert.deepEqual([home, connected], [null, false]);
  assert.deepEqual(assignment, JSON.parse(offline.stdout));
  assert.deepEqual(JSON.parse(offline.stdout).weightBps, 5_000);
  const status = JSON.parse((await cli('status', '--json')).stdout);
  assert.deepEqual(
    { revision: status.revision, weightBps: status.cohorts[0].weightBps },
    { revision: 2, weightBps: 5_000 },
  );
  const back = await cli('rollback', '--all', '--revision', '1');
  assert.equal(back.code, 0, back.stderr);
  const history = JSON.parse((await cli('plan', 'history', '--json')).stdout);
  assert.deepEqual(
    history.map(({ revision, author }: { revision: number; author: string }) => ({ revision, author })),
    [3, 2].map((revision) => ({ revision, author: 'ops' })).concat({ revision: 1, author: 'configuration' }),
  );

  // More than one event came since, so the configured backlog of one has lost the second.
  const [first] = await firstEvents(events.value);
  const resumed = await client.events({ lastEventId: first?.id ?? '' });
  assert.ok(resumed.ok);
  assert.deepEqual(
    (await firstEvents(resumed.value)).map(({ event }) => event.type),
    ['gap'],
  );

  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.deepEqual({ code, furtherLines }, { code: 0, furtherLines: [] });
});
