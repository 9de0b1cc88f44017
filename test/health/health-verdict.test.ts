import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type HealthState,
  initialHealth,
  judgeProbe,
  type ProbeOutcome,
  type VerdictThresholds,
} from '../../src/health/health-verdict.ts';

const thresholds: VerdictThresholds = { rise: 2, fall: 3, holdDownMs: 10_000 };

/** The verdicts after each outcome, one probe a second: `g` good, `f` failed, `?` inconclusive. */
function verdicts(outcomes: string, options = thresholds): string {
  let state = initialHealth(0);
  return [...outcomes]
    .map((letter, index) => {
      const outcome: ProbeOutcome = letter === 'g' ? 'good' : letter === 'f' ? 'failed' : 'inconclusive';
      state = judgeProbe(state, outcome, options, index * 1_000);
      return state.verdict.charAt(0);
    })
    .join('');
}

describe('judgeProbe', () => {
  const rows: readonly (readonly [what: string, outcomes: string, expected: string])[] = [
    ['the first good probe ends not knowing', 'gg', 'uu'],
    ['nothing is down before it failed often enough', 'fff', 'uud'],
    ['a good probe starts the count of failed ones again', 'gffgffgfff', 'uuuuuuuuud'],
    ['what cannot be probed says nothing', 'g?f?f?f', 'uuuuuud'],
  ];
  for (const [what, outcomes, expected] of rows) {
    test(what, () => assert.equal(verdicts(outcomes), expected));
  }

  test('what is down comes up after enough good probes and not before the hold-down is over', () => {
    // Down at 2 s: from 12 s on it may come up.
    assert.equal(verdicts(`fff${'g'.repeat(12)}`), `uu${'d'.repeat(10)}uuu`);
    assert.equal(verdicts(`fff${'f'.repeat(10)}gg`), `uu${'d'.repeat(12)}u`);
    assert.equal(verdicts(`fff${'f'.repeat(10)}gfgg`), `uu${'d'.repeat(14)}u`);
    assert.equal(verdicts('fffgg', { ...thresholds, holdDownMs: 0 }), 'uuddu');
  });

  test('what falls again soon is held twice as long each time, and eight times at most', () => {
    const quick = { rise: 1, fall: 1, holdDownMs: 1_000 };
    const held: number[] = [];
    let state = judgeProbe(initialHealth(0), 'failed', quick, 0);
    for (let fallsMs = 0; held.length < 6; fallsMs = state.changedAtMs + 5_000) {
      if (state.verdict === 'up') state = judgeProbe(state, 'failed', quick, fallsMs);
      const downAtMs = state.changedAtMs;
      for (let nowMs = downAtMs; state.verdict === 'down'; nowMs += 500)
        state = judgeProbe(state, 'good', quick, nowMs);
      held.push(state.changedAtMs - downAtMs);
    }
    assert.deepEqual(held, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  test('what was up for ten hold-downs is held as at first', () => {
    const quick = { rise: 1, fall: 1, holdDownMs: 1_000 };
    const upAgain = { verdict: 'up', contrary: 0, changedAtMs: 20_000, heldMs: 4_000 } as const;
    assert.equal(judgeProbe(upAgain, 'failed', quick, 29_999).heldMs, 8_000);
    assert.equal(judgeProbe(upAgain, 'failed', quick, 30_000).heldMs, 1_000);
  });

  test('what flaps stays down for the hold-down after every fall', () => {
    const outcomes = fc.array(fc.constantFrom<ProbeOutcome>('good', 'failed', 'inconclusive'), { maxLength: 200 });
    fc.assert(
      fc.property(outcomes, (list) => {
        let state: HealthState = initialHealth(0);
        let downAtMs: number | undefined;
        list.forEach((outcome, index) => {
          const nowMs = index * 1_000;
          const before = state.verdict;
          state = judgeProbe(state, outcome, thresholds, nowMs);
          if (before !== 'down' && state.verdict === 'down') downAtMs = nowMs;
          if (before === 'down' && state.verdict === 'up') {
            assert.ok(nowMs - (downAtMs ?? 0) >= thresholds.holdDownMs);
            assert.equal(outcome, 'good');
          }
        });
      }),
    );
  });
});
