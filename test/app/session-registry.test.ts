import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClaimAnswer, ClaimRequest } from '../../src/session/session-registry.ts';
import { RegistryWorld, type RegistryWorldOptions, type WorkerInWorld } from './registry-world.ts';

const never = new AbortController().signal;

function openWorld(t: TestContext, options?: RegistryWorldOptions): RegistryWorld {
  const world = new RegistryWorld(options);
  t.after(() => world.close());
  return world;
}

function workerOf(world: RegistryWorld, worker: number): WorkerInWorld {
  const entry = world.workers[worker];
  assert.ok(entry !== undefined);
  return entry;
}

function claim(
  world: RegistryWorld,
  worker: number,
  options: Partial<ClaimRequest> = {},
  signal = never,
): Promise<ClaimAnswer> {
  const request: ClaimRequest = { clientId: 'meter-7', connection: 1, intent: 'clean', desired: 'legacy', ...options };
  return workerOf(world, worker).registry.claim(request, signal);
}

function granted(answer: ClaimAnswer): Extract<ClaimAnswer, { granted: true }> {
  assert.ok(answer.granted, 'the claim was granted');
  return answer;
}

function attach(world: RegistryWorld, worker: number, answer: ClaimAnswer, persistent: boolean): void {
  const { epoch, broker } = granted(answer);
  workerOf(world, worker).registry.attached({ clientId: 'meter-7', connection: 1, epoch, broker, persistent });
}

