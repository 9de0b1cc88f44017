import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultLiveMode, type MoveDocument } from '../../src/admin/admin-api.ts';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { failure, success } from '../../src/base/result.ts';
import { renderDryRun } from '../../src/cli/dry-run-rendering.ts';
import { renderMissing } from '../../src/cli/move-command.ts';
import { awaitReturn, cohortsNow } from '../../src/cli/returned-devices.ts';
import { createStyle } from '../../src/cli/style.ts';
import { renderWhere } from '../../src/cli/where-rendering.ts';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { assessment, dryRun, type FakeBackend, interlock } from '../admin/fake-backend.ts';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { moveDocument, planDocument, revisionDocument, statusDocument, whereDocument } from './sample-documents.ts';
import { makeDirectory, parseJsonLines, runCli, runInProcess } from './spawned-cli.ts';

/** A running admin API, and the command line with its address and token in the environment: `cli` as an operator's shell runs it, `inProcess` the quick way. */
async function runGateway(context: TestContext, role: keyof typeof tokenByRole = 'admin') {
  const { backend, url } = await runServer(context);
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole[role] };
  const inProcess = (...commandLine: string[]) => runInProcess(commandLine, environment);
  return { backend, environment, inProcess, cli: (...commandLine: string[]) => runCli(commandLine, { environment }) };
}

/** The move answers one document after the other, and the last one from then on. */
function scriptMove(backend: FakeBackend, documents: readonly Partial<MoveDocument>[]): void {
  let asked = 0;
  backend.move = async (id) => {
    const document = documents[Math.min(asked, documents.length - 1)];
    asked += 1;
    return success({ ...moveDocument, id, ...document });
  };
}

test('status prints tables of brokers, cohorts, moves, listeners and workers, or the documents of the API', async (context) => {
  const { backend, cli } = await runGateway(context, 'viewer');
  backend.status = async () => success(statusDocument);
  const running = {
    ...moveDocument,
    id: 'm-2',
    kind: 'rollback',
    state: 'running',
    moved: 7,
    finishedAt: null,
  } as const;
  backend.moveById.set('m-1', moveDocument).set('m-2', running);
  const [table, json] = await Promise.all([cli('status'), cli('status', '--json')]);
  assert.deepEqual([table.code, table.stderr, json.code], [0, '', 0]);
  assert.deepEqual(JSON.parse(json.stdout), { ...statusDocument, moves: [running, moveDocument] });
  assert.equal(
    table.stdout,
    `revision  4

BROKER  PROFILE       SESSIONS  SECOND LEGS  STATE
legacy  mqtt               952            0  up
aws     aws-iot-core        48           30  down

COHORT    WEIGHT          SEEN  SOURCE  SESSIONS  TARGET  SESSIONS  MOVING  UNDER WAY  PREPARED  WARM  HELD BACK
everyone      5%  48/1000 4.8%  legacy       952  aws           48       2          1        29     0          3

MOVE  KIND      COHORTS   STATE    ELIGIBLE  MOVED  REFUSED  STARTED                    TOOK  WHY
m-2   rollback  everyone  running        40      7        0  2026-03-01T12:00:00.000Z      -
m-1   cutover   everyone  done           40     40        0  2026-03-01T12:00:00.000Z  1.2 s

bridge  rules: 2 running, 1 paused; spool 1.5 MiB; lag p99.9 up to 13 ms

LISTENER      ADDRESS
devices       0.0.0.0:8883
(nameserver)  0.0.0.0:53

WORKER  PID  REVISION  CONNECTIONS  SESSIONS
     1  101         4          600       600
     2  102         3          400       400
`,
  );
});

test('assess prints tables and answers 0, with --strict 2 when a device cannot move', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'viewer');
  const table = await inProcess('assess', '--cohort', 'everyone', '--examples', '3');
  assert.deepEqual([table.code, table.stderr], [0, '']);
  assert.deepEqual(backend.asked, [{ cohort: 'everyone', limit: 3 }]);
  assert.equal(
    table.stdout,
    `COHORT    TARGET  DEVICES  AS THEY ARE  ADAPTED  CANNOT MOVE  OBSERVED SINCE
everyone  aws           4            1        2            1  2026-03-01T12:00:00.000Z

COHORT    ADAPTED       DEVICES
everyone  qos2-publish        2

COHORT    CANNOT MOVE  DEVICES
everyone  topic-depth        1

DEVICE   REASON       LAST SEEN                 EXAMPLE
meter-7  topic-depth  2026-03-01T12:00:00.000Z  a/b/c/d/e/f/g/h/i
`,
  );
  const json = await inProcess('assess', '--json', '--strict');
  assert.deepEqual([json.code, JSON.parse(json.stdout)], [2, assessment]);
  const unknown = await inProcess('assess', '--cohort', 'nobody');
  assert.equal(unknown.code, 64);
  assert.match(unknown.stderr, /No cohort "nobody"/);
});

