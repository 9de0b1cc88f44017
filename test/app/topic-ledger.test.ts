import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TopicLedger } from '../../src/app/topic-ledger.ts';
import { TopicReports } from '../../src/app/topic-reports.ts';
import type { WorkerMessage } from '../../src/app/process-messages.ts';
import { encodeSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';

import type { HeldSubscription } from '../../src/mqtt/subscription-table.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';
import { openSqliteTopicStore } from '../../src/session/sqlite-topic-store.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const log = createLogger({ level: 'silent', component: 'test' });
const dayMs = 86_400_000;

function held(filter: string): HeldSubscription {
  return { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, granted: 1 };
}

async function openWorld(context: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-topics-'));
  context.after(() => rm(directory, { recursive: true }));
  const homes = openSqliteHomeStore(join(directory, 'homes'));
  context.after(() => homes.close());
  const clock = { nowMs: 10 * dayMs };
  const open = () =>
    new TopicLedger({
      store: openSqliteTopicStore(join(directory, 'topics')),
      homes,
      cohortOf: (clientId) => (clientId.startsWith('known') ? 'everyone' : undefined),
      rememberedMs: dayMs,
      clock: { wallMs: () => clock.nowMs, monotonicMs: () => clock.nowMs },
      log,
    });
  return { homes, clock, open };
}

function described(ledger: TopicLedger): readonly (readonly [string, string, number])[] {
  return ledger.of('everyone').map(({ use, pattern, devices }) => [use, pattern, devices.count()] as const);
}

test('what workers report adds up, survives a restart, and is forgotten when nobody uses it', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { clock, open } = await openWorld(context);
  const posted: WorkerMessage[] = [];
  const link = { send: () => {}, post: (message: WorkerMessage) => void posted.push(message) };
  const reports = [new TopicReports(() => clock.nowMs), new TopicReports(() => clock.nowMs)];
  for (const [worker, report] of reports.entries()) {
    report.linkUp(link);
    const common = { cohort: 'everyone', use: 'publish', pattern: 'dt/+/state', isWidened: false } as const;
    report.used({ ...common, clientId: `meter-${worker}` });
    report.used({ ...common, clientId: 'meter-that-moved' });
  }
  context.mock.timers.tick(250);
  const first = open();
  for (const message of posted) if (message.kind === 'topics') first.handleReport(message.topics);
  assert.deepEqual(described(first), [['publish', 'dt/+/state', 3]]);
  first.close();
  const second = open();
  assert.deepEqual(described(second), [['publish', 'dt/+/state', 3]]);
  // A worker that finds a new control process tells all again: nothing is counted twice.
  posted.length = 0;
  for (const report of reports) report.linkUp(link);
  context.mock.timers.tick(250);
  for (const message of posted) if (message.kind === 'topics') second.handleReport(message.topics);
  assert.deepEqual(described(second), [['publish', 'dt/+/state', 3]]);
  second.close();
  clock.nowMs += 2 * dayMs;
  const third = open();
  assert.deepEqual(described(third), []);
  third.close();
  for (const report of reports) report.close();
});

test('sessions whose devices are away count by what is remembered of them', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { homes, open } = await openWorld(context);
  for (let device = 0; device < 700; device += 1) {
    const clientId = `meter-${String(device).padStart(4, '0')}`;
    homes.record(clientId, 'legacy', 1, { cohort: 'everyone', position: 1 });
    const subscriptions = encodeSubscriptions({ subscriptionsKnown: true, held: [held(`cmd/${clientId}/#`)] });
    homes.keep(clientId, { received: [], subscriptions });
  }
  homes.learn('import', [
    { clientId: 'known-1', subscriptionsKnown: true, held: [held('jobs/#'), held('$SYS/#')] },
    { clientId: 'stranger', subscriptionsKnown: true, held: [held('elsewhere')] },
  ]);
  const ledger = open();
  assert.equal(ledger.hasScanned, false, 'a part at a time');
  context.mock.timers.tick(20);
  context.mock.timers.tick(20);
  assert.equal(ledger.hasScanned, true);
  const topics = new Map(described(ledger).map(([, pattern, devices]) => [pattern, devices]));
  assert.deepEqual([...topics.keys()].toSorted(), ['cmd/+/#', 'jobs/#']);
  assert.ok(Math.abs((topics.get('cmd/+/#') ?? 0) - 700) < 50);
  ledger.noteImported([{ clientId: 'known-2', held: [held('told/later')] }]);
  assert.ok(described(ledger).some(([, pattern]) => pattern === 'told/later'));
  ledger.close();
});

test('what cannot be written stays in memory and is written later; what is too old is not taken', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const written: string[][] = [];
  let isFull = true;
  const ledger = new TopicLedger({
    store: {
      load: () => [],
      write: (changes) => {
        if (isFull) throw new Error('no space');
        written.push([...changes.values()].map((topic) => topic?.pattern ?? 'gone'));
      },
      close: () => {},
    },
    homes: { subscribed: () => [] },
    cohortOf: () => undefined,
    rememberedMs: dayMs,
    clock: { wallMs: () => 10 * dayMs, monotonicMs: () => 0 },
    log,
  });
  const report = { cohort: 'everyone', use: 'publish', isWidened: false, sketch: '' } as const;
  ledger.handleReport([
    { ...report, pattern: 'new', lastSeenMs: 10 * dayMs },
    { ...report, pattern: 'old', lastSeenMs: 8 * dayMs },
  ]);
  context.mock.timers.tick(1_000);
  assert.deepEqual(
    ledger.of('everyone').map(({ pattern }) => pattern),
    ['new'],
  );
  isFull = false;
  context.mock.timers.tick(5_000);
  assert.deepEqual(written, [['new']]);
  ledger.close();
});

test('sessions that cannot be read are read later, from where it came to an end', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: string[] = [];
  const subscriptions = encodeSubscriptions({ subscriptionsKnown: true, held: [held('cmd')] });
  const ledger = new TopicLedger({
    store: openSqliteTopicStore(':memory:'),
    homes: {
      subscribed: (after) => {
        asked.push(after);
        if (asked.length === 2) throw new Error('locked');
        return asked.length === 1 ? [{ clientId: 'a', cohort: 'everyone', subscriptions }] : [];
      },
    },
    cohortOf: () => undefined,
    rememberedMs: dayMs,
    clock: { wallMs: () => 10 * dayMs, monotonicMs: () => 0 },
    log,
  });
  context.mock.timers.tick(20);
  assert.equal(ledger.hasScanned, false);
  context.mock.timers.tick(60_000);
  assert.deepEqual([asked, ledger.hasScanned], [['', 'a', 'a'], true]);
  ledger.close();
});
