import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { ClaimAnswer, TokenWish } from '../../src/session/session-registry.ts';
import { RegistryWorld, type RegistryWorldOptions } from './registry-world.ts';

const never = new AbortController().signal;
const intervalMs = 100;

function openWorld(t: TestContext, options: RegistryWorldOptions = {}): PacedWorld {
  const world = new PacedWorld({ clientRates: { aws: 1_000 / intervalMs }, ...options });
  t.after(() => world.registries.close());
  return world;
}

/** Notes when each CONNECT was let through. */
class PacedWorld {
  readonly registries: RegistryWorld;
  readonly sentMs: number[] = [];

  constructor(options: RegistryWorldOptions) {
    this.registries = new RegistryWorld(options);
  }

  async claim(worker: number, { clientId = 'meter-7', desired = 'aws', signal = never } = {}): Promise<ClaimAnswer> {
    const request = { clientId, connection: worker, intent: 'clean', desired } as const;
    const answer = await this.#registry(worker).claim(request, signal);
    if (answer.granted) this.sentMs.push(systemClock.monotonicMs());
    return answer;
  }

  async token(worker: number, wish: Partial<TokenWish> = {}): Promise<void> {
    assert.ok(await this.#registry(worker).connectToken({ broker: 'aws', clientId: 'meter-7', ...wish }, never));
    this.sentMs.push(systemClock.monotonicMs());
  }

  /** The leg of that claim is gone; with `attached` its broker had accepted it before. */
  leave(worker: number, answer: ClaimAnswer, { attached = false, clientId = 'meter-7' } = {}): void {
    assert.ok(answer.granted);
    const { epoch, broker } = answer;
    const registry = this.#registry(worker);
    if (attached) registry.attached({ clientId, connection: worker, epoch, broker, persistent: false });
    registry.ended(clientId, epoch, true);
  }

  assertPaced(count: number): void {
    assert.equal(this.sentMs.length, count);
    const gapsMs = this.sentMs.slice(1).map((atMs, index) => atMs - (this.sentMs[index] ?? 0));
    assert.ok(
      gapsMs.every((gapMs) => gapMs >= intervalMs),
      `gaps of ${gapsMs.join(', ')} ms`,
    );
  }

  #registry(worker: number) {
    const registry = this.registries.workers[worker]?.registry;
    assert.ok(registry !== undefined);
    return registry;
  }
}

describe('a broker that limits the CONNECTs of a client ID', () => {
  it('gets them an interval apart, whichever worker they come through', async (t) => {
    const world = openWorld(t);
    for (const worker of [0, 1, 0]) world.leave(worker, await world.claim(worker), { attached: true });
    await world.claim(1);
    world.assertPaced(4);
  });

  it('gets those of takeovers so too: the newest waits, the one before it hears that it was superseded', async (t) => {
    const world = openWorld(t);
    await world.claim(0);
    const second = world.claim(1);
    const third = world.claim(0);
    assert.deepEqual(await second, { granted: false, reason: 'superseded' });
    const answer = await third;
    assert.ok(answer.granted);
    world.assertPaced(2);
    world.leave(0, answer);
    assert.ok((await world.claim(1)).granted);
    world.assertPaced(3);
  });

  it('forgets a claim whose device left while it waited', async (t) => {
    const world = openWorld(t);
    world.leave(0, await world.claim(0));
    const controller = new AbortController();
    const waiting = world.claim(1, { signal: controller.signal });
    controller.abort();
    assert.equal((await waiting).granted, false);
    assert.ok((await world.claim(0)).granted);
    world.assertPaced(2);
  });

  it('gets a further one of the same connection so too, counted from the answer to the first', async (t) => {
    const world = openWorld(t);
    await world.claim(0);
    await world.token(0, { hasConnected: true });
    await world.token(0, { hasConnected: true });
    world.assertPaced(3);
  });

  it('lets other client IDs, and other brokers, pass', async (t) => {
    const world = openWorld(t, { clientRates: { aws: 0.5 }, answerMs: 10_000 });
    const waiting = new AbortController();
    const held = world.claim(0, { signal: waiting.signal });
    const startMs = systemClock.monotonicMs();
    for (const clientId of ['a', 'b', 'a', 'b']) {
      world.leave(0, await world.claim(0, { clientId, desired: 'legacy' }), { clientId });
    }
    assert.ok(systemClock.monotonicMs() - startMs < 1_000);
    waiting.abort();
    assert.equal((await held).granted, false);
  });

  it('is spared without a control process as well, by each worker for itself, and at its return', async (t) => {
    const world = openWorld(t);
    world.leave(0, await world.claim(0), { attached: true });
    world.registries.killControl();
    world.leave(0, await world.claim(0), { attached: true });
    await world.claim(0);
    await world.token(0, { hasConnected: true });
    world.registries.startControl();
    await world.claim(1);
    world.assertPaced(5);
  });

  it('refuses at once what would have to wait longer than it may', async (t) => {
    const world = openWorld(t, { answerMs: 50 });
    assert.deepEqual(await world.claim(0), { granted: false, reason: 'rate' });
  });
});
