import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { comesTrue, MovesWorld, request } from './moves-world.ts';

function openWorld(
  context: TestContext,
  sessions: number,
  path?: string,
  returnMs?: number,
  waitMs?: number,
): MovesWorld {
  const files = {
    ...(path !== undefined && { path }),
    ...(returnMs !== undefined && { returnMs }),
    ...(waitMs !== undefined && { waitMs }),
  };
  const world = new MovesWorld({ sessions, ...files });
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

test('a cutover prepares and does not switch while the bridge is behind, for a bounded time', async (context) => {
  const world = openWorld(context, 30);
  world.behind = ['commands'];
  const { id } = world.runner.start(request);
  await comesTrue(() => assert.equal(world.asked.at(-1)?.holdsSwitches, true));
  const waits = 'sessions are prepared and wait for bridge rule commands to catch up, 60 s at most';
  assert.equal(world.runner.find(id)?.message, waits);
  assert.ok(
    world.told.some(({ message }) => message === waits),
    'whoever follows it is told',
  );
  world.behind = [];
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.equal(world.asked.at(-1)?.holdsSwitches, undefined);
  assert.equal(world.runner.find(id)?.message, null);
});

test('a cutover does not wait for the bridge for ever, and says that it did not', async (context) => {
  const world = openWorld(context, 30, undefined, undefined, 0);
  world.behind = ['commands', 'telemetry'];
  const { id } = world.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.ok(world.asked.every(({ holdsSwitches }) => holdsSwitches === undefined));
  assert.match(String(world.runner.find(id)?.message), /^bridge rules commands, telemetry did not catch up within 0 s/);
});

for (const [what, other] of [
  ['a rollback', { kind: 'rollback', placements: [{ ...everyone(0) }] }],
  ['a preparation', { prepare: { cohort: 'everyone', weightBps: 10_000 } }],
] as const) {
  test(`${what} does not wait for the bridge`, async (context) => {
    const world = openWorld(context, 5);
    world.behind = ['commands'];
    world.runner.start({ ...request, ...other });
    await comesTrue(() => assert.ok(world.asked.length > 1));
    assert.ok(world.asked.every(({ holdsSwitches }) => holdsSwitches === undefined));
  });
}

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

test('a newer move that leaves live sessions alone takes back what was begun too', async (context) => {
  const world = openWorld(context, 1_000);
  const first = world.runner.start({ ...request, pacePerSecond: 1, placements: [everyone(1_000)] });
  world.runner.start({ ...request, live: 'keep', revision: 3, placements: [everyone(5_000)] });
  assert.equal(stateOf(world, first.id), 'superseded');
  await comesTrue(() => assert.ok(world.takenBack.includes(first.id)));
});

test('a plan that is replaced ends the moves of the cohorts that it has otherwise, and of no others', async (context) => {
  const world = openWorld(context, 1_000);
  const { id } = world.runner.start({ ...request, pacePerSecond: 1, placements: [everyone(5_000)] });
  world.runner.planReplaced(3, () => everyone(5_000));
  assert.equal(stateOf(world, id), 'running');
  world.runner.planReplaced(4, () => everyone(2_000));
  assert.equal(stateOf(world, id), 'superseded');
  assert.match(world.runner.find(id)?.message ?? '', /^revision 4 replaced the plan: sessions stay/);
  await comesTrue(() => assert.deepEqual(world.takenBack, [id]));
});

test('a plan that is replaced leaves preparations alone whose cohort it has between the same brokers', async (context) => {
  const world = openWorld(context, 0);
  const prepare = { cohort: 'everyone', weightBps: 5_000 };
  const { id } = world.runner.start({ ...request, prepare, placements: [everyone(0)] });
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  world.runner.planReplaced(3, () => everyone(100));
  assert.deepEqual(
    world.runner.prepared().map((kept) => kept.id),
    [id],
  );
  world.runner.planReplaced(4, () => undefined);
  assert.deepEqual(world.runner.prepared(), []);
  await comesTrue(() => assert.ok(world.takenBack.includes(id)));
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
  const { until = 0 } = world.freeze.begin({ author: 'chief', reason: 'for a moment', forMs: 30 });
  const { id } = world.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  await comesTrue(() => assert.equal(world.freezesEnded.length, 1));
  assert.ok((world.freezesEnded[0] ?? 0) >= until);
  assert.equal(world.journal.freeze(), undefined);
});

test('a freeze that is lifted, or takes the place of another, does not end by itself at its time', async (context) => {
  const world = openWorld(context, 0);
  world.freeze.begin({ author: 'chief', reason: 'short', forMs: 20 });
  world.freeze.begin({ author: 'chief', reason: 'shorter', forMs: 5 });
  await comesTrue(() => assert.equal(world.freezesEnded.length, 1));
  world.freeze.begin({ author: 'chief', reason: 'lifted', forMs: 20 });
  assert.equal(world.freeze.lift()?.reason, 'lifted');
  await wait(50);
  assert.equal(world.freezesEnded.length, 1);
});

test('a move says what it is paused for now: an operator’s pause outlives the freeze that paused it first', (context) => {
  const world = openWorld(context, 40);
  const { id } = world.runner.start({ ...request, pacePerSecond: 1 });
  const told = () => `${stateOf(world, id)}: ${world.runner.find(id)?.message}`;
  world.freeze.begin({ author: 'chief', reason: 'incident 7' });
  world.runner.freezeChanged();
  assert.match(told(), /^paused: cutovers are frozen by chief/);
  assert.ok(world.runner.pause(id, 'ops').ok);
  assert.equal(told(), 'paused: paused by ops');
  world.freeze.lift();
  world.runner.freezeChanged();
  assert.equal(told(), 'paused: paused by ops');
});

test('the last move is listed first, here and after a restart, though the clock was set back', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  let wallMs = Date.now();
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs(), wallMs: () => wallMs };
  const first = new MovesWorld({ sessions: 0, path, clock });
  const ids: string[] = [];
  for (const cohort of ['a', 'b', 'c']) {
    ids.unshift(first.runner.start({ ...request, cohorts: [cohort], live: cohort === 'b' ? 'handover' : 'keep' }).id);
    wallMs -= 3_600_000;
  }
  const listed = (world: MovesWorld) => world.runner.list().map(({ id }) => id);
  assert.deepEqual(listed(first), ids);
  first.close();
  const second = openWorld(context, 0, path);
  second.runner.resumeUnfinished();
  assert.deepEqual(listed(second), ids);
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
  assert.equal(stateOf(second, id), 'paused', 'at once');
  assert.ok((second.runner.find(id)?.durationMs ?? 0) >= 20, 'the time before the restart counts');
  await comesTrue(() =>
    assert.deepEqual([stateOf(second, id), second.runner.find(id)?.message], ['paused', 'paused by ops']),
  );
  assert.ok(second.runner.resume(id).ok);
  assert.equal(stateOf(second, id), 'running');
});