test('cutover prints the ID first, follows the move to its end, and shows progress on stderr', async (context) => {
  const { backend, cli } = await runGateway(context, 'operator');
  const refused = [{ clientId: 'meter-9', reason: 'persistent session' }];
  scriptMove(backend, [
    { state: 'running', moved: 10, finishedAt: null },
    { state: 'paused', moved: 20, finishedAt: null },
    { state: 'done', moved: 39, refused, refusedTotal: 1 },
  ]);
  backend.status = async () => success(statusDocument);
  const { code, stdout, stderr } = await cli(
    'cutover',
    'everyone',
    '--weight',
    '5%',
    '--reason',
    'canary',
    '--pace',
    '100/s',
  );
  assert.equal(code, 0);
  const lines = stdout.split('\n');
  assert.equal(lines[0], 'move move-2 (revision 2): everyone to 5% (500 bps) of its devices on the target');
  assert.match(stdout, /^done +40 +39 +0 +1 +1\.2 s$/m);
  assert.match(stdout, /^meter-9 +persistent session$/m);
  assert.match(stdout, /^everyone +5% +48\/1000 4\.8% +legacy /m);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    '10 sessions are warm and move at once: the pace is for sessions without a second connection',
    '10/40 moved (running)',
    '20/40 moved (paused)',
    '39/40 moved (done, 1 refused)',
  ]);
  const asked = {
    ...{ cohort: 'everyone', weightBps: 500, reason: 'canary', pacePerSecond: 100 },
    ...{ live: defaultLiveMode, prepareOnly: false, unbridgedOk: false, author: 'ops' },
  };
  assert.deepEqual(backend.asked, [{ ...asked, dryRun: true }, asked], 'what the pace does not bind is asked first');
});

/** The status tells these sessions of the cohort (source, target), one pair after the other, the last from then on. */
function scriptSessions(backend: FakeBackend, pairs: readonly (readonly [source: number, target: number])[]): void {
  let asked = 0;
  backend.status = async () => {
    const [source = 0, target = 0] = pairs[Math.min(asked, pairs.length - 1)] ?? [];
    asked += 1;
    const cohorts = statusDocument.cohorts.map((cohort) => ({ ...cohort, sessions: { source, target, moving: 0 } }));
    return success({ ...statusDocument, cohorts });
  };
}

test('cutover shows the cohort once the devices that it closed are back', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  scriptMove(backend, [{ state: 'done', moved: 40 }]);
  scriptSessions(backend, [
    [100, 0],
    [60, 0],
    [60, 25],
    [60, 40],
  ]);
  const { code, stdout } = await inProcess('cutover', 'everyone', '--weight', '40%');
  assert.equal(code, 0);
  assert.match(stdout, /^everyone +5% +40\/100 40% /m);
  assert.doesNotMatch(stdout, /not back yet/);
});

test('devices that a move closed and that stay away are counted, and no others', async (context) => {
  const { backend, environment } = await runGateway(context, 'operator');
  const client = createAdminClient({ url: environment.CROSSFADE_ADMIN, token: environment.CROSSFADE_TOKEN });
  context.after(() => client.close());
  // Two devices left by themselves meanwhile.
  scriptSessions(backend, [
    [2, 3],
    [0, 0],
  ]);
  const before = await cohortsNow(client);
  const returned = await awaitReturn({ ...moveDocument, moved: 3 }, before, { client, returnMs: 1 });
  assert.equal(returned?.missing, 3);
  assert.equal(renderMissing(3), '3 devices closed, not back yet: "crossfade status" shows them once they connect\n');
  assert.equal(renderMissing(0), '');
});

test('a move that keeps live sessions waits for nobody', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  scriptMove(backend, [{ state: 'done', live: 'keep', moved: 3 }]);
  scriptSessions(backend, [
    [5, 0],
    [1, 0],
  ]);
  const { stdout } = await inProcess('cutover', 'everyone', '--weight', '40%', '--live', 'keep');
  assert.match(stdout, /^everyone +5% +0\/1 0% /m);
  assert.doesNotMatch(stdout, /not back yet/);
});

test('cutover --json prints the move that began and the move that ended, a line each', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  scriptMove(backend, [{ state: 'done' }]);
  const { code, stdout } = await inProcess('cutover', 'everyone', '--weight', '500bps', '--live', 'keep', '--json');
  assert.equal(code, 0);
  const [begun, ended] = parseJsonLines(stdout);
  assert.deepEqual(begun, { revision: 2, move: { id: 'move-2' } });
  assert.equal(ended?.['state'], 'done');
  assert.equal((backend.asked[0] as { live: string }).live, 'keep');
});

