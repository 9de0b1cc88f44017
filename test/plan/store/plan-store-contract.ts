import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { PlanRevision, PlanStore, PlanStoreFailure } from '../../../src/plan/store/plan-store.ts';
import { sampleCohort, samplePlan } from '../sample-plan.ts';

/** A new, empty store and what the suite needs to look at it from outside. Everything ends with the test. */
export interface PlanStoreUnderTest {
  readonly store: PlanStore;
  /** Another client of the same revisions, as a second process would have. */
  openAnother(): PlanStore;
  /** Makes every read and write fail until `repair`. */
  damage(): void;
  repair(): void;
}

export type OpenPlanStore = (context: TestContext) => PlanStoreUnderTest;

/** Revision `weightBps + 1` of a chain that starts at weight 0. */
export function entryAt(weightBps: number): Omit<PlanRevision, 'revision'> {
  const plan = { ...samplePlan, cohorts: [sampleCohort({ weightBps })] };
  return { at: 1_700_000_000_000 + weightBps, author: 'ops', reason: `weight ${weightBps}`, plan };
}

/** Every plan store passes this suite. */
export function runPlanStoreContract(name: string, open: OpenPlanStore): void {
  describe(`${name}: revisions`, () => describeRevisions(open));
  describe(`${name}: watch`, () => describeWatch(open));
  describe(`${name}: failure`, () => describeFailure(open));
}

function describeRevisions(open: OpenPlanStore): void {
  test('a new store has no revision, and no revision is made up', async (context) => {
    const { store } = open(context);
    assert.deepEqual(await store.latest(), { ok: true, value: undefined });
    assert.deepEqual(await store.revision(1), { ok: true, value: undefined });
    assert.deepEqual(await store.revisions({ limit: 10 }), { ok: true, value: [] });
  });

  test('revisions count from 1 and come back as they were made', async (context) => {
    const { store } = open(context);
    await append(store, 3);
    assert.deepEqual(await store.latest(), { ok: true, value: { revision: 3, ...entryAt(2) } });
    assert.deepEqual(await store.revision(2), { ok: true, value: { revision: 2, ...entryAt(1) } });
    assert.deepEqual(await store.revision(4), { ok: true, value: undefined });
  });

  test('the history comes newest first, bounded, and can be paged', async (context) => {
    const { store } = open(context);
    await append(store, 5);
    assert.deepEqual(await numbers(store, { limit: 3 }), [5, 4, 3]);
    assert.deepEqual(await numbers(store, { limit: 3, before: 3 }), [2, 1]);
    assert.deepEqual(await numbers(store, { limit: 3, before: 1 }), []);
  });

  test('a writer who expects another revision than the newest is told the newest', async (context) => {
    const { store } = open(context);
    await append(store, 2);
    for (const expected of [0, 1, 3]) {
      const answer = await store.compareAndSet(expected, entryAt(9));
      assert.deepEqual(answer, { ok: false, error: { kind: 'conflict', latest: 2 } });
    }
    assert.deepEqual(await numbers(store, { limit: 10 }), [2, 1]);
  });

  test('of twenty writers who race, through two clients, one wins', async (context) => {
    const { store, openAnother } = open(context);
    const another = openAnother();
    await append(store, 1);
    const writers = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : another));
    const answers = await Promise.all(writers.map((writer, index) => writer.compareAndSet(1, entryAt(index))));
    const winners = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
    assert.equal(winners.length, 1);
    assert.deepEqual(await another.latest(), { ok: true, value: winners[0] });
    const losers = answers.flatMap((answer) => (answer.ok ? [] : [answer.error]));
    assert.deepEqual(
      losers,
      losers.map(() => ({ kind: 'conflict', latest: 2 })),
    );
  });
}

