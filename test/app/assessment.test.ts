import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AssessmentBatch } from '../../src/app/assessment-batch.ts';
import { AssessmentLedger } from '../../src/app/assessment-ledger.ts';
import type { WorkerMessage } from '../../src/app/process-messages.ts';
import type { AssessmentStore } from '../../src/session/assessment-store.ts';
import { openSqliteAssessmentStore } from '../../src/session/sqlite-assessment-store.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const log = createLogger({ level: 'silent', component: 'test' });
const everyone = { name: 'everyone', source: 'legacy', target: 'aws' };
const startMs = Date.parse('2026-03-01T12:00:00.000Z');
const dayMs = 86_400_000;
const options = { devices: 1_000_000, obstacleMs: 30 * dayMs };

type Batch = Extract<WorkerMessage, { kind: 'assessments' }>;

/** A worker's batch, and the messages that it sent. */
function openBatch(t: TestContext, openAssessments?: () => AssessmentStore) {
  const sent: Batch[] = [];
  const take = (message: WorkerMessage) => {
    assert.equal(message.kind, 'assessments');
    sent.push(message as Batch);
  };
  const batch = new AssessmentBatch({
    openAssessments: openAssessments ?? (() => assert.fail('no file')),
    wallMs: () => startMs,
    log,
  });
  t.after(() => batch.close());
  return { batch, sent, link: { send: take, post: take } };
}

function device(clientId: string) {
  return { clientId, cohort: 'everyone', target: 'aws' };
}

const tooDeep = { verdict: 'cannot', kind: 'topic-depth', example: 'a/b/c/d/e/f/g/h/i' } as const;

describe('AssessmentBatch', () => {
  it('gathers what is not urgent into one message', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { batch, sent, link } = openBatch(t);
    batch.linkUp(link);
    for (let connection = 0; connection < 100; connection += 1) {
      batch.observed({ ...device('meter-7'), broker: 'legacy' });
      batch.found(device('meter-7'), { verdict: 'adapt', kind: 'keep-alive', example: '0 s' });
    }
    batch.observed({ ...device('meter-8'), broker: 'legacy' });
    assert.equal(sent.length, 0);
    t.mock.timers.tick(250);
    assert.deepEqual(sent, [
      {
        kind: 'assessments',
        notes: [
          { ...device('meter-7'), adaptations: 1 << 4, obstacles: [] },
          { ...device('meter-8'), adaptations: 0, obstacles: [] },
        ],
        dropped: 0,
      },
    ]);
  });

  it('sends an obstacle with the end of the turn', async (t) => {
    const { batch, sent, link } = openBatch(t);
    batch.linkUp(link);
    batch.found(device('meter-7'), tooDeep);
    batch.found(device('meter-8'), tooDeep);
    assert.equal(sent.length, 0);
    await nextTurn();
    assert.equal(sent.length, 1);
    assert.deepEqual(
      sent[0]?.notes.map(({ obstacles }) => obstacles),
      [[{ kind: 'topic-depth', example: tooDeep.example }], [{ kind: 'topic-depth', example: tooDeep.example }]],
    );
  });

  it('notes nothing of a device on the target, or without a client ID', async (t) => {
    const { batch, sent, link } = openBatch(t);
    batch.observed({ ...device('meter-7'), broker: 'aws' });
    batch.found(device(''), tooDeep);
    batch.linkUp(link);
    await nextTurn();
    assert.equal(sent.length, 0);
  });

  it('keeps a bounded number of devices while the control process is away, and says how many it dropped', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { batch, sent, link } = openBatch(t);
    for (let number = 0; number < 50_007; number += 1)
      batch.observed({ ...device(`meter-${number}`), broker: 'legacy' });
    batch.linkUp(link);
    for (let part = 0; part < 60; part += 1) t.mock.timers.tick(1);
    assert.equal(sent[0]?.dropped, 7);
    assert.ok(sent.every(({ notes }) => notes.length <= 1_000));
    assert.equal(
      sent.reduce((devices, { notes }) => devices + notes.length, 0),
      50_000,
    );
  });

  it('knows what it has not sent and what the file says; a file that is not there says nothing', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'crossfade-batch-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const path = join(directory, 'plan.db.assessments');
    const open = () => openSqliteAssessmentStore(path, { ...options, readOnly: true });
    const { batch } = openBatch(t, open);
    assert.equal(batch.obstacleOf('meter-7', 'aws'), undefined);
    const store = openSqliteAssessmentStore(path, options);
    store.note({ ...device('meter-7'), adaptations: 0, obstacles: [tooDeep] }, startMs);
    store.close();
    assert.equal(batch.obstacleOf('meter-7', 'aws'), 'topic-depth');
    batch.found(device('meter-8'), { ...tooDeep, kind: 'will-size' });
    assert.equal(batch.obstacleOf('meter-8', 'aws'), 'will-size');
    assert.equal(batch.obstacleOf('meter-8', 'legacy'), undefined);
  });
});

