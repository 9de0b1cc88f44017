import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { renderBridgeSummary } from '../../src/cli/bridge-rendering.ts';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { type FakeBoard, processStatus, slotStatus } from '../app/fake-board.ts';
import { runCli, runInProcess } from './spawned-cli.ts';

async function runGateway(context: TestContext, role: keyof typeof tokenByRole = 'operator') {
  const { board, url } = await runServer(context);
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole[role] };
  const inProcess = (...commandLine: string[]) => runInProcess(['bridge', ...commandLine], environment);
  return { board, environment, inProcess };
}

const carrying = {
  messages: { received: 1_200, duplicatesSuppressed: 3, deadLetters: { refused: 2 } },
  ...{ messagesPerSecond: 20, lag: { p50Ms: 2.25, p999Ms: 41 }, spool: { messages: 9, bytes: 2_048 } },
};

function stand(board: FakeBoard, slots: readonly SlotStatus[]): void {
  board.statuses = [processStatus('101-abc', slots)];
}

test('bridge status prints rules, slots with their share of the traffic, and processes', async (context) => {
  const { board, inProcess } = await runGateway(context, 'viewer');
  stand(board, [
    slotStatus('telemetry', 0, { ...carrying, slot: 'm0' }),
    slotStatus('billing', 0, { slot: 'm0', messagesPerSecond: 1.5, messages: { received: 8 } }),
    slotStatus('billing', 1, { slot: 'm1', messagesPerSecond: 0.5, isSubscribed: false }),
  ]);
  const { code, stdout, stderr } = await inProcess('status');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    `RULE       FROM    TO   FILTER                    STATE    SLOTS  MSG/S  LAG P50  P99.9        SPOOL  DEAD
telemetry  legacy  aws  telemetry/#               running    1/1     20   2.3 ms  41 ms  9 (2.0 KiB)     2
billing    legacy  aws  $share/billing/billing/#  waiting    1/2    2.0        -      -            -     0

RULE       SLOT  STATE                    SHARE  MSG/S  LAG P50  P99.9        SPOOL  DEAD  RECEIVED  DUPLICATES  LANES  PROCESS
telemetry  m0    running                   100%     20   2.3 ms  41 ms  9 (2.0 KiB)     2      1200           3    1/1  101-abc
billing    m0    running                    75%    1.5        -      -            -     0         8           0    1/1  101-abc
billing    m1    running, not subscribed    25%    0.5        -      -            -     0         0           0    1/1  101-abc

PROCESS  PID  SLOTS  SINCE
101-abc  101      3  2026-03-01T12:00:00.000Z
`,
  );
});

test('bridge status says once for each rule why it is not at work', async (context) => {
  const { board, inProcess } = await runGateway(context, 'viewer');
  const problem = 'Broker aws (127.0.0.1:1884): CONNACK refuses with 0x87: look';
  stand(board, [
    slotStatus('telemetry', 0),
    slotStatus('billing', 0, { slot: 'm0', problem }),
    slotStatus('billing', 1, { slot: 'm1', problem, isSubscribed: false }),
  ]);
  const { stdout } = await inProcess('status');
  assert.deepEqual(stdout.match(/^\w+: .*$/gm), [`billing: ${problem}`]);
  const [telemetry, billing] = JSON.parse((await inProcess('status', '--json')).stdout).rules;
  assert.deepEqual([telemetry.slots[0].problem, billing.slots[1].problem], [null, problem]);
});

test('bridge status of one rule, as JSON, and of one that is not there', async (context) => {
  const { board, inProcess } = await runGateway(context, 'viewer');
  stand(board, [slotStatus('billing', 0)]);
  const [whole, one, unknown] = await Promise.all([
    inProcess('status', '--json'),
    inProcess('status', 'billing', '--json'),
    inProcess('status', 'nobody'),
  ]);
  const document = JSON.parse(whole.stdout);
  assert.deepEqual(JSON.parse(one.stdout), document.rules[1]);
  assert.equal(document.rules[1].name, 'billing');
  assert.deepEqual([unknown.code, unknown.stdout], [64, '']);
  assert.match(unknown.stderr, /telemetry, billing.*"nobody"/);
});

test('bridge status says that nobody is at work', async (context) => {
  const { inProcess } = await runGateway(context, 'viewer');
  const { code, stdout } = await inProcess('status');
  assert.equal(code, 0);
  assert.match(stdout, /^telemetry .* waiting +0\/1 /m);
  assert.match(stdout, /^no process of the bridge lives$/m);
});

