import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BrokerLosses } from '../../src/gateway/broker-losses.ts';
import { chooseRepair, firstPauseMs, type RepairQuestion, repairPauseMs } from '../../src/gateway/repair-choice.ts';

const question: RepairQuestion = {
  elapsedMs: 0,
  repairMs: 30_000,
  onDown: 'hold',
  home: 'target',
  cohort: { source: 'legacy', target: 'target' },
  mayMove: true,
};
const home = { kind: 'attach', broker: 'target', session: 'resume' };
const source = { kind: 'attach', broker: 'legacy', session: 'fresh' };

describe('chooseRepair', () => {
  const rows: [name: string, change: Partial<RepairQuestion>, choice: unknown][] = [
    ['asks home within repairMs, whatever is said of later', { onDown: 'close', elapsedMs: 29_999 }, home],
    ['goes on with home behind it: hold', { onDown: 'hold', elapsedMs: 900_000 }, home],
    ['closes behind it: close', { onDown: 'close', elapsedMs: 30_000 }, { kind: 'close' }],
    ['goes to the source behind it: source', { onDown: 'source', elapsedMs: 30_000 }, source],
    ['holds what must not move', { onDown: 'source', elapsedMs: 30_000, mayMove: false }, home],
    [
      'holds what is on its source',
      { onDown: 'source', elapsedMs: 30_000, home: 'legacy' },
      { ...home, broker: 'legacy' },
    ],
    ['holds what is in no cohort', { onDown: 'source', elapsedMs: 30_000, cohort: undefined }, home],
  ];
  for (const [name, change, choice] of rows) {
    it(name, () => assert.deepEqual(chooseRepair({ ...question, ...change }), choice));
  }
});

describe('repairPauseMs', () => {
  const within = { elapsedMs: 0, repairMs: 30_000 };

  it('doubles what the jitter is drawn from, up to ten seconds', () => {
    const most = [1, 2, 3, 4, 5, 6].map((attempt) => repairPauseMs(attempt, 0.999_999, within));
    assert.deepEqual(most, [1_099, 2_199, 4_399, 8_799, 9_999, 9_999]);
    assert.equal(repairPauseMs(5, 0, within), 0);
  });

  it('tries once more when repairMs is over, and up to a minute apart behind it', () => {
    assert.equal(repairPauseMs(5, 0.9, { elapsedMs: 29_000, repairMs: 30_000 }), 1_000);
    assert.equal(repairPauseMs(20, 0.999_999, { elapsedMs: 30_000, repairMs: 30_000 }), 59_999);
  });
});

describe('firstPauseMs', () => {
  it('is none where few lost the broker, and grows with their number where many did', () => {
    const most = [1, 10, 11, 500, 1_000, 5_000, 100_000].map((lost) => firstPauseMs(lost, 0.999_999));
    assert.deepEqual(most, [0, 0, 1_099, 1_099, 1_999, 9_999, 9_999]);
    assert.equal(firstPauseMs(1_000, 0), 0);
  });
});

describe('BrokerLosses', () => {
  it('counts what comes together, each broker for itself', () => {
    const losses = new BrokerLosses();
    const noted = [0, 10, 900].map((nowMs) => losses.note('legacy', nowMs));
    assert.deepEqual(noted, [1, 2, 3]);
    assert.equal(losses.note('target', 900), 1);
    assert.deepEqual([losses.note('legacy', 1_899), losses.note('legacy', 2_899)], [4, 1]);
  });
});
