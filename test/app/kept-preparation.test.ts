import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { comesTrue, everyone, MovesWorld, request } from './moves-world.ts';

async function prepared(context: TestContext) {
  const world = new MovesWorld({ sessions: 0 });
  context.after(() => world.close());
  const { id } = world.runner.start({ ...request, prepare: { cohort: 'everyone', weightBps: 5_000 } });
  await comesTrue(() => assert.equal(world.runner.prepared()[0]?.id, id));
  return { world, id };
}

const keep = { ...request, live: 'keep' } as const;

test('a plan that nobody follows live leaves the prepared connections to whoever moves later', async (context) => {
  const { world, id } = await prepared(context);
  world.runner.start({ ...keep, placements: [{ ...everyone, weightBps: 5_000 }] });
  assert.deepEqual([world.runner.prepared()[0]?.id, world.takenBack], [id, []]);
  world.runner.start({ ...request, placements: [{ ...everyone, weightBps: 5_000 }] });
  assert.deepEqual([world.runner.prepared(), world.takenBack], [[], []]);
});

test('a plan of less takes the prepared connections back, also where nobody follows it live', async (context) => {
  const { world, id } = await prepared(context);
  world.runner.start({ ...keep, placements: [{ ...everyone, weightBps: 4_000 }] });
  await comesTrue(() => assert.deepEqual([world.runner.prepared(), world.takenBack], [[], [id]]));
});

test('a preparation that was aborted has nothing prepared', async (context) => {
  const world = new MovesWorld({ sessions: 0 });
  context.after(() => world.close());
  world.prepared = 12;
  const { id } = world.runner.start({ ...request, prepare: { cohort: 'everyone', weightBps: 5_000 } });
  await comesTrue(() => assert.equal(world.runner.find(id)?.prepared, 12));
  await comesTrue(() => assert.equal(world.runner.find(id)?.state, 'done'));
  const aborted = world.runner.abort(id, 'ops');
  assert.deepEqual([aborted.ok && aborted.value.prepared, world.runner.find(id)?.prepared], [0, 0]);
});

test('a preparation whose connections were lost says so, and how it stands, until they are made again', async (context) => {
  const world = new MovesWorld({ sessions: 0 });
  context.after(() => world.close());
  world.prepared = 12;
  const { id } = world.runner.start({ ...request, prepare: { cohort: 'everyone', weightBps: 5_000 } });
  const shown = () => [world.runner.find(id)?.state, world.runner.find(id)?.prepared, world.runner.find(id)?.message];
  await comesTrue(() => assert.deepEqual(shown(), ['done', 12, null]));
  world.cold = 12;
  world.prepared = 0;
  await comesTrue(() => assert.deepEqual(shown(), ['done', 0, '0 of 12 stand by']));
  world.prepared = 12;
  await comesTrue(() => assert.deepEqual(shown(), ['done', 12, null]));
});

test('what keeps a preparation up moves late sessions too, where the cohort is followed', async (context) => {
  const world = new MovesWorld({ sessions: 0 });
  context.after(() => world.close());
  const moved = world.runner.start(request);
  await comesTrue(() => assert.equal(world.runner.find(moved.id)?.state, 'done'));
  const { id } = world.runner.start({ ...request, prepare: { cohort: 'everyone', weightBps: 10_000 } });
  const isAsked = () => world.asked.some(({ move, isUpkeep, movesLate }) => move === id && isUpkeep && movesLate);
  await comesTrue(() => assert.ok(isAsked()));
  world.placement = { ...everyone, weightBps: 2_000 };
  world.asked.length = 0;
  await comesTrue(() => assert.ok(world.asked.some(({ move, isUpkeep }) => move === id && isUpkeep)));
  assert.ok(!isAsked());
});

test('a preparation says what became of its connections when a newer revision had them', async (context) => {
  const shown = (world: MovesWorld, id: string) => {
    const { state, prepared: left, message } = world.runner.find(id) ?? {};
    return [state, left, message];
  };
  const taken = await prepared(context);
  taken.world.runner.start({ ...request, revision: 3, placements: [{ ...everyone, weightBps: 5_000 }] });
  const over = 'its second connections were taken over: revision 3 moves the same cohort';
  assert.deepEqual(shown(taken.world, taken.id), ['done', 0, over]);
  const back = await prepared(context);
  back.world.runner.start({ ...request, kind: 'rollback', revision: 4, placements: [{ ...everyone, weightBps: 0 }] });
  const closed = 'its second connections were closed: revision 4 moves the same cohort';
  assert.deepEqual(shown(back.world, back.id), ['done', 0, closed]);
});
