import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { ClaimAnswer, SessionIntent } from '../../src/session/session-registry.ts';
import { RegistryWorld } from './registry-world.ts';

const never = new AbortController().signal;
const clientId = 'meter-7';
const brokers = ['legacy', 'aws', 'third'] as const;
type Broker = (typeof brokers)[number];
type Granted = Extract<ClaimAnswer, { granted: true }>;

function textOf(filter: number): string {
  return `{"known":true,"held":[["a/${filter}",1,1]]}`;
}

interface Live {
  readonly worker: number;
  readonly epoch: number;
}

/** One device and the brokers as they really are, beside the registry that has to know them. */
class Device {
  readonly world: RegistryWorld;
  readonly #tick: () => void;
  /** Where its session is. */
  home: string | undefined;
  /** Brokers with sessions that it left. */
  readonly left = new Set<string>();
  subscriptions: string | undefined;
  live: Live | undefined;
  #isControlThere = true;
  /** Workers that know of changes that are not on disk. */
  readonly #knowers = new Set<number>();

  constructor(world: RegistryWorld, tick: () => void) {
    this.world = world;
    this.#tick = tick;
  }

  async connect(worker: number, intent: SessionIntent, desired: Broker): Promise<Granted> {
    // What changed in two workers just before the control process died is known to none of them.
    if (this.#knowers.size > 1) await this.startControl();
    const by = this.#isControlThere ? worker : this.#knowerOr(worker);
    // A worker without the control process cannot end another worker's leg: the broker's takeover does.
    if (!this.#isControlThere && this.live !== undefined && this.live.worker !== by) await this.end(undefined);
    const { registry } = this.#worker(by);
    const claim = registry.claim({ clientId, connection: 1, intent, desired }, never);
    // As the gateway, which says so before it answers that the older leg is gone.
    if (this.live !== undefined) this.#worker(this.live.worker).registry.ended(clientId, this.live.epoch, false);
    const answer = await claim;
    assert.ok(answer.granted);
    this.#check(answer, intent, desired);
    const { broker, epoch } = answer;
    const isResumed = intent === 'resume' && this.home === broker;
    const persistent = intent !== 'clean';
    const keepsSubscriptions = isResumed && answer.remains?.subscriptions !== undefined;
    registry.attached({ clientId, connection: 1, epoch, broker, persistent, keepsSubscriptions });
    if (!isResumed) {
      this.#leave(broker);
      this.subscriptions = undefined;
    }
    this.home = persistent ? broker : undefined;
    this.live = { worker: by, epoch };
    await this.#changed(by);
    return answer;
  }

  async switchTo(broker: Broker): Promise<void> {
    if (this.live === undefined || this.home === undefined) return;
    const { worker, epoch } = this.live;
    this.#worker(worker).registry.attached({ clientId, connection: 1, epoch, broker, persistent: true });
    if (broker !== this.home) this.#leave(broker);
    this.home = broker;
    await this.#changed(worker);
  }

  async subscribe(filter: number): Promise<void> {
    if (this.live === undefined || this.home === undefined) return;
    const { worker, epoch } = this.live;
    this.subscriptions = textOf(filter);
    this.#worker(worker).registry.remember(clientId, epoch, this.subscriptions);
    await this.#changed(worker);
  }

  /** `over`: nothing outlives it; a number: subscriptions that changed at the very end. */
  async end(how: 'over' | number | undefined): Promise<void> {
    if (this.live === undefined) return;
    const { worker, epoch } = this.live;
    const { registry } = this.#worker(worker);
    this.live = undefined;
    if (typeof how === 'number' && this.home !== undefined) {
      this.subscriptions = textOf(how);
      registry.ended(clientId, epoch, false, { received: [], subscriptions: this.subscriptions });
    } else {
      const isOver = how === 'over' || this.home === undefined;
      registry.ended(clientId, epoch, isOver);
      if (isOver) {
        this.home = undefined;
        this.subscriptions = undefined;
      }
    }
    await this.#changed(worker);
  }

  async purge(broker: Broker, worker: number): Promise<void> {
    if (!this.left.has(broker)) return;
    const by = this.live?.worker ?? this.#knowerOr(worker);
    this.#worker(by).registry.purged(clientId, broker);
    this.left.delete(broker);
    await this.#changed(by);
  }

  async settle(): Promise<void> {
    await nextTurn();
    this.#tick();
    await nextTurn();
    if (this.#isControlThere) this.#knowers.clear();
  }

  async killControl(): Promise<void> {
    this.#isControlThere = false;
    this.world.killControlSuddenly();
    await nextTurn();
  }

  async startControl(): Promise<void> {
    if (this.#isControlThere) return;
    this.#isControlThere = true;
    this.world.startControl();
    await nextTurn();
  }

  /** What only it knew is lost, so all is on disk before that. */
  async killWorker(worker: number): Promise<void> {
    await this.startControl();
    await this.settle();
    this.world.replaceWorker(worker);
    if (this.live?.worker === worker) this.live = undefined;
    await nextTurn();
  }

  async killGateway(): Promise<void> {
    await this.startControl();
    await this.settle();
    this.world.killControlSuddenly();
    for (const worker of this.world.workers.keys()) this.world.replaceWorker(worker);
    this.live = undefined;
    this.world.startControl();
    await nextTurn();
  }

  #check(answer: Granted, intent: SessionIntent, desired: Broker): void {
    const resumes = intent === 'resume' && this.home !== undefined;
    assert.equal(answer.broker, resumes ? this.home : desired, 'the broker');
    assert.equal(answer.remains?.subscriptions, resumes ? this.subscriptions : undefined, 'the subscriptions');
    const elsewhere = new Set([...this.left, this.home].filter((broker) => broker !== answer.broker));
    elsewhere.delete(undefined);
    assert.deepEqual([...(answer.former ?? [])].sort(), [...elsewhere].sort(), 'former brokers');
    assert.equal(answer.isStale ?? false, this.left.has(answer.broker), 'an old session at the broker itself');
  }

  #leave(next: string): void {
    if (this.home !== undefined) this.left.add(this.home);
    this.left.delete(next);
  }

  #worker(worker: number) {
    const entry = this.world.workers[worker];
    assert.ok(entry !== undefined);
    return entry;
  }

  async #changed(worker: number): Promise<void> {
    this.#knowers.add(worker);
    await nextTurn();
  }

