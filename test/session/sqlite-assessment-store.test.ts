import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { type AdaptationKind, adaptationKinds, type Obstacle, obstacles } from '../../src/mqtt/adaptation-kind.ts';
import { adaptationBit } from '../../src/mqtt/kind-bits.ts';
import type { AssessmentNote, AssessmentStore } from '../../src/session/assessment-store.ts';
import { openSqliteAssessmentStore } from '../../src/session/sqlite-assessment-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossfade-assessments-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

function newPath(): string {
  files += 1;
  return join(directory, `assessments-${files}.db`);
}

const options = { devices: 1_000, obstacleMs: 30_000 };

function open(path = ':memory:', devices = options.devices): AssessmentStore {
  return openSqliteAssessmentStore(path, { ...options, devices });
}

interface Seen {
  readonly adapt?: readonly AdaptationKind[];
  readonly cannot?: readonly Obstacle[];
  readonly cohort?: string;
}

function note(clientId: string, { adapt = [], cannot = [], cohort = 'everyone' }: Seen = {}): AssessmentNote {
  return {
    clientId,
    cohort,
    target: 'aws',
    adaptations: adapt.reduce((bits, kind) => bits | adaptationBit[kind], 0),
    obstacles: cannot.map((kind) => ({ kind, example: `${clientId} ${kind}` })),
  };
}

function settle(store: AssessmentStore): void {
  while (store.flush());
}