test('ended moves are remembered over a restart, newest first, and cannot be aborted', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const first = new MovesWorld({ sessions: 3, path });
  const done = first.runner.start(request);
  await comesTrue(() => assert.equal(stateOf(first, done.id), 'done'));
  const kept = first.runner.start({ ...request, live: 'keep', revision: 3 });
  const aborted = first.runner.start({ ...request, kind: 'rollback', revision: 4 });
  assert.ok(first.runner.abort(aborted.id, 'ops').ok);
  const before = first.runner.list();
  // Nothing is closed: the control process was killed.
  context.after(() => first.close());
  const second = openWorld(context, 0, path);
  second.runner.resumeUnfinished();
  assert.deepEqual(second.runner.list(), before);
  assert.deepEqual(
    before.map(({ id, state }) => [id, state]),
    [
      [aborted.id, 'aborted'],
      [kept.id, 'done'],
      [done.id, 'done'],
    ],
  );
  assert.equal(second.runner.find(done.id)?.moved, 3);
  const again = second.runner.abort(done.id, 'ops');
  assert.equal(again.ok ? undefined : again.error.kind, 'not-now');
});

test('of many moves the last 200 are remembered, here and in the journal', async (context) => {
  const { runner, journal } = openWorld(context, 0);
  const ids = Array.from({ length: 203 }, (_, index) => {
    return runner.start({ ...request, live: 'keep', revision: index + 1 }).id;
  });
  const kept = [runner.list(), journal.documents().map(({ document }) => document)];
  for (const moves of kept) assert.equal(moves.length, 200);
  assert.equal(runner.find(ids[2] ?? ''), undefined);
  assert.equal(runner.find(ids[3] ?? '')?.id, ids[3]);
});