function openLedger(t: TestContext, store: AssessmentStore = openSqliteAssessmentStore(':memory:', options)) {
  const now = { ms: startMs };
  const ledger = new AssessmentLedger({ store, clock: { wallMs: () => now.ms, monotonicMs: () => now.ms }, log });
  t.after(() => ledger.close());
  return { ledger, now };
}

describe('AssessmentLedger', () => {
  it('answers a claim at once, and the operator with everything that came in', (t) => {
    const { ledger } = openLedger(t);
    const notes = [
      { ...device('meter-7'), adaptations: 1, obstacles: [tooDeep] },
      { ...device('meter-8'), adaptations: 1, obstacles: [] },
      { ...device('meter-9'), adaptations: 0, obstacles: [] },
    ];
    ledger.handleBatch({ kind: 'assessments', notes, dropped: 2 });
    assert.equal(ledger.obstacleOf('meter-7', 'aws'), 'topic-depth');
    const lastSeen = new Date(startMs).toISOString();
    assert.deepEqual(ledger.document([everyone, { ...everyone, name: 'nobody' }], 10), {
      cohorts: [
        {
          cohort: 'everyone',
          source: 'legacy',
          target: 'aws',
          observedSince: lastSeen,
          devices: 3,
          asIs: 1,
          adapted: { devices: 1, kinds: [{ kind: 'protocol-version', devices: 1 }] },
          cannot: {
            devices: 1,
            reasons: [
              {
                reason: 'topic-depth',
                devices: 1,
                examples: [{ clientId: 'meter-7', reason: 'topic-depth', example: tooDeep.example, lastSeen }],
              },
            ],
          },
          notListed: 0,
        },
        {
          cohort: 'nobody',
          source: 'legacy',
          target: 'aws',
          observedSince: null,
          devices: 0,
          asIs: 0,
          adapted: { devices: 0, kinds: [] },
          cannot: { devices: 0, reasons: [] },
          notListed: 0,
        },
      ],
      dropped: 2,
    });
    assert.equal(ledger.heldBack(everyone), 1);
  });

  it('makes a device movable again 30 days after the obstacle was last seen', (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { ledger, now } = openLedger(t);
    ledger.handleBatch({
      kind: 'assessments',
      notes: [{ ...device('meter-7'), adaptations: 0, obstacles: [tooDeep] }],
      dropped: 0,
    });
    t.mock.timers.tick(1_000);
    assert.equal(ledger.heldBack(everyone), 1);
    now.ms += 30 * dayMs;
    assert.equal(ledger.obstacleOf('meter-7', 'aws'), undefined);
    t.mock.timers.tick(60_000);
    assert.equal(ledger.heldBack(everyone), 0);
  });

  it('stays in memory while its store cannot be written, and writes when it can', (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const store = openSqliteAssessmentStore(':memory:', options);
    let isFull = true;
    const flaky: AssessmentStore = {
      note: (note, nowMs) => store.note(note, nowMs),
      obstacleOf: (clientId, target, nowMs) => store.obstacleOf(clientId, target, nowMs),
      countsOf: (cohort, target) => store.countsOf(cohort, target),
      heldBy: (kind, of, limit) => store.heldBy(kind, of, limit),
      flush: () => {
        if (isFull) throw new Error('database or disk is full');
        return store.flush();
      },
      lapse: (nowMs) => store.lapse(nowMs),
      close: () => store.close(),
    };
    const { ledger } = openLedger(t, flaky);
    ledger.handleBatch({
      kind: 'assessments',
      notes: [{ ...device('meter-7'), adaptations: 0, obstacles: [tooDeep] }],
      dropped: 0,
    });
    t.mock.timers.tick(1_000);
    assert.equal(ledger.obstacleOf('meter-7', 'aws'), 'topic-depth');
    assert.equal(ledger.heldBack(everyone), 0);
    isFull = false;
    t.mock.timers.tick(5_000);
    assert.equal(ledger.heldBack(everyone), 1);
  });
});
