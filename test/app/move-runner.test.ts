import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { comesTrue, MovesWorld, request } from './moves-world.ts';

function openWorld(context: TestContext, sessions: number, path?: string): MovesWorld {
  const world = new MovesWorld({ sessions, ...(path !== undefined && { path }) });
  context.after(() => world.close());
  return world;
}

async function directoryOf(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-moves-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

const stateOf = (world: MovesWorld, id: string) => world.runner.find(id)?.state;

test('a handover moves every session, tells its progress, and is not begun again by the next control process', async (context) => {
  const world = openWorld(context, 30);
  const { id } = world.runner.start(request);
  assert.equal(world.journal.unfinished().length, 1);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  const move = world.runner.find(id);
  assert.deepEqual([move?.moved, move?.eligible, move?.pending.offline, move?.live], [30, 30, 7, 'handover']);
  assert.equal(world.told.at(-1)?.state, 'done');
  assert.deepEqual(world.journal.unfinished(), []);
});

test('a reconnect that is done is not begun again either', async (context) => {
  const world = openWorld(context, 0);
  const { id } = world.runner.start({ ...request, live: 'reconnect' });
  assert.equal(world.journal.unfinished().length, 1);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.deepEqual([world.journal.unfinished(), world.asked], [[], []]);
});

test('a paused move begins nothing until it is resumed; what was answered meanwhile counts', async (context) => {
  const world = openWorld(context, 30);
  const { id } = world.runner.start(request);
  await comesTrue(() => assert.ok(world.cold < 30));
  assert.ok(world.runner.pause(id, 'ops').ok);
  const cold = world.cold;
  assert.deepEqual([stateOf(world, id), world.runner.find(id)?.message], ['paused', 'paused by ops']);
  await comesTrue(() => assert.equal(world.asked.at(-1)?.isPaused, true));
  assert.equal(world.cold, cold);
  assert.ok(world.runner.resume(id).ok);
  assert.equal(world.runner.find(id)?.message, null);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.equal(world.runner.find(id)?.moved, 30);
});

test('an aborted move ends and has what it began taken back; an ended one cannot be paused', async (context) => {
  const world = openWorld(context, 30);
  const { id } = world.runner.start({ ...request, pacePerSecond: 1 });
  const aborted = world.runner.abort(id, 'ops');
  assert.ok(aborted.ok && aborted.value.state === 'aborted');
  await comesTrue(() => assert.deepEqual(world.takenBack, [id]));
  const paused = world.runner.pause(id, 'ops');
  assert.deepEqual(paused.ok ? undefined : paused.error.kind, 'not-now');
  const unknown = world.runner.resume('m9');
  assert.deepEqual(unknown.ok ? undefined : unknown.error.kind, 'not-found');
});

test('a newer move of the cohort supersedes; only one that points elsewhere takes back what was begun', async (context) => {
  const world = openWorld(context, 1_000);
  const slow = { ...request, pacePerSecond: 1 };
  const first = world.runner.start({ ...slow, placements: [{ ...everyone(1_000) }] });
  const second = world.runner.start({ ...slow, revision: 3, placements: [{ ...everyone(5_000) }] });
  assert.deepEqual([stateOf(world, first.id), world.takenBack], ['superseded', []]);
  world.runner.start({ ...slow, kind: 'rollback', revision: 4, placements: [{ ...everyone(0) }] });
  assert.equal(stateOf(world, second.id), 'superseded');
  await comesTrue(() => assert.deepEqual(world.takenBack, [second.id]));
});

function everyone(weightBps: number) {
  return { name: 'everyone', source: 'legacy', target: 'aws', weightBps };
}

test('a preparation that is done is aborted or rolled back, but not once a cutover has taken it over', async (context) => {
  const world = openWorld(context, 0);
  const prepare = { ...request, prepare: { cohort: 'everyone', weightBps: 5_000 } };
  const first = world.runner.start(prepare);
  await comesTrue(() => assert.equal(stateOf(world, first.id), 'done'));
  assert.equal(world.runner.find(first.id)?.prepareOnly, true);
  assert.ok(world.runner.abort(first.id, 'ops').ok);
  await comesTrue(() => assert.deepEqual(world.takenBack, [first.id]));
  const second = world.runner.start(prepare);
  await comesTrue(() => assert.equal(stateOf(world, second.id), 'done'));
  world.runner.start({ ...request, revision: 3, placements: [everyone(5_000)] });
  world.runner.start({ ...request, kind: 'rollback', revision: 4, placements: [everyone(0)] });
  assert.ok(!world.takenBack.includes(second.id));
  assert.ok(!world.runner.abort(second.id, 'ops').ok);
});

test('while frozen cutovers are paused with the reason and cannot be resumed, rollbacks go on, and later all do', async (context) => {
  const world = openWorld(context, 40);
  const { id } = world.runner.start({ ...request, pacePerSecond: 1 });
  world.freeze.begin({ author: 'chief', reason: 'incident 7' });
  world.runner.freezeChanged();
  assert.equal(stateOf(world, id), 'paused');
  assert.match(world.runner.find(id)?.message ?? '', /^cutovers are frozen by chief until it is lifted: incident 7$/);
  const resumed = world.runner.resume(id);
  assert.equal(resumed.ok ? undefined : resumed.error.kind, 'frozen');
  world.freeze.lift();
  world.runner.freezeChanged();
  assert.equal(stateOf(world, id), 'running');
  world.freeze.begin({ author: 'chief', reason: 'incident 7' });
  const back = world.runner.start({ ...request, kind: 'rollback', revision: 3 });
  await comesTrue(() => assert.equal(stateOf(world, back.id), 'done'));
});

test('a freeze ends by itself', async (context) => {
  const world = openWorld(context, 5);
  world.freeze.begin({ author: 'chief', reason: 'for a moment', forMs: 30 });
  const { id } = world.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.equal(world.journal.freeze(), undefined);
});

test('moves, pauses and the freeze survive the control process', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const first = new MovesWorld({ sessions: 10, path });
  const { id } = first.runner.start({ ...request, pacePerSecond: 1 });
  first.runner.pause(id, 'ops');
  first.freeze.begin({ author: 'chief', reason: 'incident 7', forMs: 3_600_000 });
  first.close();
  await wait(20);
  const second = openWorld(context, 10, path);
  assert.equal(second.freeze.current?.reason, 'incident 7');
  second.freeze.lift();
  second.runner.resumeUnfinished();
  assert.ok((second.runner.find(id)?.durationMs ?? 0) >= 20, 'the time before the restart counts');
  await comesTrue(() =>
    assert.deepEqual([stateOf(second, id), second.runner.find(id)?.message], ['paused', 'paused by ops']),
  );
  assert.ok(second.runner.resume(id).ok);
  assert.equal(stateOf(second, id), 'running');
});

