import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BoundAuthority } from '../../src/app/bound-authority.ts';
import { LinkedBound } from '../../src/app/linked-bound.ts';
import type { ControlLinkEnd } from '../../src/app/linked-registry.ts';
import type { WorkerMessage } from '../../src/app/process-messages.ts';
import { systemClock } from '../../src/base/clock.ts';
import { eventually } from '../e2e/eventually.ts';

const rate = 200;

/** A control process and two workers; messages go by microtask. */
class World {
  readonly workers = [0, 1].map(
    () => new LinkedBound({ bound: 'filters', rates: { aws: rate }, workers: 2 }, systemClock),
  );
  readonly grants: { readonly worker: number; readonly filters: number; readonly atMs: number }[] = [];
  /** Messages to the control process. */
  readonly sent: WorkerMessage['kind'][] = [];
  #authority: BoundAuthority | undefined;

  constructor(t: TestContext) {
    t.after(() => {
      this.#authority?.close();
      for (const worker of this.workers) worker.close();
    });
    this.startControl();
  }

  startControl(): void {
    const authority = new BoundAuthority(
      { filters: { aws: rate }, registrations: {} },
      {
        clock: systemClock,
        send: (worker, message) =>
          queueMicrotask(() => {
            if (authority === this.#authority && message.kind === 'bound-granted')
              this.workers[worker]?.handleGranted(message.claim);
          }),
      },
    );
    this.#authority = authority;
    for (const [number, worker] of this.workers.entries()) worker.linkUp(this.#linkOf(number));
  }

  killControl(): void {
    this.#authority?.close();
    this.#authority = undefined;
    for (const worker of this.workers) worker.linkDown();
  }

  workerGone(worker: number): void {
    this.#authority?.workerGone(worker);
  }

  take(worker: number, filters: number): () => void {
    const handleGranted = () => void this.grants.push({ worker, filters, atMs: systemClock.monotonicMs() });
    return this.workers[worker]?.take({ broker: 'aws', amount: filters }, handleGranted) ?? assert.fail();
  }

  get given(): number {
    return this.grants.reduce((sum, { filters }) => sum + filters, 0);
  }

  #linkOf(worker: number): ControlLinkEnd {
    const send = (message: WorkerMessage) => {
      this.sent.push(message.kind);
      queueMicrotask(() => this.#receive(worker, message));
    };
    return { send, post: send };
  }

  #receive(worker: number, message: WorkerMessage): void {
    if ('bound' in message) this.#authority?.handle(worker, message);
  }
}

const allGranted = (world: World, count: number) =>
  eventually(`${count} grants`, async () => world.grants.length === count);

describe('the filter tokens of several workers', () => {
  it('are of one bucket, and given in the order of the wishes', async (t) => {
    const world = new World(t);
    const beganMs = systemClock.monotonicMs();
    for (let index = 0; index < 8; index += 1) world.take(index % 2, 20);
    await allGranted(world, 8);
    assert.deepEqual(
      world.grants.map(({ worker }) => worker),
      [0, 1, 0, 1, 0, 1, 0, 1],
    );
    const tookMs = systemClock.monotonicMs() - beganMs;
    assert.ok(tookMs >= (160 / rate) * 1_000 - 1, `160 filters in ${tookMs} ms`);
  });

  it('do not go to who has withdrawn, or to a worker that is gone', async (t) => {
    const world = new World(t);
    world.take(0, 1)();
    world.take(0, 20);
    await Promise.resolve();
    world.workerGone(0);
    world.take(1, 20);
    await allGranted(world, 1);
    assert.deepEqual(
      world.grants.map(({ worker }) => worker),
      [1],
    );
  });

  it('are a worker’s own share while the control process is away, and wishes outlive it', async (t) => {
    const world = new World(t);
    world.take(0, 20);
    await Promise.resolve();
    world.killControl();
    const beganMs = systemClock.monotonicMs();
    await allGranted(world, 1);
    assert.ok(systemClock.monotonicMs() - beganMs >= 99, 'the share is half of the rate, and its bucket holds half');
    world.take(1, 10);
    world.startControl();
    await allGranted(world, 2);
    assert.equal(world.given, 30);
  });

  it('wait for what devices ask for, told in one message', async (t) => {
    const world = new World(t);
    const [worker] = world.workers;
    for (let index = 0; index < 100; index += 1) worker?.spend({ broker: 'aws', amount: 1 });
    const beganMs = systemClock.monotonicMs();
    await eventually('the message', async () => world.sent.includes('bound-spent'));
    world.take(1, 1);
    await allGranted(world, 1);
    assert.ok(systemClock.monotonicMs() - beganMs >= 400, 'a hundred filters at 180 a second');
    assert.deepEqual(world.sent, ['bound-spent', 'bound-wish']);
  });

  it('are nobody’s business at a broker without a bound', (t) => {
    const world = new World(t);
    const [worker] = world.workers;
    assert.equal(worker?.isBound('legacy'), false);
    worker?.spend({ broker: 'legacy', amount: 7 });
    assert.deepEqual(world.sent, []);
  });
});