test('cutover --no-wait returns with the ID and asks for no move', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  backend.move = () => Promise.reject(new Error('Expected nobody to ask'));
  const { code, stdout, stderr } = await inProcess('cutover', 'everyone', '--weight', '1%', '--no-wait');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^move move-2 \(revision 2\): [^\n]+\n$/);
});

for (const state of ['failed', 'aborted', 'superseded'] as const) {
  test(`cutover ends with 1 when its move ${state === 'superseded' ? 'is' : 'has'} ${state}, and says why`, async (context) => {
    const { backend, inProcess } = await runGateway(context, 'operator');
    scriptMove(backend, [{ state, message: 'broker aws is down' }]);
    const { code, stdout } = await inProcess('cutover', 'everyone', '--weight', '5%');
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`^${state} `, 'm'));
    assert.match(stdout, /: broker aws is down$/m);
  });
}

test('Ctrl-C ends the following, not the move, and says so', async (context) => {
  const { backend, environment } = await runGateway(context, 'operator');
  scriptMove(backend, [{ state: 'running', moved: 1, finishedAt: null }]);
  const commandLine = ['cutover', 'everyone', '--weight', '5%'];
  const { code, stdout, stderr } = await runCli(commandLine, { environment, signalAfterStderr: 'SIGINT' });
  assert.equal(code, 1);
  assert.match(stdout, /^move move-2 /);
  assert.match(stderr, /no longer following move move-2, it goes on\n.*"crossfade rollback" takes it back/);
});

test('a gateway that is away for a moment does not end the following', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  let asked = 0;
  backend.move = async (id) => {
    asked += 1;
    return asked === 1 ? failure({ kind: 'unavailable', message: 'Starting' }) : success({ ...moveDocument, id });
  };
  const { code } = await inProcess('cutover', 'everyone', '--weight', '5%');
  assert.deepEqual({ code, asked }, { code: 0, asked: 2 });
});

test('an HTTPS admin API is reached with the CA that --ca names, and not without', async (context) => {
  const authority = mintCertificateAuthority('Admin CA');
  const server = mintCertificate({ subject: { commonName: 'admin' }, ipAddresses: ['127.0.0.1'], issuer: authority });
  const { url } = await runServer(context, { tls: { cert: server.certificate, key: server.key } });
  const ca = join(await makeDirectory(context), 'ca.pem');
  await writeFile(ca, authority.certificate);
  const access = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.viewer };
  const trusted = await runInProcess(['status', '--ca', ca], access);
  const untrusted = await runInProcess(['status'], access);
  assert.deepEqual([trusted.code, untrusted.code], [0, 69]);
  assert.match(untrusted.stderr, /No answer from https:.*certificate/);
});

test('rollback takes a cohort or all, to a weight or a revision', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  const runs = [
    await inProcess('rollback', 'everyone', '--no-wait'),
    await inProcess('rollback', 'everyone', '--to', '5%', '--reason', 'alarm', '--no-wait'),
    await inProcess('rollback', '--all', '--revision', '1', '--json'),
  ];
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0],
  );
  assert.match(runs[0]?.stdout ?? '', /^move move-2 \(revision 2\): everyone back to 0% \(0 bps\)$/m);
  assert.equal(parseJsonLines(runs[2]?.stdout ?? '').length, 2);
  const common = { live: defaultLiveMode, author: 'ops' };
  assert.deepEqual(
    backend.asked.map((request) => JSON.parse(JSON.stringify(request))),
    [
      { ...common, scope: { cohort: 'everyone' }, to: { weightBps: 0 }, reason: '' },
      { ...common, scope: { cohort: 'everyone' }, to: { weightBps: 500 }, reason: 'alarm' },
      { ...common, scope: { all: true }, to: { revision: 1 }, reason: '' },
    ],
  );
});

test('cutover --dry-run shows what a move would find, and asks for nothing else', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  const commandLine = ['cutover', 'everyone', '--weight', '5%', '--dry-run'];
  const [table, json] = [await inProcess(...commandLine), await inProcess(...commandLine, '--json')];
  assert.deepEqual([table.code, table.stderr, json.code], [0, '', 0]);
  assert.equal(
    table.stdout,
    `dry run, nothing was changed: everyone to 5% (500 bps) of its devices on the target

LIVE  WARM  COLD  PENDING  REFUSED    PACE  TAKES ABOUT
  40    10    30        3        1  62.5/s        3.0 s

10 sessions are warm and move at once: the pace is for sessions without a second connection

BROKER  CONNECTS/S  FILTERS/S  FILTERS
aws       no bound        500      120

Pending:
  2 offline, will follow the plan when they connect
  1 with subscriptions that the gateway has not seen

PENDING  REASON
meter-8  persistent session: what it is subscribed to is not known

REFUSED  REASON
meter-9  the target cannot carry it: topic-depth
`,
  );
  assert.deepEqual(JSON.parse(json.stdout), dryRun);
  assert.deepEqual([backend.revisionList.length, backend.moveById.size], [1, 0]);
  const rollback = await inProcess('rollback', '--all', '--dry-run');
  assert.match(rollback.stdout, /^dry run, nothing was changed: every cohort back to 0% \(0 bps\)$/m);
});