describe('assessment store', () => {
  it('knows an obstacle before it is written, after it and over a restart', () => {
    const path = newPath();
    const store = open(path);
    store.note(note('meter-7', { cannot: ['topic-depth'] }), 1_000);
    assert.equal(store.obstacleOf('meter-7', 'aws', 1_000), 'topic-depth');
    settle(store);
    assert.equal(store.obstacleOf('meter-7', 'aws', 1_000), 'topic-depth');
    assert.equal(store.obstacleOf('meter-7', 'legacy', 1_000), undefined);
    assert.equal(store.obstacleOf('meter-8', 'aws', 1_000), undefined);
    store.note(note('meter-9', { cannot: ['will-size'] }), 1_000);
    store.close();
    const again = open(path);
    assert.equal(again.obstacleOf('meter-7', 'aws', 1_000), 'topic-depth');
    assert.equal(again.obstacleOf('meter-9', 'aws', 1_000), 'will-size');
    assert.equal(again.countsOf('everyone', 'aws')?.cannot, 2);
    again.close();
  });

  it('lets a worker read while the control process writes', () => {
    const path = newPath();
    const store = open(path);
    const reader = openSqliteAssessmentStore(path, { ...options, readOnly: true });
    store.note(note('meter-7', { cannot: ['topic-depth'] }), 1_000);
    assert.equal(reader.obstacleOf('meter-7', 'aws', 1_000), undefined);
    settle(store);
    assert.equal(reader.obstacleOf('meter-7', 'aws', 1_000), 'topic-depth');
    reader.close();
    store.close();
  });

  it('counts every device once, by what it is now', () => {
    const store = open();
    store.note(note('plain'), 1_000);
    store.note(note('plain'), 2_000);
    store.note(note('old', { adapt: ['protocol-version', 'keep-alive'] }), 2_000);
    store.note(note('deep', { adapt: ['keep-alive'] }), 2_000);
    settle(store);
    store.note(note('deep', { cannot: ['topic-depth', 'payload-size'] }), 3_000);
    store.note(note('elsewhere', { cohort: 'halle-7' }), 3_000);
    settle(store);
    assert.deepEqual(store.countsOf('everyone', 'aws'), {
      sinceMs: 2_000,
      devices: 3,
      asIs: 1,
      adapted: 1,
      cannot: 1,
      adaptations: new Map([
        ['protocol-version', 1],
        ['keep-alive', 1],
      ]),
      obstacles: new Map([
        ['payload-size', 1],
        ['topic-depth', 1],
      ]),
      notListed: 0,
    });
    assert.equal(store.countsOf('halle-7', 'aws')?.devices, 1);
    assert.equal(store.countsOf('everyone', 'legacy'), undefined);
    store.close();
  });

  it('lets an obstacle lapse some time after it was last seen', () => {
    const store = open();
    store.note(note('meter-7', { cannot: ['topic-depth'] }), 1_000);
    store.note(note('meter-8', { cannot: ['topic-depth'] }), 1_000);
    settle(store);
    store.note(note('meter-8', { cannot: ['topic-depth'] }), 20_000);
    settle(store);
    assert.equal(store.obstacleOf('meter-7', 'aws', 30_999), 'topic-depth');
    assert.equal(store.obstacleOf('meter-7', 'aws', 31_000), undefined);
    assert.equal(store.obstacleOf('meter-8', 'aws', 31_000), 'topic-depth');
    assert.equal(store.lapse(31_000), false);
    assert.equal(store.countsOf('everyone', 'aws')?.cannot, 1);
    assert.equal(store.countsOf('everyone', 'aws')?.asIs, 1);
    assert.deepEqual(store.heldBy('topic-depth', { cohort: 'everyone', target: 'aws' }, 10), [
      { clientId: 'meter-8', example: 'meter-8 topic-depth', lastSeenMs: 20_000 },
    ]);
    store.close();
  });

  it('lists the last seen first, as many as are asked for', () => {
    const store = open();
    for (const [index, clientId] of ['a', 'b', 'c'].entries()) {
      store.note(note(clientId, { cannot: ['subscriptions'] }), 1_000 + index);
    }
    settle(store);
    const held = store.heldBy('subscriptions', { cohort: 'everyone', target: 'aws' }, 2);
    assert.deepEqual(
      held.map(({ clientId }) => clientId),
      ['c', 'b'],
    );
    assert.deepEqual(store.heldBy('subscriptions', { cohort: 'nobody', target: 'aws' }, 2), []);
    store.close();
  });

  it('counts devices beyond its bound and does not list them; known ones are still brought up to date', () => {
    const path = newPath();
    const store = open(path, 2);
    for (const clientId of ['a', 'b', 'c']) store.note(note(clientId), 1_000);
    settle(store);
    store.note(note('a', { cannot: ['topic-depth'] }), 2_000);
    store.note(note('c', { cannot: ['topic-depth'] }), 2_000);
    store.close();
    const again = open(path, 2);
    const counts = again.countsOf('everyone', 'aws');
    assert.deepEqual([counts?.devices, counts?.cannot, counts?.notListed], [2, 1, 2]);
    assert.equal(again.obstacleOf('c', 'aws', 2_000), undefined);
    again.close();
  });

  it('writes in bounded parts', () => {
    const store = open(':memory:', 5_000);
    for (let device = 0; device < 1_250; device += 1) store.note(note(`meter-${device}`), 1_000);
    assert.equal(store.flush(), true);
    assert.equal(store.countsOf('everyone', 'aws')?.devices, 500);
    assert.equal(store.flush(), true);
    assert.equal(store.flush(), false);
    assert.equal(store.countsOf('everyone', 'aws')?.devices, 1_250);
    store.close();
  });

  it('counts as a recount would, whatever comes in whatever order', () => {
    const anyStep = fc.oneof(
      fc.record({
        clientId: fc.constantFrom('a', 'b', 'c', 'd'),
        adapt: fc.subarray([...adaptationKinds]),
        cannot: fc.subarray([...obstacles], { maxLength: 3 }),
      }),
      fc.constant('flush' as const),
      fc.record({ passMs: fc.nat({ max: 40_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const store = open();
        const devices: Recount = new Map();
        let nowMs = 0;
        for (const step of steps) {
          if (step === 'flush') settle(store);
          else if ('passMs' in step) nowMs += step.passMs;
          else {
            store.note(note(step.clientId, step), nowMs);
            settle(store);
            const device = devices.get(step.clientId) ?? { adapt: new Set(), cannot: new Map() };
            devices.set(step.clientId, device);
            for (const kind of step.adapt) device.adapt.add(kind);
            for (const kind of step.cannot) device.cannot.set(kind, nowMs);
          }
        }
        settle(store);
        while (store.lapse(nowMs));
        assertAgrees(store, devices, nowMs);
        store.close();
      }),
      { numRuns: 100 },
    );
  });
});

/** Everything that was noted of each device; of obstacles when they were last seen. */
type Recount = Map<string, { readonly adapt: Set<AdaptationKind>; readonly cannot: Map<Obstacle, number> }>;

function assertAgrees(store: AssessmentStore, devices: Recount, nowMs: number): void {
  const alive = [...devices].map(([clientId, { adapt, cannot }]) => {
    const left = [...cannot].filter(([, atMs]) => atMs > nowMs - options.obstacleMs).map(([kind]) => kind);
    return { clientId, adapt: [...adapt], cannot: left };
  });
  const counts = store.countsOf('everyone', 'aws');
  const movable = alive.filter(({ cannot }) => cannot.length === 0);
  assert.equal(counts?.devices ?? 0, alive.length);
  assert.equal(counts?.cannot ?? 0, alive.length - movable.length);
  assert.equal(counts?.asIs ?? 0, movable.filter(({ adapt }) => adapt.length === 0).length);
  for (const kind of adaptationKinds) {
    const expected = movable.filter(({ adapt }) => adapt.includes(kind)).length;
    assert.equal(counts?.adaptations.get(kind) ?? 0, expected);
  }
  for (const kind of obstacles) {
    const expected = alive.filter(({ cannot }) => cannot.includes(kind)).length;
    assert.equal(counts?.obstacles.get(kind) ?? 0, expected);
  }
  for (const { clientId, cannot } of alive) {
    const first = obstacles.find((kind) => cannot.includes(kind));
    assert.equal(store.obstacleOf(clientId, 'aws', nowMs), first);
  }
}