  #knowerOr(worker: number): number {
    const [knower = worker] = this.#knowers;
    return knower;
  }
}

/** Timers stand still but for `settle`, which lets the ledger write. */
async function withDevice(t: TestContext, work: (device: Device) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-moving-'));
  const rates = Object.fromEntries(brokers.map((broker) => [broker, undefined]));
  const world = new RegistryWorld({ homesPath: join(directory, 'homes.db'), rates });
  try {
    await work(new Device(world, () => t.mock.timers.tick(25)));
  } finally {
    world.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Step = (device: Device) => Promise<unknown>;

const worker = fc.nat({ max: 1 });
const broker = fc.constantFrom(...brokers);
const filter = fc.nat({ max: 99 });
const named = (name: string, step: Step) => Object.assign(step, { toString: () => name });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(worker, broker).map(([w, b]) => named(`resume ${w} ${b}`, (d) => d.connect(w, 'resume', b))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(worker, broker).map(([w, b]) => named(`fresh ${w} ${b}`, (d) => d.connect(w, 'fresh', b))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(worker, broker).map(([w, b]) => named(`clean ${w} ${b}`, (d) => d.connect(w, 'clean', b))),
  },
  { weight: 4, arbitrary: broker.map((b) => named(`switch ${b}`, (d) => d.switchTo(b))) },
  { weight: 4, arbitrary: filter.map((n) => named(`subscribe ${n}`, (d) => d.subscribe(n))) },
  { weight: 2, arbitrary: fc.constant(named('end', (d) => d.end(undefined))) },
  { weight: 1, arbitrary: filter.map((n) => named(`end ${n}`, (d) => d.end(n))) },
  { weight: 1, arbitrary: fc.constant(named('over', (d) => d.end('over'))) },
  { weight: 1, arbitrary: fc.tuple(broker, worker).map(([b, w]) => named(`purge ${b}`, (d) => d.purge(b, w))) },
  { weight: 2, arbitrary: fc.constant(named('settle', (d) => d.settle())) },
  { weight: 3, arbitrary: fc.constant(named('control dies', (d) => d.killControl())) },
  { weight: 3, arbitrary: fc.constant(named('control comes', (d) => d.startControl())) },
  { weight: 1, arbitrary: worker.map((w) => named(`worker ${w} dies`, (d) => d.killWorker(w))) },
  { weight: 1, arbitrary: fc.constant(named('gateway dies', (d) => d.killGateway())) },
);

describe('a home that moves while its session lives', () => {
  it('is known with its subscriptions and former brokers, whatever dies in between', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
      withDevice(t, async (device) => {
        for (const take of [...steps, (d: Device) => d.connect(0, 'resume', 'legacy')]) await take(device);
      }),
    );
    await fc.assert(property, { numRuns: 150 });
  });
});