test('cutover --dry-run says where a quota keeps warm sessions from moving at once', () => {
  const quotas = { aws: { connectsPerSecond: null, filtersPerSecond: 500, filters: 501 } };
  const text = renderDryRun({ ...dryRun.dryRun, quotas }, createStyle(false));
  assert.match(text, /^The sessions have 501 subscriptions and aws takes 500 a second: also warm ones move one after/m);
  assert.doesNotMatch(text, /at once/);
});

test('a pace says before the move what it does not hold back', async (context) => {
  const { inProcess } = await runGateway(context, 'operator');
  const paced = await inProcess('cutover', 'everyone', '--weight', '5%', '--pace', '2/s', '--no-wait');
  assert.match(paced.stderr, /^10 sessions are warm and move at once: the pace is /);
  assert.match(paced.stdout, /^move move-2 /);
  const notes = [
    await inProcess('cutover', 'everyone', '--weight', '5%', '--no-wait'),
    await inProcess('cutover', 'everyone', '--weight', '5%', '--pace', '2/s', '--prepare', '--no-wait'),
    await inProcess('rollback', 'everyone', '--pace', '2/s', '--live', 'reconnect', '--no-wait'),
    await inProcess('rollback', 'everyone', '--pace', '2/s', '--json', '--no-wait'),
  ];
  for (const { stderr, code } of notes) assert.deepEqual([code, stderr.includes('warm')], [0, false], stderr);
});

test('cutover --prepare follows the preparation, and counts prepared sessions', async (context) => {
  const { backend, cli } = await runGateway(context, 'operator');
  const preparing = { prepareOnly: true, unbridgedOk: false, moved: 0, live: 'handover', finishedAt: null } as const;
  scriptMove(backend, [
    { ...preparing, state: 'running', prepared: 11, underWay: 4, aborted: 1 },
    { ...preparing, state: 'paused', prepared: 15, message: 'cutovers are frozen by chief' },
    { ...preparing, state: 'done', prepared: 40 },
  ]);
  const { code, stdout, stderr } = await cli('cutover', 'everyone', '--weight', '5%', '--prepare');
  assert.equal(code, 0);
  assert.match(stdout, /^move move-2 \(revision 2\): everyone prepared for 5% \(500 bps\) of its devices/);
  assert.match(stdout, /^done +40 +0 +40 /m);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    '11/40 prepared (running, 4 under way, 1 given up)',
    '15/40 prepared (paused): cutovers are frozen by chief',
    '40/40 prepared (done)',
  ]);
  assert.deepEqual((backend.asked[0] as { live: string; prepareOnly: boolean }).prepareOnly, true);
});

test('moves lists, follows, pauses, resumes and aborts', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  assert.equal((await inProcess('moves', 'list')).stdout, 'no move yet\n');
  backend.moveById.set('m-1', moveDocument);
  const prepared = {
    ...moveDocument,
    id: 'm-2',
    prepareOnly: true,
    unbridgedOk: false,
    moved: 0,
    prepared: 12,
  } as const;
  backend.moveById.set('m-2', prepared);
  const list = await inProcess('moves', 'list');
  assert.equal(
    list.stdout,
    `MOVE  KIND     COHORTS   STATE  ELIGIBLE  MOVED  REFUSED  STARTED                    TOOK  WHY
m-2   prepare  everyone  done         40     12        0  2026-03-01T12:00:00.000Z  1.2 s
m-1   cutover  everyone  done         40     40        0  2026-03-01T12:00:00.000Z  1.2 s
`,
  );
  assert.deepEqual(JSON.parse((await inProcess('moves', 'list', '--json')).stdout), [prepared, moveDocument]);
  const watched = await inProcess('moves', 'watch', 'm-1');
  assert.deepEqual([watched.code, watched.stderr], [0, '40/40 moved (done)\n']);
  assert.match(watched.stdout, /^done +40 +40 +0 +0 +1\.2 s$/m);
  assert.equal((await inProcess('moves', 'pause', 'm-1')).stdout, 'move m-1: paused, paused by ops\n');
  assert.equal((await inProcess('moves', 'resume', 'm-1')).stdout, 'move m-1: running\n');
  backend.moveById.set('m-3', {
    ...moveDocument,
    id: 'm-3',
    state: 'paused',
    message: 'paused by ops',
    finishedAt: null,
  });
  assert.match((await inProcess('moves', 'list')).stdout, /^m-3 .* - {2}paused by ops$/m);
  const aborted = await inProcess('moves', 'abort', 'm-1', '--json');
  assert.equal(JSON.parse(aborted.stdout).state, 'aborted');
  for (const verb of ['watch', 'pause']) {
    const unknown = await inProcess('moves', verb, 'm-9');
    assert.equal(unknown.code, 64);
    assert.match(unknown.stderr, /No move "m-9"\n.*"crossfade moves list" lists the moves/);
  }
});

