import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BridgeOverlap, bridgeOverlaps } from '../../src/app/bridge-overlap.ts';
import { RuleWatch } from '../../src/app/rule-watch.ts';
import type { RuleCondition } from '../../src/app/rule-conditions.ts';
import { WorkerOverlaps } from '../../src/app/worker-overlaps.ts';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { aProcess, aRule, aSlot } from './board-samples.ts';

const log = createLogger({ level: 'silent', component: 'test' });
const up = aRule({ name: 'up', from: 'legacy', to: 'aws', filter: 'a/#' });
const back = aRule({ name: 'back', from: 'aws', to: 'legacy', filter: 'b/#' });
const pair = { source: 'legacy', target: 'aws' };

function condition(condition: Partial<RuleCondition>): RuleCondition {
  return { rule: up, state: 'running', spooled: 0, ...condition };
}

const rows: readonly (readonly [what: string, conditions: readonly RuleCondition[], overlapMs: number | undefined])[] =
  [
    ['twice the lag', [condition({ lagMs: 700 })], 1_400],
    ['the longest of both ways', [condition({ lagMs: 700 }), condition({ rule: back, lagMs: 2_010 })], 4_100],
    ['at most a minute', [condition({ lagMs: 50_000 })], 60_000],
    ['a minute where one is behind', [condition({ lagMs: 1, spooled: 4 })], 60_000],
    ['a minute where one is paused', [condition({ state: 'paused' })], 60_000],
    ['nothing where nothing was carried', [condition({})], undefined],
    ['nothing for one that does not run', [condition({ state: 'stopped', lagMs: 900 })], undefined],
  ];

for (const [what, conditions, overlapMs] of rows) {
  test(`the overlap that a bridge wants is ${what}`, () => {
    const overlaps = bridgeOverlaps(conditions);
    assert.deepEqual(overlaps, overlapMs === undefined ? [] : [{ brokers: ['aws', 'legacy'], overlapMs }]);
  });
}

function watchOf(slots: readonly SlotStatus[]) {
  const board = { statuses: [aProcess(slots)], fails: false };
  const published: (readonly BridgeOverlap[])[] = [];
  const watch = new RuleWatch({
    rules: [up, back],
    board: {
      readStatuses: () => {
        if (board.fails) throw new Error('no disk');
        return board.statuses;
      },
      readWishes: () => ({}),
    },
    isElsewhere: false,
    publish: (overlaps) => void published.push(overlaps),
    log,
  });
  return { board, published, watch };
}

test('a lag on the board is told to workers when it changes', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const lag = (p999Ms: number) => aSlot({ rule: 'up', lag: { p50Ms: 1, p999Ms } });
  const { board, published, watch } = watchOf([lag(500), aSlot({ rule: 'back' })]);
  watch.start();
  context.mock.timers.tick(3_000);
  assert.deepEqual(published, [[{ brokers: ['aws', 'legacy'], overlapMs: 1_000 }]]);
  board.statuses = [aProcess([lag(3_000), aSlot({ rule: 'back' })])];
  context.mock.timers.tick(1_000);
  assert.deepEqual(published.at(-1), [{ brokers: ['aws', 'legacy'], overlapMs: 6_000 }]);
  assert.equal(watch.overlapMs(pair), 6_000);
  assert.equal(watch.overlapMs({ source: 'legacy', target: 'other' }), 0);
  assert.deepEqual(watch.behind(pair), []);
  board.statuses = [aProcess([aSlot({ rule: 'up', spool: { messages: 2, bytes: 9 } })])];
  context.mock.timers.tick(1_000);
  assert.deepEqual(watch.behind(pair), ['up']);
  board.fails = true;
  context.mock.timers.tick(1_000);
  assert.deepEqual(
    watch.conditions.map(({ state }) => state),
    ['unknown', 'unknown'],
  );
  watch.close();
});

test('a worker knows the overlap of two brokers, whichever way a session goes', () => {
  const overlaps = new WorkerOverlaps();
  overlaps.adopt([{ brokers: ['aws', 'legacy'], overlapMs: 900 }]);
  assert.equal(overlaps.overlapMs('legacy', 'aws'), 900);
  assert.equal(overlaps.overlapMs('aws', 'legacy'), 900);
  assert.equal(overlaps.overlapMs('aws', 'aws'), 0);
  assert.equal(overlaps.overlapMs('aws', 'other'), 0);
});
