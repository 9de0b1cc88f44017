import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';

type World = FaultWorld;

async function stateOf(world: World, broker: string): Promise<string> {
  const { brokers } = await world.gateway.status();
  const { connected, state } = brokers[broker] ?? { connected: false, state: 'none' };
  return `${state}, ${connected ? 'connected' : 'not connected'}`;
}

function comesToBe(world: World, broker: string, wanted: RegExp): Promise<unknown> {
  return eventually(
    `${broker}: ${wanted}`,
    async () => {
      const state = await stateOf(world, broker);
      if (wanted.test(state)) return true;
      throw new Error(`expected ${wanted}, got ${state}`);
    },
    40_000,
  );
}

describe('a frozen broker', { concurrency: true }, () => {
  it('is down once it leaves a CONNECT unanswered, in whichever worker, and up when it answers one', async () => {
    const limits = { brokerAnswerMs: 1_500, dialMs: 500 };
    await using world = await FaultWorld.start({ sections: { limits } });
    for (const worker of [0, 1]) await world.deviceInWorker(worker, `early-${worker}`, { keepalive: 0 });
    assert.equal(await stateOf(world, 'legacy'), 'up, connected');
    world.legacy.freeze();
    await assert.rejects(world.device('late'));
    // The other worker heard from it before it froze, and has asked nothing since.
    await comesToBe(world, 'legacy', /^down, not connected$/);
    assert.equal(await stateOf(world, 'target'), 'up, connected');
    world.legacy.thaw();
    await world.device('later');
    await comesToBe(world, 'legacy', /, connected$/);
    await comesToBe(world, 'legacy', /^up, connected$/);
  });

  it('is down once it leaves a PINGREQ unanswered, and up with the repair of the session', async () => {
    await using world = await FaultWorld.start();
    const device = await world.device('meter-1', { keepalive: 2 });
    world.legacy.freeze();
    await comesToBe(world, 'legacy', /^down, not connected$/);
    world.legacy.thaw();
    await comesToBe(world, 'legacy', /^up, connected$/);
    assert.equal(device.closes, 0);
  });
});