test('freeze says who, until when and why, and unfreeze lifts it', async (context) => {
  const { inProcess } = await runGateway(context, 'operator');
  const frozen = await inProcess('freeze', '--for', '4h', '--reason', 'incident 7');
  assert.deepEqual([frozen.code, frozen.stderr], [0, '']);
  assert.equal(frozen.stdout, 'frozen by ops until 2026-03-01T16:00:00.000Z, no cutover starts: incident 7\n');
  assert.equal((await inProcess('unfreeze')).stdout, 'lifted the freeze of ops: incident 7\n');
  assert.equal((await inProcess('unfreeze')).stdout, 'nothing was frozen\n');
  assert.equal((await inProcess('unfreeze', '--json')).stdout, 'null\n');
});

test('what a freeze or a move under way refuses comes with the next step', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  backend.cutover = async () => failure({ kind: 'frozen', message: 'cutovers are frozen by chief: incident 7' });
  backend.pauseMove = async () => failure({ kind: 'not-now', message: 'm-1 has ended: done' });
  const cutover = await inProcess('cutover', 'everyone', '--weight', '5%');
  assert.equal(cutover.code, 1);
  assert.match(cutover.stderr, /frozen by chief: incident 7\n.*"crossfade unfreeze" lifts the freeze/);
  const pause = await inProcess('moves', 'pause', 'm-1');
  assert.equal(pause.code, 1);
  assert.match(pause.stderr, /m-1 has ended: done\n.*"crossfade moves list"/);
});

