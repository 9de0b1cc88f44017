import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DryRun } from '../../src/admin/admin-api.ts';
import { rehearse } from '../../src/app/dry-run.ts';
import type { MoveRequest } from '../../src/app/move-request.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import { paceTerms } from '../../src/app/handover-pace.ts';
import { LimitedFleet } from '../gateway/limited-fleet.ts';
import { changed, loadRight } from '../config/loading.ts';
import { nothingToMove, request } from './moves-world.ts';

const placements = [{ name: 'everyone', source: 'legacy', target: 'successor', weightBps: 6_000, formerBps: 10_000 }];
const lowering: MoveRequest = { ...request, placements, pacePerSecond: 10 };

async function dryRunOf(
  replies: readonly Partial<HandoverReply>[],
  { of = lowering, lines = '' }: { readonly of?: MoveRequest; readonly lines?: string } = {},
): Promise<{ readonly dryRun: DryRun; readonly asked: readonly HandoverQuestion[] }> {
  const { configuration } = loadRight(changed('  successor:\n', `  successor:\n${lines}`));
  const asked: HandoverQuestion[] = [];
  const workers = {
    handOver: async (question: HandoverQuestion) => {
      asked.push(question);
      return replies.map((reply) => ({ ...nothingToMove, ...reply }));
    },
  };
  const answer = await rehearse(of, { configuration, workers, offlineOf: async () => 3 });
  assert.ok(answer.ok);
  return { dryRun: answer.value.dryRun, asked };
}

test('a dry run asks under an ID of its own, paused, for the weight, and tells who would be pending', async () => {
  const waiting = [{ clientId: 'meter-8', reason: 'unknown' }];
  const { dryRun, asked } = await dryRunOf([{ unknownSubscriptions: 1, waiting }, {}]);
  assert.deepEqual(asked, [
    {
      ...{ move: 'dry-run', cohorts: ['everyone'], begin: 0, order: 'first-first', isPaused: true },
      prepare: { cohort: 'everyone', weightBps: 6_000 },
    },
  ]);
  assert.deepEqual(dryRun.pending, {
    offline: 3,
    unknownSubscriptions: 1,
    asleep: 0,
    unregistered: 0,
    listed: waiting,
  });
});

test('quotas are of the brokers that sessions really go to, else of those that the weights point to', async () => {
  const going = await dryRunOf([{ remaining: 3, destinations: { successor: 1, legacy: 2 } }]);
  assert.deepEqual(Object.keys(going.dryRun.quotas), ['successor', 'legacy']);
  const nobody = await dryRunOf([{}]);
  assert.deepEqual(Object.keys(nobody.dryRun.quotas), ['legacy']);
});

test('the filters of the sessions stand beside what their broker takes', async () => {
  const reply = (filters: number) => ({
    remaining: 1,
    destinations: { successor: 1 },
    filters: { successor: filters },
  });
  const { dryRun } = await dryRunOf([reply(20), reply(3)], { lines: '    filtersPerSecond: 7\n' });
  assert.deepEqual(dryRun.quotas, { successor: { connectsPerSecond: null, filtersPerSecond: 7, filters: 23 } });
});

test('the time is what cuts wait for their subscriptions, and what pace and quotas make of the cold ones', async () => {
  const to = (remaining: number, prepared: number) => [
    { remaining, prepared, destinations: { successor: remaining }, connects: { successor: remaining - prepared } },
  ];
  const secondsOf = async (replies: Partial<HandoverReply>[], lines = '') =>
    (await dryRunOf(replies, { lines })).dryRun.estimatedSeconds;
  assert.equal(await secondsOf([{}]), 0);
  assert.equal(await secondsOf(to(35, 35)), 0.1, 'all at once, and 50 ms to settle');
  assert.equal(await secondsOf(to(35, 25)), 1.1, 'ten at the pace, in two rounds');
  assert.equal(await secondsOf(to(130, 30)), 10.2);
  assert.equal(await secondsOf(to(130, 30), '    connectsPerSecond: 4\n'), 28, 'nine tenths of 4/s');
  const aws = '    profile: aws-iot-core\n';
  const subscribed = to(35, 35).map((reply) => ({ ...reply, filters: { successor: 4_500 } }));
  assert.equal(await secondsOf(subscribed, aws), 11, '4500 filters at nine tenths of 500/s, and a second to settle');
  assert.equal(await secondsOf(subscribed, `${aws}    filtersPerSecond: 5000\n`), 2);
});

test('what a dry run says of a pace that is bounded by CONNECTs is what then happens', async () => {
  const rows: [sessions: number, connectsEach: number, asked: number | undefined][] = [
    [290, 1, 200],
    [290, 2, 200],
    [290, 1, undefined],
    [290, 2, undefined],
    [2_000, 2, 200],
  ];
  const lines = '    connectsPerSecond: 30\n';
  const { configuration } = loadRight(changed('  successor:\n', `  successor:\n${lines}`));
  for (const [sessions, connectsEach, asked] of rows) {
    const pace = paceTerms(configuration, ['successor'], asked);
    const found = { remaining: sessions, destinations: { successor: sessions } };
    const connects = { successor: sessions * connectsEach };
    const { dryRun } = await dryRunOf([{ ...found, connects }], { of: { ...lowering, ...pace }, lines });
    const fleet = new LimitedFleet({ sessions, connectsEach, ratePerSecond: 30 });
    const run = fleet.run({ ...pace, isPrepare: false, abortPercent: 2, refusedListed: 10 });
    const seconds = (run.finishedAtMs ?? 0) / 1_000;
    const row = `${sessions} × ${connectsEach} at ${asked}: ${seconds} s, ${dryRun.estimatedSeconds} s were told`;
    assert.deepEqual([run.outcome, run.aborted], ['done', 0], row);
    assert.ok(Math.abs(seconds - dryRun.estimatedSeconds) <= 2 + dryRun.estimatedSeconds * 0.15, row);
  }
});