/** A move that a gateway was killed in: 30 sessions, some of them moved. */
async function killedInMove(context: TestContext, path: string): Promise<string> {
  const world = new MovesWorld({ sessions: 30, path });
  context.after(() => world.close());
  const { id } = world.runner.start({ ...request, pacePerSecond: 5 });
  const journaled = () => world.journal.documents()[0];
  await comesTrue(() => assert.ok((journaled()?.document.moved ?? 0) > 0 && journaled()?.sessions === 30));
  world.isDead = true;
  return id;
}

test('a move that a restart interrupted keeps its figures and waits for its devices to come back', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const id = await killedInMove(context, path);
  const world = openWorld(context, 0, path);
  world.runner.resumeUnfinished();
  const earlier = world.runner.find(id);
  assert.deepEqual([earlier?.state, earlier?.eligible, (earlier?.moved ?? 0) > 0], ['running', 30, true]);
  assert.match(earlier?.message ?? '', /^goes on after a restart of the gateway/);
  await comesTrue(() => assert.ok(world.asked.length > 3));
  assert.equal(stateOf(world, id), 'running', 'nobody is there yet');
  world.there = 20;
  world.cold = 10;
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  const ended = world.runner.find(id);
  assert.deepEqual([ended?.eligible, ended?.moved], [30, (earlier?.moved ?? 0) + 10]);
  const unseen = 20 - (earlier?.moved ?? 0);
  assert.match(ended?.message ?? '', new RegExp(`^${unseen} of 30 sessions were not seen to move: `));
});

test('it does not wait for ever, and never ends as if there had been nothing', async (context) => {
  const path = join(await directoryOf(context), 'moves.db');
  const id = await killedInMove(context, path);
  const world = openWorld(context, 0, path, 1);
  world.runner.resumeUnfinished();
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  const ended = world.runner.find(id);
  assert.equal(ended?.eligible, 30);
  assert.match(ended?.message ?? '', / of 30 sessions were not seen to move: /);
});

test('what was switching when a move was aborted settles into its figures', async (context) => {
  const world = openWorld(context, 30);
  const { id } = world.runner.start({ ...request, pacePerSecond: 20 });
  await comesTrue(() => assert.ok(world.underWay > 0));
  world.switchedUnseen = 1;
  const moved = world.there;
  const aborted = world.runner.abort(id, 'ops');
  assert.ok(aborted.ok);
  await comesTrue(() =>
    assert.deepEqual([world.runner.find(id)?.moved, world.runner.find(id)?.underWay], [moved + 1, 0]),
  );
  assert.equal(stateOf(world, id), 'aborted');
  assert.equal(world.journal.documents()[0]?.document.moved, moved + 1);
  assert.equal(world.told.at(-1)?.moved, moved + 1);
});

test('devices that are away are counted for the weight that a preparation is for', async (context) => {
  const world = openWorld(context, 0);
  const placements = [everyone(1_000)];
  const { id } = world.runner.start({ ...request, placements, prepare: { cohort: 'everyone', weightBps: 10_000 } });
  await comesTrue(() => assert.equal(stateOf(world, id), 'done'));
  assert.equal(world.runner.find(id)?.pending.offline, 7);
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