const usageMistakes: readonly (readonly [commandLine: readonly string[], expected: RegExp])[] = [
  [['rollback'], /expected a cohort or --all, one of the two/],
  [['rollback', 'everyone', '--all'], /expected a cohort or --all, one of the two/],
  [['rollback', 'everyone', '--to', '5%', '--revision', '1'], /cannot be used with option/],
  [['cutover', 'everyone'], /required option '--weight/],
  [['cutover', 'everyone', '--weight', '5'], /expected a weight such as 5%/],
  [['cutover', 'everyone', '--weight', '5%', '--live', 'teleport'], /Allowed choices are handover, reconnect, keep/],
  [
    ['cutover', 'everyone', '--weight', '5%', '--prepare', '--live', 'keep'],
    /--live keep uses none\n.*leave --live out/,
  ],
  [['freeze'], /required option '--reason/],
  [['freeze', '--for', '4 hours', '--reason', 'x'], /expected a duration up to 366d such as 30m, 4h or 2d/],
  [['moves', 'pause'], /missing required argument 'id'/],
  [['cutover', 'everyone', '--weight', '5%', '--pace', 'fast'], /Expected sessions per second/],
  [['plan', 'diff', '1'], /expected two revisions, or --config/],
  [['plan', 'diff', '1', 'x'], /Expected a whole number/],
];

test('a usage mistake ends with 64 and changes nothing', async (context) => {
  const { backend, environment } = await runGateway(context);
  for (const [commandLine, expected] of usageMistakes) {
    const { code, stderr } = await runInProcess(commandLine, environment);
    assert.equal(code, 64, commandLine.join(' '));
    assert.match(stderr, expected);
  }
  assert.deepEqual(backend.asked, []);
});

test('a mistake that the gateway finds is said once, and a gateway that explains itself is heard', async (context) => {
  const { backend, inProcess } = await runGateway(context);
  const unnamed = await inProcess('cutover', '', '--weight', '5%');
  assert.deepEqual(unnamed, {
    code: 64,
    stdout: '',
    stderr: 'crossfade: The request is not valid\n  name: expected at least 1 characters, got ""\n',
  });
  const long = await inProcess('cutover', 'everyone', '--weight', '5%', '--reason', 'x'.repeat(1_001));
  assert.equal(long.stderr.match(/at most 1000 characters/g)?.length, 1);
  const details = [{ field: 'cohort', expected: 'one without a cutover under way', got: '"everyone"' }];
  backend.failing = { kind: 'invalid', message: 'expected one cutover at a time', details };
  assert.equal(
    (await inProcess('status')).stderr,
    'crossfade: expected one cutover at a time\n  cohort: expected one without a cutover under way, got "everyone"\n',
  );
});

test('a revision that is not there points at the history', async (context) => {
  const { backend, inProcess } = await runGateway(context);
  backend.rollback = async () => failure({ kind: 'not-found', message: 'expected a revision from 1 to 1, got 99' });
  const hints: readonly (readonly [commandLine: readonly string[], hint: string])[] = [
    [['plan', 'diff', '1', '99'], '"crossfade plan history" lists the revisions'],
    [['rollback', '--all', '--revision', '99'], '"crossfade plan history" lists the revisions'],
    [
      ['rollback', 'everyone', '--revision', '99'],
      '"crossfade status" lists the cohorts, "crossfade plan history" the revisions',
    ],
    [['rollback', 'everyone'], '"crossfade status" lists what there is'],
  ];
  for (const [commandLine, hint] of hints) {
    const { code, stderr } = await inProcess(...commandLine);
    assert.deepEqual({ code, hint: stderr.split('\n')[1]?.trim() }, { code: 64, hint });
  }
});

test('where asks the running gateway, one device or a stream in its order', async (context) => {
  const { backend, cli, environment } = await runGateway(context, 'viewer');
  const one = await cli('where', 'device-000001', '--json');
  assert.equal(one.code, 0);
  assert.deepEqual(JSON.parse(one.stdout), {
    device: 'device-000001',
    kind: 'clientid',
    key: 'device-000001',
    position: 6593.7401,
    cohort: 'everyone',
    weightBps: 0,
    broker: 'legacy',
    reason: 'cohort-source',
    revision: 1,
    home: 'aws',
    connected: true,
    planFrom: 'store',
  });
  await cli('where', '--common-name', 'CN 1', '--username', 'u');
  assert.deepEqual(backend.asked, [
    { clientId: 'device-000001', home: true },
    { commonName: 'CN 1', username: 'u', home: true },
  ]);
  const ids = Array.from({ length: 100 }, (_, index) => `meter ${index}/µ`);
  const stream = await runCli(['where', '--stdin', '--json'], { environment, stdin: ids.join('\n') });
  assert.deepEqual(
    parseJsonLines(stream.stdout).map(({ device }) => device),
    ids,
  );
});

test('where asks no gateway about a certificate that its question cannot hold', async (context) => {
  const { backend, environment } = await runGateway(context, 'viewer');
  const subject = { commonName: 'meter-7', organizationalUnits: ['gen1', 'halle 7'] };
  const file = join(await makeDirectory(context), 'device.pem');
  await writeFile(file, mintCertificate({ subject }).certificate);
  assert.equal((await runInProcess(['where', '--certificate', file], environment)).code, 0);
  const match = { certificate: { organizationalUnit: 'halle 7' } };
  const { plan } = revisionDocument(1, 0);
  const [everyone] = plan.cohorts;
  assert.ok(everyone);
  backend.revisionList = [{ ...revisionDocument(1, 0), plan: { ...plan, cohorts: [{ ...everyone, match }] } }];
  const { code, stdout, stderr } = await runInProcess(['where', '--certificate', file], environment);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /2 organizational units.*\n.*--config/);
});

test('plan show prints a file that plan apply takes back, and history and diff tell what was changed', async (context) => {
  const { backend, cli } = await runGateway(context);
  backend.revisionList = [1, 2, 3, 4].map((revision) => revisionDocument(revision, revision * 500));
  backend.status = async () => success(statusDocument);
  const shown = await cli('plan', 'show');
  assert.match(shown.stdout, /^revision: 4\n/);
  const file = join(await makeDirectory(context), 'plan.yaml');
  await writeFile(file, shown.stdout.replace('weightBps: 2000', 'weightBps: 2500'));
  const applied = await cli('plan', 'apply', file, '--reason', 'second cohort');
  const staying =
    'everyone: 2 live sessions stay where they are, "crossfade cutover everyone --weight 5%" moves what can move\n';
  assert.deepEqual(applied, { code: 0, stdout: `revision 5 is in force\n${staying}`, stderr: '' });
  assert.deepEqual(backend.revisionList.at(-1)?.plan.cohorts[0]?.weightBps, 2_500);
  const [history, difference, json] = await Promise.all([
    cli('plan', 'history', '--limit', '2'),
    cli('plan', 'diff', '1', '5'),
    cli('plan', 'show', '--json'),
  ]);
  const [titles, newest, ...further] = history.stdout.trimEnd().split('\n');
  assert.match(titles ?? '', /^REVISION +TIME +AUTHOR +REASON$/);
  assert.match(newest ?? '', /^ +5 +2026-03-01T12:00:00.000Z +chief +second cohort$/);
  assert.equal(further.length, 1);
  assert.equal(difference.stdout, 'revision 1 → revision 5\n~ cohort everyone weightBps: 5% → 25%\n');
  assert.equal(JSON.parse(json.stdout).revision, 5);
});

test('a cutover that would part devices from their other ends is a verdict of no, which names them', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  backend.cutover = async () => failure({ kind: 'unbridged', message: 'devices use dt/+/state', interlock });
  const { code, stdout, stderr } = await inProcess('cutover', 'everyone', '--weight', '5%');
  assert.equal(code, 2);
  assert.equal(
    stdout,
    `Topics that would have no other end on aws:

TOPIC       USED TO  BRIDGED    DEVICES  SERVICES
dt/+/state  publish  unbridged       12  billing

So that nothing is lost:
  add a rule from aws to legacy with filter "dt/+/state"
`,
  );
  assert.equal(
    stderr,
    `warning: rule commands is paused: what it carries comes when it is resumed
crossfade: devices use dt/+/state
  nothing was changed; "--unbridged-ok" goes on all the same, and the plan history says so
`,
  );
  const json = await inProcess('cutover', 'everyone', '--weight', '5%', '--json');
  assert.equal(json.code, 2);
  const problem = JSON.parse(json.stdout);
  assert.deepEqual([problem.type, problem.interlock], ['urn:crossfade:problem:unbridged', interlock]);
});

