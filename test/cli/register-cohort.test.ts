import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RegistrationOutcome } from '../../src/aws/registrar.ts';
import { success } from '../../src/base/result.ts';
import type { CohortEntry } from '../../src/cli/cohort-file.ts';
import { parseCohortColumns, readCohortRow } from '../../src/cli/cohort-rows.ts';
import { registerCohort } from '../../src/cli/register-cohort.ts';
import { DoneRows, RegistrationRecord } from '../../src/cli/registration-record.ts';
import { RegistrationTally, renderDuration } from '../../src/cli/registration-tally.ts';
import { makeDirectory } from './spawned-cli.ts';

const done = { outcome: 'registered', certificateId: '0', thingName: 'a' } as const;
const throttled = { outcome: 'throttled', retryAfterMs: 1, message: 'no room' } as const;

/** So many devices, each answered by `answer` with the count of calls so far. */
async function run(
  devices: number,
  answer: (call: number) => RegistrationOutcome,
  clock: { nowMs: number } = { nowMs: 0 },
) {
  let calls = 0;
  const tally = new RegistrationTally(10, 0);
  const entries = async function* (): AsyncGenerator<CohortEntry> {
    for (let line = 2; line < devices + 2; line += 1) {
      yield { line, row: success({ line, device: `${line}`, identity: { clientId: `${line}` }, attributes: {} }) };
    }
  };
  const stopped = await registerCohort(entries(), {
    source: ({ device }) => success({ name: device, make: async () => device }),
    registrar: { register: async () => answer(++calls) },
    record: { has: () => false, add: async () => {} },
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 0 },
    ...{ tally, scope: '', concurrency: 1, onProgress: () => {} },
  });
  return { calls, ...tally.document(stopped, 0) };
}

test('what holds for every device stops the run, and what holds for one does not', async () => {
  const refuse = (reason: 'unauthorized' | 'missing-resource' | 'certificate') => () =>
    ({ outcome: 'refused', reason, message: `scripted ${reason}` }) as const;
  for (const reason of ['unauthorized', 'missing-resource'] as const) {
    const { calls, stopped, refused } = await run(10, refuse(reason));
    assert.deepEqual({ calls, stopped, refused }, { calls: 1, stopped: `scripted ${reason}`, refused: 1 });
  }
  assert.deepEqual((await run(99, refuse('certificate'))).stopped, null);
  assert.equal((await run(300, refuse('certificate'))).calls, 100);
  const some = await run(300, (call) => (call === 1 ? done : refuse('certificate')()));
  assert.deepEqual(
    { stopped: some.stopped, refused: some.refused, listed: some.rows.length },
    {
      ...{ stopped: null, refused: 299, listed: 10 },
    },
  );
});

test('an account without room is waited for, but not before it ever had some, nor for ever', async () => {
  assert.equal((await run(3, () => throttled)).stopped, 'no room');
  const patient = await run(3, (call) => (call % 3 === 1 ? done : throttled));
  assert.deepEqual({ registered: patient.registered, stopped: patient.stopped }, { registered: 3, stopped: null });
  const clock = { nowMs: 0 };
  const gone = await run(
    3,
    (call) => {
      clock.nowMs += 60_000;
      return call === 1 ? done : throttled;
    },
    clock,
  );
  assert.deepEqual(
    { registered: gone.registered, stopped: gone.stopped, calls: gone.calls },
    {
      ...{ registered: 1, stopped: 'no room', calls: 7 },
    },
  );
});

test('a record survives a torn last line, and knows a row by line and digest', async (context) => {
  const path = join(await makeDirectory(context), 'wave.csv.registered');
  const record = await RegistrationRecord.open(path);
  await record.enter('123456789012');
  await record.add(2, 0xabc, { outcome: 'registered', certificateId: 'f'.repeat(64) });
  await record.add(5_000, 0xffffffff, { outcome: 'already', certificateId: 'e'.repeat(64) });
  await record.close();
  await appendFile(path, '7,ab');
  const again = await RegistrationRecord.open(path);
  await again.enter('123456789012');
  assert.deepEqual(
    [again.has(2, 0xabc), again.has(5_000, 0xffffffff), again.has(2, 1), again.has(7, 0xab)],
    [true, true, false, false],
  );
  await again.add(7, 0xab, { outcome: 'registered', certificateId: 'd'.repeat(64) });
  await again.close();
  assert.ok((await DoneRows.read(path)).has(7, 0xab));
  assert.equal((await readFile(path, 'utf8')).split('\n')[0], 'line,row,outcome,certificateId');
});

test('what is done in one account is not done in another', async (context) => {
  const path = join(await makeDirectory(context), 'wave.csv.registered');
  const done = { outcome: 'registered', certificateId: 'f'.repeat(64) };
  const run = async (account: string, line: number) => {
    const record = await RegistrationRecord.open(path);
    await record.enter(account);
    const known = [record.has(2, 1), record.has(3, 1)];
    await record.add(line, 1, done);
    await record.close();
    return known;
  };
  assert.deepEqual(await run('111111111111', 2), [false, false]);
  assert.deepEqual(await run('222222222222', 3), [false, false]);
  assert.deepEqual(await run('111111111111', 2), [true, false]);
  // A dry run, which asks nobody, shows those of the last one.
  const last = await DoneRows.read(path);
  assert.deepEqual([last.has(2, 1), last.has(3, 1)], [true, false]);
});

test('columns are found by their names in any spelling, and a row becomes all that it says', async (context) => {
  const directory = await makeDirectory(context);
  await writeFile(join(directory, 'bad.pem'), 'no certificate');
  const parsed = parseCohortColumns({
    line: 1,
    fields: ['Client ID', 'certificate.commonName', 'note', 'attribute.Site', 'pem'],
  });
  assert.ok(parsed.ok);
  const reading = { columns: parsed.value, deviceKind: 'cn', directory } as const;
  assert.deepEqual(await readCohortRow({ line: 2, fields: ['a', 'b', 'c', 'd', ''] }, reading), {
    ok: true,
    value: {
      line: 2,
      device: 'b',
      identity: { clientId: 'a', certificate: { commonName: 'b' } },
      attributes: { Site: 'd' },
    },
  });
  const faults = [
    [['a', 'b', 'c', 'not legal', ''], /the value of attribute\.Site is not legal/],
    [['', '', 'c', 'd', ''], /the row names no device/],
    [['a', 'b', 'c', 'd', 'bad.pem'], /expected one X\.509 certificate/],
    [['a', 'b'], /expected 5 fields, got 2/],
  ] as const;
  for (const [fields, message] of faults) {
    const row = await readCohortRow({ line: 2, fields }, reading);
    assert.match(row.ok ? '' : row.error, message);
  }
  assert.equal(parseCohortColumns({ line: 1, fields: ['meter-7', 'dt/#', '1'] }).ok, false);
  assert.equal(parseCohortColumns({ line: 1, fields: ['attribute.site'] }).ok, false);
});

test('a duration reads as one would say it', () => {
  const cases = [
    [0, '0 s'],
    [89.2, '90 s'],
    [600, '10 min'],
    [20_000, '5.6 h'],
    [666_666, '7.7 days'],
  ] as const;
  for (const [seconds, text] of cases) assert.equal(renderDuration(seconds), text);
});
