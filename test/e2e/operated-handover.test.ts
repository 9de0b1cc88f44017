import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf } from './gateway-process.ts';

const fleet = 40;
const world = await FaultWorld.start({
  sections: { handover: { overlapMs: 300, settleMs: 20, rollbackWindowMs: 500 } },
});
after(() => world[Symbol.asyncDispose]());
const { admin } = world.gateway;

const away = await world.device('away', { clean: false });
await away.client.subscribeAsync('orders/away', { qos: 1 });
await away.end();
const devices = await Promise.all(
  Array.from({ length: fleet }, async (_, index) => {
    const device = await Device.connect({ clientId: `meter-${index}`, to: world.gateway.port });
    await device.client.subscribeAsync(`orders/meter-${index}`, { qos: 1 });
    return device;
  }),
);
after(() => Promise.all(devices.map((device) => device[Symbol.asyncDispose]())));

const awayPosition = answerOf(await admin.where({ clientId: 'away' })).position ?? 0;
const closes = () => devices.reduce((total, device) => total + device.closes, 0);

async function onTarget(): Promise<number> {
  return (await world.gateway.status()).cohorts[0]?.sessions.target ?? -1;
}

async function refusalOf(answer: ReturnType<typeof admin.cutover | typeof admin.dryRunCutover>): Promise<string> {
  const got = await answer;
  assert.ok(!got.ok && got.error.kind === 'problem' && got.error.problem.status === 409, JSON.stringify(got));
  return got.error.problem.detail;
}

test('a cohort is rehearsed, prepared, frozen, cut over and rolled back, and no device reconnects', async () => {
  const rehearsed = answerOf(await admin.dryRunCutover('everyone', { weight: '100%' }));
  assert.deepEqual([rehearsed.revision, rehearsed.dryRun.live, rehearsed.dryRun.warm], [null, fleet, 0]);

  const preparation = answerOf(await admin.cutover('everyone', { weight: '50%', live: 'handover', prepareOnly: true }));
  const prepared = await world.ended(preparation.move.id);
  assert.deepEqual([prepared.state, prepared.moved, prepared.prepareOnly], ['done', 0, true]);
  assert.ok(prepared.prepared > 5 && prepared.prepared < fleet - 5, `${prepared.prepared} prepared`);
  assert.equal(prepared.pending.offline, awayPosition < 5_000 ? 1 : 0, 'only who the weight would move');
  assert.equal(answerOf(await admin.plan()).revision, preparation.revision, 'a preparation is no revision');
  const warm = answerOf(await admin.dryRunCutover('everyone', { weight: '100%' }));
  assert.deepEqual([warm.dryRun.live, warm.dryRun.warm], [fleet, prepared.prepared]);
  assert.equal(warm.dryRun.pending.offline, 1);
  const less = answerOf(await admin.dryRunCutover('everyone', { weight: '10%' }));
  assert.ok(less.dryRun.live < prepared.prepared && less.dryRun.warm === less.dryRun.live, JSON.stringify(less));
  const still = answerOf(await admin.dryRunCutover('everyone', { weight: '100%' }));
  assert.equal(still.dryRun.warm, prepared.prepared, 'a dry run closes nothing');
  assert.equal(await onTarget(), 0);

  answerOf(await admin.freeze({ for: '1h', reason: 'incident 7' }));
  const refusal = await refusalOf(admin.cutover('everyone', { weight: '50%', live: 'handover' }));
  assert.match(refusal, /^cutovers are frozen by \S+ until \S+: incident 7/);
  assert.deepEqual([(await world.gateway.status()).frozen], [true]);
  answerOf(await admin.unfreeze());

  const cutover = answerOf(await admin.cutover('everyone', { weight: '50%', live: 'handover' }));
  const moved = await world.ended(cutover.move.id);
  assert.deepEqual([moved.state, moved.moved, moved.eligible], ['done', prepared.prepared, prepared.prepared]);
  assert.equal(await onTarget(), prepared.prepared);

  const rest = answerOf(await admin.cutover('everyone', { weight: '100%', live: 'handover' }));
  assert.equal((await world.ended(rest.move.id)).state, 'done');
  await using back = await world.device('away', { clean: false });
  assert.equal(back.sessionPresent, true);
  await eventually('the late device goes to the target', async () => (await world.brokerOf('away')) === 'target');
  assert.equal(back.closes, 0);

  const rollback = answerOf(await admin.rollback('everyone', { live: 'handover' }));
  assert.equal((await world.ended(rollback.move.id)).state, 'done');
  assert.equal(await onTarget(), 0);
  assert.equal(closes(), 0);
  const lowered = answerOf(await admin.dryRunCutover('everyone', { weight: '0%' }));
  assert.deepEqual(lowered.dryRun.pending.offline, 0);
});

test('a move is paused, resumed and aborted, and what was under way stays where it is', async () => {
  await eventually('the rollback window is over', async () => {
    return answerOf(await admin.dryRunCutover('everyone', { weight: '100%' })).dryRun.warm === 0;
  });
  const accepted = answerOf(await admin.cutover('everyone', { weight: '100%', live: 'handover', pacePerSecond: 2 }));
  const { id } = accepted.move;
  await eventually('some have moved', async () => answerOf(await admin.move(id)).moved > 2);
  assert.equal(answerOf(await admin.pauseMove(id)).state, 'paused');
  await eventually('nobody is under way', async () => answerOf(await admin.move(id)).state === 'paused');
  assert.equal(answerOf(await admin.resumeMove(id)).state, 'running');
  const before = answerOf(await admin.move(id)).moved;
  await eventually('more have moved', async () => answerOf(await admin.move(id)).moved > before);
  assert.equal(answerOf(await admin.abortMove(id)).state, 'aborted');
  assert.ok((await onTarget()) < fleet);
  await eventually('what was switching is in the figures', async () => {
    const { moved, underWay } = answerOf(await admin.move(id));
    return underWay === 0 && moved === (await onTarget());
  });
  assert.equal(closes(), 0);
});

test('a plan that is replaced ends a move of its cohort, and sessions stay where they are', async () => {
  const cutover = answerOf(await admin.cutover('everyone', { weight: '100%', live: 'handover', pacePerSecond: 1 }));
  const plan = answerOf(await admin.plan());
  const cohorts = plan.cohorts.map((cohort) => ({ ...cohort, weightBps: 2_000 }));
  const replaced = answerOf(await admin.replacePlan({ ...plan, cohorts }, { ifMatch: plan.revision }));
  const ended = await world.ended(cutover.move.id);
  assert.equal(ended.state, 'superseded');
  assert.equal(ended.message?.startsWith(`revision ${replaced.revision} replaced the plan`), true, `${ended.message}`);
});

test('sessions of a cohort or a broker that nobody knows are a mistake, not none', async () => {
  for (const query of [{ cohort: 'nosuch' }, { broker: 'nosuch' }]) {
    const got = await admin.sessions(query);
    assert.ok(!got.ok && got.error.kind === 'problem' && got.error.problem.status === 404, JSON.stringify(got));
    assert.match(
      got.error.problem.detail,
      /^expected a (cohort|broker) of the (plan|configuration) \(.*\), got "nosuch"/,
    );
  }
});