test('cutover --unbridged-ok says so to the gateway', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  await inProcess('cutover', 'everyone', '--weight', '5%', '--no-wait', '--unbridged-ok');
  assert.equal((backend.asked[0] as { unbridgedOk: boolean }).unbridgedOk, true);
});

test('a dry run shows what would be lost, and how long both brokers would deliver', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'operator');
  backend.dryRunCutover = async () => success({ revision: null, dryRun: { ...dryRun.dryRun, interlock } });
  const { code, stdout, stderr } = await inProcess('cutover', 'everyone', '--weight', '5%', '--dry-run');
  assert.equal(code, 0);
  assert.match(stdout, /\n\nTopics that would have no other end on aws:\n\n.*\ndt\/\+\/state /);
  assert.match(stdout, /\nSwitches would wait for bridge commands, which is behind, for a bounded time\n/);
  assert.match(stdout, /\nThe bridge's lag wants both brokers to deliver for 2\.4 s behind each switch\n$/);
  assert.equal(stderr, 'warning: rule commands is paused: what it carries comes when it is resumed\n');
});

test('plan apply warns of cohorts whose devices lose the other end of topics', async (context) => {
  const { backend, inProcess } = await runGateway(context);
  backend.revisionList = [revisionDocument(1, 500)];
  backend.status = async () => success(statusDocument);
  backend.interlocked = { armed: true, cohorts: [interlock] };
  const file = join(await makeDirectory(context), 'plan.yaml');
  await writeFile(file, (await inProcess('plan', 'show')).stdout);
  const { code, stdout } = await inProcess('plan', 'apply', file);
  assert.equal(code, 0);
  assert.match(stdout, /\nwarning: cohort everyone\nTopics that would have no other end on aws:\n/);
});

test('plan apply explains a lost race and changes nothing', async (context) => {
  const { backend, inProcess } = await runGateway(context);
  backend.revisionList = [1, 2, 3, 4, 5].map((revision) => revisionDocument(revision, revision * 500));
  const file = join(await makeDirectory(context), 'plan.json');
  await writeFile(file, JSON.stringify(planDocument));
  const { code, stdout, stderr } = await inProcess('plan', 'apply', file);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /made from revision 4, and revision 5 is in force by now: nothing was changed/);
  assert.match(stderr, /"crossfade plan diff 4 5"/);
  assert.equal(backend.revisionList.length, 5);
});

test('plan apply refuses a file without a revision before it asks anybody', async (context) => {
  const file = join(await makeDirectory(context), 'plan.yaml');
  await writeFile(file, 'default: legacy\n');
  const { code, stderr } = await runInProcess(['plan', 'apply', file]);
  assert.equal(code, 64);
  assert.match(stderr, /plan\.yaml: expected the "revision"/);
  assert.deepEqual(await runInProcess(['plan', 'apply', 'nope.yaml']), {
    code: 64,
    stdout: '',
    stderr: 'crossfade: nope.yaml: expected a readable file: no such file\n',
  });
});

test('a role that may not and a token that is wrong end with 1, a cohort that is not there with 64, and what to do', async (context) => {
  const { inProcess } = await runGateway(context, 'viewer');
  const [forbidden, unauthorised, unknown] = await Promise.all([
    inProcess('cutover', 'everyone', '--weight', '5%'),
    inProcess('status', '--token', 'wrong-token'),
    inProcess('cutover', 'nobody', '--weight', '5%', '--token', tokenByRole.operator),
  ]);
  assert.deepEqual([forbidden.code, unauthorised.code, unknown.code], [1, 1, 64]);
  assert.match(
    forbidden.stderr,
    /Expected the role operator, got viewer \(token wallboard\)\n {2}use a token of that role/,
  );
  assert.doesNotMatch(forbidden.stderr, /an admin|plan apply/);
  assert.match(unauthorised.stderr, /check --token or CROSSFADE_TOKEN/);
  assert.ok(!unauthorised.stderr.includes('wrong-token'));
  assert.match(unknown.stderr, /No cohort "nobody"/);
});