test('sessions that come after a handover is done are moved, until the plan says something else', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const first = new MovesWorld({ sessions: 0, path });
  const { id } = first.runner.start({ ...request, live: 'handover' });
  await comesTrue(() => assert.equal(stateOf(first, id), 'done'));
  first.close();
  const world = openWorld(context, 20, path);
  world.strays.start();
  await comesTrue(() => assert.deepEqual([world.cold, world.underWay], [0, 0]));
  assert.deepEqual([world.asked[0]?.move, world.told], [`${id}-late`, []]);
  world.placement = undefined;
  await comesTrue(() => assert.deepEqual(world.journal.followed(), []));
});

test('nobody is followed after a move that keeps, closes, prepares or was aborted', async (context) => {
  const world = openWorld(context, 0);
  for (const live of ['keep', 'reconnect'] as const) {
    const { id } = world.runner.start({ ...request, live });
    await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  }
  const prepared = world.runner.start({ ...request, prepare: { cohort: 'everyone', weightBps: 1 } });
  await comesTrue(() => assert.equal(stateOf(world, prepared.id), 'done'));
  assert.deepEqual(world.journal.followed(), []);
  const done = world.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(world, done.id), 'done'));
  assert.equal(world.journal.followed().length, 1);
  world.runner.start({ ...request, live: 'keep', revision: 3 });
  assert.deepEqual(world.journal.followed(), []);
});

test('a preparation that is done is kept up, instead of the cohort being followed, also by the next control process', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const first = new MovesWorld({ sessions: 0, path });
  const done = first.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(first, done.id), 'done'));
  const prepare = { cohort: 'everyone', weightBps: 5_000 };
  const prepared = first.runner.start({ ...request, prepare });
  await comesTrue(() => assert.equal(stateOf(first, prepared.id), 'done'));
  const asked = first.asked.length;
  await comesTrue(() => assert.ok(first.asked.length > asked));
  const later = first.asked.slice(asked);
  assert.ok(later.every((question) => question.move === prepared.id && question.prepare?.weightBps === 5_000));
  first.close();
  const second = openWorld(context, 0, path);
  second.runner.resumeUnfinished();
  second.strays.start();
  await comesTrue(() => assert.equal(second.runner.prepared()[0]?.id, prepared.id));
  assert.ok(second.asked.every((question) => question.prepare !== undefined));
  second.runner.start({ ...request, revision: 3 });
  assert.deepEqual([second.runner.prepared(), second.journal.unfinished().length], [[], 1]);
});
