import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BrokerLosses } from '../../src/gateway/broker-losses.ts';
import { chooseRepair, firstPauseMs, type RepairQuestion, repairPauseMs } from '../../src/gateway/repair-choice.ts';

const question: RepairQuestion = {
  elapsedMs: 0,
  repairMs: 30_000,
  onDown: 'hold',
  home: 'target',
  cohort: { source: 'legacy', target: 'target' },
  mayMove: true,
  isTurnedAway: false,
};
const home = { kind: 'attach', broker: 'target', session: 'resume' };
const source = { kind: 'attach', broker: 'legacy', session: 'fresh' };

describe('chooseRepair', () => {
  const rows: [name: string, change: Partial<RepairQuestion>, choice: unknown][] = [
    ['asks home within repairMs, whatever is said of later', { onDown: 'close', elapsedMs: 29_990 }, home],
    ['goes on with home behind it: hold', { onDown: 'hold', elapsedMs: 900_000 }, home],
    [
      'takes a timer that woke a moment early for behind it',
      { onDown: 'close', elapsedMs: 29_998.7 },
      { kind: 'close' },
    ],
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
  const within = { elapsedMs: 0, repairMs: 30_000, hasDecided: false };

  it('doubles what the jitter is drawn from, up to ten seconds', () => {
    const most = [1, 2, 3, 4, 5, 6].map((attempt) => repairPauseMs(attempt, 0.999_999, within));
    assert.deepEqual(most, [1_099, 2_199, 4_399, 8_799, 9_999, 9_999]);
    assert.equal(repairPauseMs(5, 0, within), 0);
  });

  it('tries once more when repairMs is over, and up to a minute apart behind that', () => {
    assert.equal(repairPauseMs(5, 0.9, { ...within, elapsedMs: 29_000 }), 1_000);
    assert.equal(repairPauseMs(5, 0.9, { ...within, elapsedMs: 29_000.3 }), 1_000, 'a fraction is not cut off');
    assert.equal(repairPauseMs(5, 0.9, { ...within, elapsedMs: 37_000 }), 0, 'the last try took until then');
    assert.equal(repairPauseMs(20, 0.999_999, { elapsedMs: 30_000, repairMs: 30_000, hasDecided: true }), 59_999);
  });

  it('comes to the decision at repairMs, whatever was drawn and however early timers are (property)', () => {
    const draws = fc.array(fc.double({ min: 0, max: 0.999_999, noNaN: true }), { minLength: 1, maxLength: 30 });
    const early = fc.double({ min: 0, max: 1, noNaN: true });
    const triedMs = fc.double({ min: 0.1, max: 50, noNaN: true });
    fc.assert(
      fc.property(draws, early, triedMs, (random, earlyMs, tryMs) => {
        let elapsedMs = 0;
        for (let attempt = 1; ; attempt += 1) {
          elapsedMs += tryMs;
          const drawn = random[attempt % random.length] ?? 0;
          const pauseMs = repairPauseMs(attempt, drawn, { elapsedMs, repairMs: 8_000, hasDecided: false });
          elapsedMs += pauseMs === 0 ? 0 : Math.max(0, pauseMs - earlyMs);
          const { kind } = chooseRepair({ ...question, onDown: 'close', elapsedMs, repairMs: 8_000 });
          if (kind === 'close') break;
        }
        assert.ok(elapsedMs >= 7_998 && elapsedMs <= 8_001 + tryMs, `decided at ${elapsedMs}`);
      }),
    );
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
