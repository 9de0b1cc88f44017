import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LanePace } from '../../../src/bridge/link/lane-pace.ts';
import { LinkWorld, plainSetting } from './link-world.ts';

const rate = 5;

/** The most messages that the target took within a second. */
function densest({ taken }: LinkWorld): number {
  return Math.max(
    0,
    ...taken.map(({ atMs }) => taken.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1_000).length),
  );
}

describe('the pace of a lane', () => {
  test('B4: a target that was frozen takes a window at once, and still no more than its bound in a second', () => {
    const world = new LinkWorld({ ...plainSetting, publishesPerSecond: rate });
    world.connectSource();
    world.connectTarget(0);
    world.link.openGate(world.nowMs);
    world.deliverFromSource(10);
    world.deliverFromTarget(0, 10);
    for (const target of world.targets) target.isFrozen = true;
    for (let number = 0; number < 15; number += 1) world.source.publish({ key: 'a', number, qos: 1 });
    for (let turn = 0; turn < 20; turn += 1) {
      world.deliverFromSource(10);
      world.tick(100);
    }
    for (const target of world.targets) target.thaw();
    for (let turn = 0; turn < 60; turn += 1) {
      world.deliverFromTarget(0, 10);
      world.deliverFromSource(10);
      world.tick(100);
    }
    assert.equal(world.taken.length, 15);
    assert.equal(densest(world), rate);
  });

  test('counts a message until a second after its acknowledgement; without one it waits for it', () => {
    const pace = new LanePace({ publishesPerSecond: 100, bytesPerSecond: Number.POSITIVE_INFINITY });
    assert.equal(pace.dueMs(10, 99, 5_000), 5_000);
    assert.equal(pace.dueMs(10, 100, 5_000), Number.POSITIVE_INFINITY);
    pace.handleAcknowledged(5_000);
    assert.equal(pace.dueMs(10, 99, 5_000), 6_000);
    assert.equal(pace.dueMs(10, 98, 5_000), 5_000);
    assert.equal(pace.dueMs(10, 99, 6_000), 6_000);
  });

  test('keeps nothing where there is no bound of messages', () => {
    const pace = new LanePace({
      publishesPerSecond: Number.POSITIVE_INFINITY,
      bytesPerSecond: Number.POSITIVE_INFINITY,
    });
    for (let sent = 0; sent < 1_000; sent += 1) pace.handleAcknowledged(5_000);
    assert.equal(pace.dueMs(10, 60_000, 5_000), 5_000);
  });
});
