import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceRecord } from '../../src/bridge/services/service-record.ts';
import { ServiceWorld } from './service-world.ts';
import { ServiceUnderLoad } from './share-group.ts';

const timeout = 60_000;

function loaded(world: ServiceWorld, perSecond = 200): Promise<ServiceUnderLoad> {
  const urls = { source: world.legacy.url, target: world.aws.url };
  return ServiceUnderLoad.start(urls, { share: 'billing', instances: world.instances, perSecond });
}

function lastShare({ history }: ServiceRecord): number {
  return history.findLast(({ figures }) => figures?.share !== undefined)?.figures?.share?.share ?? Number.NaN;
}

/** Mosquitto goes round: what differs are the edges of the measurement. */
function assertNear(share: number, expected: number): void {
  assert.ok(Math.abs(share - expected) <= 0.05, `expected a share of ${expected}, got ${share}`);
}

describe('a service of three instances', { timeout }, () => {
  test('moves to the bridge one by one: nothing is lost, and each step has its share and its proof', async () => {
    await using world = await ServiceWorld.start({ instances: ['a', 'b', 'c'], protocol: '3.1.1' });
    await using service = await loaded(world);
    const first = await world.move({ way: 'forth' });
    assert.deepEqual([first.trouble, first.step.kind], [undefined, 'awaiting-removal']);
    const shares: number[] = [];
    for (const instance of world.instances) {
      await service.leave(instance);
      const record = await world.move({ way: 'forth', instance });
      assert.equal(record.trouble, undefined);
      shares.push(lastShare(record));
    }
    assert.equal(world.record.step.kind, 'done');
    for (const [index, share] of shares.entries()) assertNear(share, (index + 1) / 3);
    const whole = await world.verify({ windowMs: 1_000 });
    assert.equal(whole.state, 'complete', whole.text);
    assert.ok((whole.window?.source ?? 0) > 50, whole.text);
    await service.settle();
  });
});

describe('a service on its way', { timeout }, () => {
  test('with instances left, what members received comes out at the target', async () => {
    await using world = await ServiceWorld.start({ instances: ['a', 'b'] });
    await using service = await loaded(world);
    await world.move({ way: 'forth' });
    const part = await world.verify({ windowMs: 1_500 });
    assert.equal(part.state, 'complete', part.text);
    const { received = 0 } = part.bridge ?? {};
    assert.ok(received > 20, part.text);
    assert.match(part.text, /2 instances have the others/);
    await service.settle();
  });

  test('goes back: an instance is seen before a member retires', async () => {
    await using world = await ServiceWorld.start({ instances: ['a'] });
    await using service = await loaded(world);
    await world.move({ way: 'forth' });
    await service.leave('a');
    await world.move({ way: 'forth', instance: 'a' });
    assert.deepEqual((await world.move({ way: 'back' })).step, { kind: 'awaiting-start', instance: 'a' });
    const unseen = await world.move({ way: 'back', instance: 'a' });
    assert.match(unseen.trouble ?? '', /nobody else is seen in the group/);
    await service.join('a');
    const back = await world.move({ way: 'back', instance: 'a' });
    assert.deepEqual([back.trouble, back.step.kind, back.members], [undefined, 'idle', 0]);
    await service.settle();
  });

  test('an instance that is said to be gone and is not: the last step is not done', async () => {
    await using world = await ServiceWorld.start({ instances: ['a'], times: { probeMs: 2_000 } });
    await using service = await loaded(world);
    await world.move({ way: 'forth' });
    const record = await world.move({ way: 'forth', instance: 'a' });
    assert.match(
      record.trouble ?? '',
      /probes came out at aws: they were lost, or somebody else in the group has them/,
    );
    assertNear(lastShare(record), 1 / 2);
    const verdict = await world.verify({ windowMs: 500 });
    assert.match(verdict.text, /missing \d+ of \d+ messages at aws/);
    await service.leave('a');
    assert.equal((await world.move({ way: 'forth' })).step.kind, 'done');
    await service.settle();
  });

  test('a target that is frozen is no success, and the same step goes on when it thaws', async () => {
    await using world = await ServiceWorld.start({ instances: ['a'], times: { probeMs: 1_500 } });
    await using service = await loaded(world, 50);
    world.aws.freeze();
    const stuck = await world.move({ way: 'forth' });
    assert.deepEqual([stuck.step.kind, stuck.trouble], ['verifying', 'aws gives no CONNACK within 1500 ms']);
    world.aws.thaw();
    // The bridge's own connections come back in their own time.
    let record = await world.move({ way: 'forth' });
    while (record.trouble !== undefined) record = await world.move({ way: 'forth' });
    assert.equal(record.step.kind, 'awaiting-removal');
    await service.settle();
  });

  test('a process that ends in the middle of a step leaves it to the next one', async () => {
    await using world = await ServiceWorld.start({ instances: ['a'] });
    await using service = await loaded(world);
    world.desk.move('billing', { way: 'forth', author: 'ops' });
    assert.equal(world.record.step.kind, 'introducing');
    await world.restartDesk();
    const record = await world.settled();
    assert.deepEqual([record.trouble, record.step.kind], [undefined, 'awaiting-removal']);
    await service.settle();
  });
});
