import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bridgeOperator, bridgeRule, FakeBoard, processStatus, slotStatus } from './fake-board.ts';

const rules = [
  bridgeRule('telemetry', { partitions: 2, order: { keyLevel: 2 } }),
  bridgeRule('billing', { share: 'billing', members: 1 }),
  bridgeRule('plain'),
];

function world(options: Parameters<typeof bridgeOperator>[2] = {}) {
  const board = new FakeBoard();
  return { board, operator: bridgeOperator(board, rules, options) };
}

test('pause, resume and scale are wishes on the board, and the answer is the rule with them', async () => {
  const { board, operator } = world();
  const paused = await operator.pauseRule('billing');
  assert.deepEqual([paused.ok && paused.value.paused, board.wishes], [true, { billing: { isPaused: true } }]);
  const scaled = await operator.scaleRule('billing', 3);
  assert.deepEqual([scaled.ok && scaled.value.members, board.wishes['billing']], [3, { isPaused: true, members: 3 }]);
  await operator.resumeRule('billing');
  assert.deepEqual(board.wishes['billing'], { isPaused: false, members: 3, resumes: 1 });
});

test('every resume counts, so that what a loop stopped begins again each time', async () => {
  const { board, operator } = world();
  await operator.resumeRule('plain');
  await operator.resumeRule('plain');
  assert.deepEqual(board.wishes['plain'], { isPaused: false, resumes: 2 });
});

test('an unknown rule is not found, and the rules are named', async () => {
  const { board, operator } = world();
  for (const answer of [
    await operator.pauseRule('nobody'),
    await operator.resumeRule('nobody'),
    await operator.scaleRule('nobody', 1),
  ]) {
    assert.ok(!answer.ok && answer.error.kind === 'not-found');
    assert.match(answer.error.message, /telemetry, billing, plain.*"nobody"/);
  }
  assert.deepEqual(board.wishes, {});
});

test('without a share group nothing is scaled, and the answer says what to do instead', async () => {
  const { board, operator } = world();
  const plain = await operator.scaleRule('plain', 2);
  assert.ok(!plain.ok && plain.error.kind === 'not-possible');
  assert.match(plain.error.message, /"partitions" in the configuration, or by several rules/);
  const divided = await operator.scaleRule('telemetry', 2);
  assert.ok(!divided.ok && divided.error.kind === 'not-possible');
  assert.match(divided.error.message, /number is set in the configuration/);
  assert.deepEqual(board.wishes, {});
});

test('a wish is refused where only bridges alone carry the rules and none uses this directory', async () => {
  const { board, operator } = world({ runs: 'alone' });
  const refused = await operator.pauseRule('billing');
  assert.ok(!refused.ok && refused.error.kind === 'not-possible');
  assert.match(refused.error.message, /bridge\.admin/);
  board.statuses = [processStatus('7-a', [slotStatus('billing', 0)])];
  assert.ok((await operator.pauseRule('billing')).ok);
});

test('a directory that cannot be used is unavailable, and a problem in the summary', async () => {
  const { board, operator } = world();
  board.broken = new Error('EACCES: permission denied');
  for (const answer of [await operator.bridge(), await operator.pauseRule('billing')]) {
    assert.ok(!answer.ok && answer.error.kind === 'unavailable');
    assert.match(answer.error.message, /EACCES/);
  }
  assert.match(operator.summary()?.problem ?? '', /EACCES/);
  assert.deepEqual(operator.summary()?.rules, { running: 0, paused: 0, stopped: 0, waiting: 3, leaving: 0 });
  assert.deepEqual(operator.slotsOf('7-a'), []);
});

test('why the gateway’s own process does not work is in the document and in the summary', async () => {
  const { operator } = world({ problem: 'the directory is read-only' });
  const answer = await operator.bridge();
  assert.equal(answer.ok && answer.value.problem, 'the directory is read-only');
  assert.equal(operator.summary()?.problem, 'the directory is read-only');
});

test('figures are asked for by process, so that nobody counts what another one shows', () => {
  const { board, operator } = world();
  const [own, other] = [slotStatus('billing', 0), slotStatus('plain', 0)];
  board.statuses = [processStatus('7-a', [own]), processStatus('8-b', [other])];
  assert.deepEqual(operator.slotsOf('7-a'), [own]);
  assert.deepEqual(operator.slotsOf(undefined), []);
});

test('without rules there is nothing to sum up', () => {
  assert.equal(bridgeOperator(new FakeBoard(), []).summary(), null);
});