function describeWatch(open: OpenPlanStore): void {
  test('resumes after a revision, in order and without gaps, across writers', async (context) => {
    const { store, openAnother } = open(context);
    const another = openAnother();
    await append(store, 3);
    const seen = watchUntil(store, 1, 7);
    for (let expected = 3; expected < 7; expected += 1) {
      const answer = await (expected % 2 === 0 ? store : another).compareAndSet(expected, entryAt(expected));
      assert.ok(answer.ok);
    }
    const revisions = await seen;
    assert.deepEqual(
      revisions,
      [1, 2, 3, 4, 5, 6].map((weightBps) => ({ revision: weightBps + 1, ...entryAt(weightBps) })),
    );
  });

  test('a revision of another client arrives without anybody asking', async (context) => {
    const { store, openAnother } = open(context);
    const seen = watchUntil(store, 0, 1);
    assert.ok((await openAnother().compareAndSet(0, entryAt(0))).ok);
    assert.deepEqual(
      (await seen).map(({ revision }) => revision),
      [1],
    );
  });

  test('a watcher may write from its callback, and every watcher sees everything', async (context) => {
    const { store } = open(context);
    const writer = watchUntil(store, 0, 4, ({ revision }) => {
      if (revision < 4) void store.compareAndSet(revision, entryAt(revision));
    });
    const reader = watchUntil(store, 0, 4);
    await store.compareAndSet(0, entryAt(0));
    for (const revisions of [await writer, await reader]) {
      assert.deepEqual(
        revisions.map(({ revision }) => revision),
        [1, 2, 3, 4],
      );
    }
  });

  test('nothing arrives after the watch was ended, not even from inside the callback', async (context) => {
    const { store } = open(context);
    await append(store, 3);
    const seen: number[] = [];
    const ended = new Promise<void>((resolve) => {
      const end = store.watch(
        0,
        ({ revision }) => {
          seen.push(revision);
          end();
          resolve();
        },
        failLoudly,
      );
    });
    await ended;
    const other = watchUntil(store, 0, 4);
    await store.compareAndSet(3, entryAt(3));
    await other;
    assert.deepEqual(seen, [1]);
  });
}

function describeFailure(open: OpenPlanStore): void {
  test('a store that fails says so in every answer, never with an empty plan, and works again', async (context) => {
    const { store, damage, repair } = open(context);
    await append(store, 2);
    damage();
    const answers = [
      await store.latest(),
      await store.revision(1),
      await store.revisions({ limit: 5 }),
      await store.compareAndSet(2, entryAt(2)),
    ];
    for (const answer of answers) {
      assert.ok(!answer.ok && answer.error.kind === 'unavailable' && answer.error.message.length > 20);
    }
    repair();
    assert.deepEqual(await store.latest(), { ok: true, value: { revision: 2, ...entryAt(1) } });
  });

  test('a watcher is told once, keeps what it has, and goes on by itself without a gap', async (context) => {
    const { store, damage, repair } = open(context);
    await append(store, 2);
    damage();
    const seen: number[] = [];
    let failures = 0;
    await new Promise<void>((resolve) => {
      store.watch(
        1,
        ({ revision }) => {
          seen.push(revision);
          if (revision === 3) resolve();
        },
        () => {
          failures += 1;
          assert.deepEqual(seen, []);
          repair();
          void store.compareAndSet(2, entryAt(2));
        },
      );
    });
    assert.deepEqual([seen, failures], [[2, 3], 1]);
  });

  test('a closed store answers that it is not available, and closing twice does no harm', async (context) => {
    const { store } = open(context);
    await append(store, 1);
    await store.close();
    await store.close();
    const answer = await store.latest();
    assert.ok(!answer.ok && answer.error.kind === 'unavailable');
  });
}

/** Appends revisions 1 to `count` to an empty store. */
export async function append(store: PlanStore, count: number): Promise<void> {
  for (let expected = 0; expected < count; expected += 1) {
    assert.deepEqual(await store.compareAndSet(expected, entryAt(expected)), {
      ok: true,
      value: { revision: expected + 1, ...entryAt(expected) },
    });
  }
}

async function numbers(
  store: PlanStore,
  page: { readonly limit: number; readonly before?: number },
): Promise<readonly number[]> {
  const answer = await store.revisions(page);
  assert.ok(answer.ok);
  return answer.value.map(({ revision }) => revision);
}

/** Watches from `after` and resolves with what arrived when `last` has. */
async function watchUntil(
  store: PlanStore,
  after: number,
  last: number,
  onRevision: (revision: PlanRevision) => void = () => undefined,
): Promise<readonly PlanRevision[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly PlanRevision[]>();
  const seen: PlanRevision[] = [];
  // The store's own poll does not keep the process alive, this does until the promise is settled.
  const deadline = setTimeout(() => reject(new Error(`saw ${seen.length} revisions, not ${last}`)), 5_000);
  const end = store.watch(
    after,
    (revision) => {
      seen.push(revision);
      onRevision(revision);
      if (revision.revision === last) resolve(seen);
    },
    (failure) => reject(new Error(JSON.stringify(failure))),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    end();
  }
}

function failLoudly(failure: PlanStoreFailure): never {
  throw new Error(JSON.stringify(failure));
}