test('without an address or a token a command ends with 64, without an answer with 69', async () => {
  // Nobody listens on the reserved port 1.
  const CROSSFADE_ADMIN = 'http://127.0.0.1:1';
  const environments: readonly (readonly [Readonly<Record<string, string>>, code: number, expected: RegExp])[] = [
    [{}, 64, /set CROSSFADE_ADMIN/],
    [{ CROSSFADE_ADMIN }, 64, /set CROSSFADE_TOKEN/],
    [{ CROSSFADE_ADMIN, CROSSFADE_TOKEN: 'zwei wörter' }, 64, /visible ASCII/],
    [{ CROSSFADE_ADMIN: 'localhost', CROSSFADE_TOKEN: 'x' }, 64, /Expected an http:\/\/ or https:\/\/ URL/],
    [
      { CROSSFADE_ADMIN, CROSSFADE_TOKEN: 'x', CROSSFADE_CA: '/nowhere' },
      64,
      /\/nowhere: expected a readable file: no such file/,
    ],
    [{ CROSSFADE_ADMIN, CROSSFADE_TOKEN: 'x' }, 69, /No answer from http:\/\/127\.0\.0\.1:1\//],
  ];
  for (const [environment, expectedCode, expected] of environments) {
    const { code, stdout, stderr } = await runInProcess(['status'], environment);
    assert.deepEqual({ code, stdout }, { code: expectedCode, stdout: '' });
    assert.match(stderr, expected);
  }
  const spawned = await runCli(['status'], { environment: { CROSSFADE_ADMIN, CROSSFADE_TOKEN: 'x' } });
  assert.equal(spawned.code, 69);
});

test('a cutover that moves nobody says so where nobody waits for it', async (context) => {
  const { inProcess } = await runGateway(context, 'operator');
  const kept = await inProcess('cutover', 'everyone', '--weight', '5%', '--live', 'keep', '--no-wait');
  assert.equal(kept.code, 0);
  assert.match(kept.stdout, /\nlive sessions stay where they are, .*; new connections follow the plan\n$/);
  const moved = await inProcess('cutover', 'everyone', '--weight', '5%', '--no-wait');
  assert.doesNotMatch(moved.stdout, /stay where they are/);
  const json = await inProcess('cutover', 'everyone', '--weight', '5%', '--live', 'keep', '--no-wait', '--json');
  assert.doesNotThrow(() => JSON.parse(json.stdout));
});

test('sessions list says where sessions are and why, and takes the filters of the API', async (context) => {
  const { backend, inProcess } = await runGateway(context, 'viewer');
  const listed = await inProcess('sessions', 'list', '--pending', '--cohort', 'everyone', '--broker', 'legacy');
  assert.deepEqual([listed.code, listed.stderr], [0, '']);
  assert.deepEqual(backend.asked, [{ cohort: 'everyone', broker: 'legacy', pending: true, limit: 100 }]);
  const [titles, row] = listed.stdout.split('\n');
  assert.match(titles ?? '', /^CLIENT ID +COHORT +HOME +DESIRED +PERSISTENT +MQTT +IN FLIGHT +SINCE +WHY$/);
  assert.match(row ?? '', /^device-000001 +everyone +legacy +aws +yes .* it can move, and no move has begun with it$/);
  const json = await inProcess('sessions', 'list', '--json', '--limit', '1');
  assert.equal(JSON.parse(json.stdout)[0].reason, 'it can move, and no move has begun with it');
  const bounded = await inProcess('sessions', 'list', '--limit', '1');
  assert.equal(bounded.stderr, 'the first 1; there may be more: --limit\n');
  backend.sessions = async () => success([]);
  assert.equal((await inProcess('sessions', 'list')).stdout, 'no such session\n');
  assert.equal((await inProcess('sessions', 'list', '--limit', '1001')).code, 64);
});

test('where names the home of one device, and asks for none of a stream', async (context) => {
  const { cli } = await runGateway(context, 'viewer');
  assert.match((await cli('where', 'device-000001')).stdout, /^home {6}aws \(connected\)$/m);
  const offline = { ...whereDocument, planFrom: 'store' } as const;
  const homeLine = (answer: Parameters<typeof renderWhere>[0]) =>
    /^home +(.*)$/m.exec(renderWhere(answer, createStyle(false)))?.[1];
  assert.equal(homeLine(offline), undefined);
  assert.equal(homeLine({ ...offline, home: 'legacy', connected: false }), 'legacy (its device is away)');
  assert.match(homeLine({ ...offline, home: null, connected: false }) ?? '', /^none: it is not connected/);
});