describe('session registry over all workers', () => {
  it('ends the older leg in another worker before it grants the newer one', async (t) => {
    const world = openWorld(t);
    const first = granted(await claim(world, 0, { connection: 11 }));
    const second = granted(await claim(world, 1, { connection: 22, desired: 'aws' }));
    assert.deepEqual(workerOf(world, 0).endedLegs, [{ connection: 11, epoch: first.epoch, newBroker: 'aws' }]);
    assert.ok(second.tookOver);
    assert.ok(second.epoch > first.epoch);
  });

  it('grants after takeoverMs when the older worker hangs', async (t) => {
    const world = openWorld(t, { takeoverMs: 30 });
    await claim(world, 0);
    workerOf(world, 0).answersEndLeg = false;
    assert.ok(granted(await claim(world, 1)).tookOver);
  });

  it('never gives two workers together more tokens than the rate in one second', async (t) => {
    const world = openWorld(t, { rates: { legacy: 20 }, answerMs: 1_500 });
    const times: number[] = [];
    const claims = Array.from({ length: 60 }, async (_, index) => {
      const answer = await claim(world, index % 2, { clientId: `meter-${index}` });
      if (answer.granted) times.push(performance.now());
      return answer;
    });
    const answers = await Promise.all(claims);
    assert.ok(times.length > 0 && times.length < 60, `${times.length} granted`);
    assert.ok(answers.every((answer) => answer.granted || answer.reason === 'rate'));
    for (const [index, atMs] of times.entries()) {
      const inWindow = times.slice(index).filter((other) => other < atMs + 1000).length;
      assert.ok(inWindow <= 20, `${inWindow} in one second`);
    }
  });

  it('ends a leg left to its broker’s takeover when the newer CONNECT never gets there', async (t) => {
    const world = openWorld(t, { rates: { legacy: 1, aws: undefined }, answerMs: 5_000 });
    // The rate's one token goes to the silent device.
    granted(await claim(world, 0, { connection: 11 }));
    const overtaken = claim(world, 1, { connection: 21 });
    const last = granted(await claim(world, 0, { connection: 12, desired: 'aws' }));
    assert.equal((await overtaken).granted, false);
    assert.equal(last.broker, 'aws');
    assert.deepEqual(workerOf(world, 0).endedParked, [11]);
  });

  for (const ending of ['overtaken', 'withdrawn'] as const) {
    it(`lets nobody go elsewhere before such a leg is closed, when who waited for that is ${ending}`, async (t) => {
      const world = openWorld(t, { workers: 3, takeoverMs: 5_000 });
      workerOf(world, 0).answersEndParked = false;
      granted(await claim(world, 0, { connection: 11 }));
      granted(await claim(world, 1, { connection: 21 }));
      const controller = new AbortController();
      const waiting = claim(world, 1, { connection: 22, desired: 'aws' }, controller.signal);
      await nextTurn();
      assert.deepEqual(workerOf(world, 0).endedParked, [11]);
      if (ending === 'withdrawn') controller.abort();
      let isAnswered = false;
      const last = claim(world, 2, { connection: 31, desired: 'aws' }).finally(() => {
        isAnswered = true;
      });
      assert.equal((await waiting).granted, false);
      await nextTurn();
      assert.equal(isAnswered, false);
      world.closeParked(0, 'meter-7', 11);
      assert.equal(granted(await last).broker, 'aws');
      // Nothing is left to wait for.
      granted(await claim(world, 1, { connection: 23, desired: 'aws' }));
      assert.deepEqual(workerOf(world, 0).endedParked, [11, 11]);
    });
  }

  it('hands back a grant whose device went away while it waited', async (t) => {
    const world = openWorld(t, { takeoverMs: 5_000 });
    const first = granted(await claim(world, 0));
    workerOf(world, 0).answersEndLeg = false;
    const controller = new AbortController();
    const request: ClaimRequest = { clientId: 'meter-7', connection: 2, intent: 'clean', desired: 'legacy' };
    const waiting = workerOf(world, 1).registry.claim(request, controller.signal);
    controller.abort();
    assert.equal((await waiting).granted, false);
    workerOf(world, 0).registry.ended('meter-7', first.epoch, true);
    assert.equal(granted(await claim(world, 1)).tookOver, false);
  });

  it('sends a persistent session home after a cutover, and a clean one where the plan says', async (t) => {
    const world = openWorld(t);
    const first = await claim(world, 0, { intent: 'resume' });
    attach(world, 0, first, true);
    workerOf(world, 0).registry.ended('meter-7', granted(first).epoch, false);
    assert.equal(granted(await claim(world, 1, { intent: 'resume', desired: 'aws' })).broker, 'legacy');
    const clean = await claim(world, 0, { intent: 'clean', desired: 'aws' });
    assert.equal(granted(clean).broker, 'aws');
    attach(world, 0, clean, false);
    const later = await claim(world, 1, { intent: 'resume', desired: 'aws' });
    assert.equal(granted(later).broker, 'aws', 'the clean session discarded the old home');
  });

  it('keeps a home that a leg without the client ID no longer speaks for', async (t) => {
    const world = openWorld(t, { takeoverMs: 10 });
    const first = await claim(world, 0, { intent: 'clean' });
    attach(world, 0, first, false);
    workerOf(world, 0).answersEndLeg = false;
    const second = await claim(world, 1, { intent: 'resume' });
    attach(world, 1, second, true);
    workerOf(world, 0).registry.ended('meter-7', granted(first).epoch, true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(world.homeOf('meter-7'), 'legacy');
  });

  it('frees the client IDs of a worker that died', async (t) => {
    const world = openWorld(t);
    await claim(world, 0);
    world.workerDies(0);
    assert.equal(granted(await claim(world, 1)).tookOver, false);
  });
});

describe('session registry while the control process is away', () => {
  it('answers what was asked before the death, and what is asked after it', async (t) => {
    const world = openWorld(t);
    const asked = claim(world, 0);
    world.killControl();
    granted(await asked);
    assert.equal(granted(await claim(world, 0, { clientId: 'other' })).broker, 'legacy');
  });

  it('takes over within the worker, and leaves the rest to both announcements', async (t) => {
    const world = openWorld(t);
    world.killControl();
    const first = granted(await claim(world, 0, { connection: 11 }));
    granted(await claim(world, 0, { connection: 12 }));
    assert.deepEqual(workerOf(world, 0).endedLegs, [{ connection: 11, epoch: first.epoch, newBroker: 'legacy' }]);
    granted(await claim(world, 1, { connection: 21 }));
    world.startControl();
    await new Promise((resolve) => setImmediate(resolve));
    const ended = world.workers.flatMap(({ endedLegs }) => endedLegs.map(({ connection }) => connection));
    assert.equal(ended.length, 2, 'exactly one of the two legs that were left was ended');
  });

  it('still sends a persistent session home, from the homes file and from what changed meanwhile', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'crossfade-registry-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const world = openWorld(t, { homesPath: join(directory, 'homes.db') });
    const first = await claim(world, 0, { intent: 'resume' });
    attach(world, 0, first, true);
    await new Promise((resolve) => setImmediate(resolve));
    world.killControl();
    assert.equal(granted(await claim(world, 1, { intent: 'resume', desired: 'aws' })).broker, 'legacy');
    const fresh = await claim(world, 1, { clientId: 'meter-8', intent: 'resume', desired: 'aws' });
    workerOf(world, 1).registry.attached({
      clientId: 'meter-8',
      connection: 3,
      epoch: granted(fresh).epoch,
      broker: 'aws',
      persistent: true,
    });
    workerOf(world, 1).registry.ended('meter-8', granted(fresh).epoch, false);
    world.startControl();
    assert.equal(world.homeOf('meter-8'), 'aws');
  });

  it('keeps within its share of the connect rate', async (t) => {
    const world = openWorld(t, { rates: { legacy: 20 }, answerMs: 1_200 });
    world.killControl();
    const claims = Array.from({ length: 40 }, (_, index) => claim(world, index % 2, { clientId: `meter-${index}` }));
    const answers = await Promise.all(claims);
    const count = answers.filter((answer) => answer.granted).length;
    assert.ok(count > 0 && count <= 24, `${count} granted in 1.2 s at 20/s`);
  });

  it('asks the control process what still waits when it is back, so that one gate and one registry decide', async (t) => {
    const world = openWorld(t, { rates: { legacy: 20, aws: undefined }, answerMs: 1_500 });
    world.killControl();
    const times: number[] = [];
    const claims = Array.from({ length: 50 }, async (_, index) => {
      const answer = await claim(world, index % 2, { clientId: `meter-${index}` });
      if (answer.granted) times.push(performance.now());
      return answer;
    });
    world.startControl();
    const answers = await Promise.all(claims);
    const last = answers.findLastIndex((answer) => answer.granted);
    assert.ok(last >= 0);
    for (const [index, atMs] of times.entries()) {
      const inWindow = times.slice(index).filter((other) => other < atMs + 1000).length;
      assert.ok(inWindow <= 20, `${inWindow} in one second`);
    }
    assert.ok(
      granted(await claim(world, 0, { clientId: `meter-${last}`, desired: 'aws' })).tookOver,
      'it is registered',
    );
  });
});

describe('a client ID that the broker gave', () => {
  it('is owned by its leg, which a later CONNECT of the ID ends, and has a home', async (t) => {
    const world = openWorld(t);
    const session = { clientId: 'auto-1', connection: 5, broker: 'legacy', persistent: true };
    const epoch = await workerOf(world, 0).registry.adopt(session);
    const answer = granted(await claim(world, 1, { clientId: 'auto-1', intent: 'resume', desired: 'aws' }));
    assert.deepEqual(workerOf(world, 0).endedLegs, [{ connection: 5, epoch, newBroker: 'legacy' }]);
    assert.equal(answer.broker, 'legacy');
  });
});