test('pause and resume say how the rule stands; a viewer may not, and an unknown rule is a usage mistake', async (context) => {
  const { board, inProcess } = await runGateway(context);
  stand(board, [slotStatus('telemetry', 0)]);
  const paused = await inProcess('pause', 'telemetry');
  assert.deepEqual([paused.code, paused.stdout], [0, 'telemetry: running, to be paused\n']);
  stand(board, [slotStatus('telemetry', 0, { state: 'paused' })]);
  assert.match((await inProcess('status')).stdout, /^telemetry .* paused /m);
  const resumed = await inProcess('resume', 'telemetry', '--json');
  assert.deepEqual([resumed.code, JSON.parse(resumed.stdout).paused], [0, false]);
  assert.equal((await inProcess('resume', 'telemetry')).stdout, 'telemetry: paused, to be resumed\n');
  assert.deepEqual(board.wishes, { telemetry: { isPaused: false, resumes: 2 } });
  const unknown = await inProcess('pause', 'nobody');
  assert.equal(unknown.code, 64);
  assert.match(unknown.stderr, /bridge status/);
  const viewer = await runGateway(context, 'viewer');
  assert.equal((await viewer.inProcess('pause', 'telemetry')).code, 1);
  assert.deepEqual(viewer.board.wishes, {});
});

test('scale follows until the members stand and the others have left', async (context) => {
  const { board, inProcess } = await runGateway(context);
  stand(board, [slotStatus('billing', 0)]);
  const scripted = [
    [slotStatus('billing', 0), slotStatus('billing', 1, { isSubscribed: false, problem: 'Broker legacy: no' })],
    [0, 1, 2].map((index) => slotStatus('billing', index, { messagesPerSecond: 1 })),
  ];
  const changeWish = board.changeWish.bind(board);
  let isAsked = false;
  board.changeWish = (rule, change) => {
    changeWish(rule, change);
    isAsked = true;
  };
  const readStatuses = board.readStatuses.bind(board);
  board.readStatuses = () => {
    const seen = readStatuses();
    const next = isAsked ? scripted.shift() : undefined;
    if (next !== undefined) stand(board, next);
    return seen;
  };
  const { code, stdout, stderr } = await inProcess('scale', 'billing', '--members', '3');
  assert.deepEqual([code, board.wishes['billing']], [0, { members: 3 }]);
  assert.equal(stderr, '1/3 members at work, Broker legacy: no\n3/3 members at work\n');
  assert.match(stdout, /^billing: running, members 3, at work 3$/m);
  assert.equal(stdout.match(/ 33\.3% /g)?.length, 3, stdout);
});

test('scaling down waits for those who leave, with what is in their spools', async (context) => {
  const { board, inProcess } = await runGateway(context);
  const leaving = slotStatus('billing', 1, { state: 'leaving', isSubscribed: false, spool: { messages: 7, bytes: 9 } });
  stand(board, [slotStatus('billing', 0), leaving]);
  let looks = 0;
  const readStatuses = board.readStatuses.bind(board);
  board.readStatuses = () => {
    looks += 1;
    if (looks === 3) stand(board, [slotStatus('billing', 0)]);
    return readStatuses();
  };
  const { code, stderr, stdout } = await inProcess('scale', 'billing', '--members', '1');
  assert.equal(code, 0);
  assert.equal(stderr, '1/1 members at work, 1 leaving, with 7 messages in their spools\n1/1 members at work\n');
  assert.match(stdout, /^billing: running, members 1, at work 1$/m);
});

test('scale --no-wait answers at once; Ctrl-C ends the following alone', async (context) => {
  const { board, environment, inProcess } = await runGateway(context);
  stand(board, [slotStatus('billing', 0)]);
  const noted = await inProcess('scale', 'billing', '--members', '4', '--no-wait');
  assert.deepEqual([noted.code, noted.stdout], [0, 'billing: waiting, members 4, at work 1\n']);
  const left = await runCli(['bridge', 'scale', 'billing', '--members', '5'], {
    environment,
    signalAfterStderr: 'SIGINT',
  });
  assert.equal(left.code, 1);
  assert.match(left.stderr, /no longer following billing, its members go on/);
  assert.equal(board.wishes['billing']?.members, 5);
});

test('scale gives way when somebody wants another number', async (context) => {
  const { board, inProcess } = await runGateway(context);
  stand(board, [slotStatus('billing', 0)]);
  const changeWish = board.changeWish.bind(board);
  board.changeWish = (rule, change) => {
    changeWish(rule, change);
    setImmediate(() => changeWish(rule, { members: 7 }));
  };
  const { code, stderr } = await inProcess('scale', 'billing', '--members', '3');
  assert.equal(code, 1);
  assert.match(stderr, /somebody wants another number of members of billing/);
});

test('scale without a share group, or of no number, is a usage mistake that says what to do', async (context) => {
  const { board, inProcess } = await runGateway(context);
  const plain = await inProcess('scale', 'telemetry', '--members', '2');
  assert.equal(plain.code, 64);
  assert.match(plain.stderr, /joins no share group.*"partitions" in the configuration/);
  for (const members of ['1001', '-1', 'many'])
    assert.equal((await inProcess('scale', 'billing', '--members', members)).code, 64, members);
  assert.equal((await inProcess('scale', 'billing')).code, 64);
  assert.deepEqual(board.wishes, {});
});

test('the line of status says what is wrong', () => {
  const rules = { running: 0, paused: 0, stopped: 1, waiting: 2, leaving: 0 };
  assert.equal(
    renderBridgeSummary({ rules, processes: 0, spoolBytes: 0, worstLagMs: null, problem: 'read-only' }),
    'rules: 1 stopped, 2 waiting; spool 0 B; no process of it lives; read-only',
  );
});
