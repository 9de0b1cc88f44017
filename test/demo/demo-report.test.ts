import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeDemo, type StepReport } from '../../src/demo/demo-report.ts';

const step: StepReport = {
  name: '5%',
  weightBps: 500,
  revision: 2,
  onSource: 19,
  onTarget: 1,
  expectedOnTarget: 1,
  misplaced: 0,
  strays: [],
  moved: 1,
  reconnects: 0,
  move: 'done',
  commandsReceived: 20,
  statusAgrees: true,
  durationMs: 300,
};
const none = { 0: 0, 1: 0, 2: 0 };
const tally = {
  sent: { 0: 5, 1: 5, 2: 5 },
  acknowledged: { 0: 0, 1: 5, 2: 5 },
  arrived: { 0: 4, 1: 5, 2: 5 },
  duplicates: { 0: 0, 1: 2, 2: 0 },
  lost: { 0: 1, 1: 0, 2: 0 },
  unacknowledged: 0,
  strangers: 0,
};

function failures(steps: readonly StepReport[], messages = tally): readonly string[] {
  return judgeDemo(20, steps, messages)
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

describe('judgeDemo', () => {
  test('losses at QoS 0 and duplicates fail nothing', () => assert.deepEqual(failures([step]), []));

  const faults = [
    [{ ...step, misplaced: 1 }, '5%: every device is where the plan says'],
    [{ ...step, reconnects: 1 }, '5%: no device reconnects'],
    [{ ...step, commandsReceived: 19 }, '5%: every device receives its command'],
    [{ ...step, statusAgrees: false }, "5%: the gateway's status agrees with the brokers"],
    [{ ...step, move: 'superseded' }, '5%: the move ends as done'],
  ] as const;
  for (const [faulty, name] of faults) {
    test(`fails: ${name}`, () => assert.deepEqual(failures([faulty]), [name]));
  }

  test('fails for each way that messages can go wrong', () => {
    assert.equal(failures([step], { ...tally, lost: { ...none, 2: 1 } }).length, 1);
    assert.equal(failures([step], { ...tally, unacknowledged: 1 }).length, 1);
    assert.equal(failures([step], { ...tally, strangers: 1 }).length, 1);
  });
});
