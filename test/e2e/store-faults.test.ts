import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

const world = await FaultWorld.start();
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());
const store = join(world.directory, 'crossfade.db');

const files = [store, `${store}-wal`, `${store}-shm`];

/** The whole store goes elsewhere; something that is no store comes in its place. */
async function setAside(): Promise<void> {
  for (const file of files) await rename(file, `${file}.aside`);
  await writeFile(store, 'no database');
}

async function putBack(): Promise<void> {
  for (const file of files) await rename(`${file}.aside`, file).catch(() => {});
}

/** Tries to move a cohort, which must not work; answers the problem document. */
async function refusedCutover(): Promise<{ readonly status: number; readonly detail: string }> {
  const cutover = await gateway.admin.cutover('everyone', { weight: '50%', live: 'reconnect' });
  if (cutover.ok || cutover.error.kind !== 'problem') return assert.fail('the cutover was not refused');
  return cutover.error.problem;
}

test('a full disk: devices connect by the last plan, a cutover gets 503 with the reason, and later it works', async () => {
  assert.equal((await world.cutover(10_000)).state, 'done');
  await using before = await world.device('before-full');
  const control = String(await gateway.pidOfControl());
  // The file size limit fails writes as a full disk does, for root too.
  execFileSync('prlimit', ['--pid', control, '--fsize=4096:unlimited']);
  const problem = await refusedCutover();
  assert.equal(problem.status, 503);
  assert.match(problem.detail, /the plan store fails, the last plan stays in force: .*crossfade\.db/);
  await gateway.process.line('The plan store fails; the last plan stays in force');
  await using during = await world.device('during-full');
  await using keeper = await world.device('keeper-full', { clean: false });
  await Promise.all([before, during, keeper].map((device) => device.echo()));
  assert.equal(await world.brokerOf('during-full'), 'target');
  assert.equal((await gateway.status()).cohorts[0]?.weightBps, 10_000);

  execFileSync('prlimit', ['--pid', control, '--fsize=unlimited:unlimited']);
  assert.equal((await world.cutover(0)).state, 'done');
});

test('a store that is replaced while it is in use takes no revision that the next start would lose', async () => {
  await using before = await world.device('before-replaced');
  const { revision } = await gateway.status();
  await setAside();
  const problem = await refusedCutover();
  assert.equal(problem.status, 503);
  assert.match(problem.detail, /removed or replaced while it was in use/);
  await using during = await world.device('during-replaced');
  await Promise.all([before, during].map((device) => device.echo()));
  assert.equal((await gateway.status()).revision, revision);
});

test('a control process that finds a corrupt store stays away and says why; devices go on until it is repaired', async () => {
  await using before = await world.device('before-corrupt');
  const { revision } = await gateway.status();
  const from = gateway.process.lines.length;
  process.kill(await gateway.pidOfControl(), 'SIGKILL');
  assert.match(await gateway.process.line('cannot start', from), /crossfade\.db/);
  await using during = await world.device('during-corrupt');
  await Promise.all([before, during].map((device) => device.echo()));
  await putBack();
  const status = await eventually('the control process is back', () => gateway.wholeStatus(), 20_000);
  assert.equal(status.revision, revision);
  await eventually('both sessions', async () => (await gateway.status()).brokers['legacy']?.sessions === 2);
  assert.equal(before.closes + during.closes, 0);
  const cutover = answerOf(await gateway.admin.cutover('everyone', { weight: '100%', live: 'keep' }));
  assert.equal(cutover.revision, revision + 1);
});
