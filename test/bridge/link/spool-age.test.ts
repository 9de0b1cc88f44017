import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkWorld, plainSetting } from './link-world.ts';

const maxAgeMs = 10_000;
const setting = { ...plainSetting, maxAgeMs };

/** A rule whose target is not there, and what came for it. */
function behind(messages: number): LinkWorld {
  const world = new LinkWorld(setting);
  world.connectSource();
  world.deliverFromSource(10);
  for (let number = 0; number < messages; number += 1) world.source.publish({ key: 'a', number, qos: 1 });
  while (world.source.waiting.length > 0 || world.source.inflight.size > 0) {
    world.deliverFromSource(100);
    world.tick(500);
    world.sync();
  }
  return world;
}

/** As the shell does: when the link says that something is due, it is told the time. */
function pass(world: LinkWorld, ms: number): void {
  const untilMs = world.nowMs + ms;
  while (world.nowMs < untilMs || world.spool.pendingRead !== undefined || world.waitingBurials > 0) {
    const dueMs = Math.min(Math.max(world.link.nextDeadlineMs, world.nowMs), untilMs);
    world.tick(dueMs - world.nowMs);
    world.answerRead(5);
    world.bury();
    world.sync();
  }
}

describe('the bound of age, while the target is away', () => {
  test('what waits in lanes and in line becomes dead letters as its time comes, and its room is free again', () => {
    const world = behind(40);
    assert.equal(world.deadLetters.reasonByName.size, 0);
    pass(world, maxAgeMs + 1_000);
    assert.deepEqual([...new Set(world.deadLetters.reasonByName.values())], ['too-old']);
    assert.equal(world.deadLetters.reasonByName.size, 40);
    assert.deepEqual([world.spool.releasedTo, world.link.spooledCount], [40, 0]);
    assert.equal(world.link.lanes[0]?.length, 0);
  });

  test('holds for what a former life of the bridge left, though neither broker is there', () => {
    const world = behind(40);
    world.crash(1);
    assert.ok(world.link.nextDeadlineMs <= world.nowMs, 'nobody would look at the spool');
    pass(world, maxAgeMs + 1_000);
    assert.deepEqual([world.deadLetters.reasonByName.size, world.spool.releasedTo], [40, 40]);
  });

  test('a disk that is slow to take dead letters is not flooded with them', () => {
    const world = behind(1_400);
    world.tick(maxAgeMs + 1_000);
    let most = 0;
    for (let round = 0; round < 1_000; round += 1) {
      world.answerRead(256);
      world.tick(1);
      most = Math.max(most, world.waitingBurials);
    }
    assert.ok(most >= 1_000 && most <= 1_010, `${most} at a time`);
    pass(world, 1);
    assert.deepEqual([world.deadLetters.reasonByName.size, world.link.spooledCount], [1_400, 0]);
  });

  test('the oldest says how long is left, wherever it waits', () => {
    const world = behind(40);
    const leftMs = world.link.oldestDueMs - world.nowMs;
    assert.ok(leftMs > 0 && leftMs < maxAgeMs, `${leftMs} ms`);
    pass(world, leftMs + 1);
    assert.ok(world.link.oldestDueMs > world.nowMs);
    pass(world, maxAgeMs);
    assert.equal(world.link.oldestDueMs, Number.POSITIVE_INFINITY);
  });
});
