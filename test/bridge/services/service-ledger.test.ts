import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  endServiceTask,
  nextOf,
  requestService,
  type ServiceRequest,
  serviceTask,
} from '../../../src/bridge/services/service-ledger.ts';
import { isWorking, type ServiceRecord, untouchedService } from '../../../src/bridge/services/service-record.ts';
import { serviceState } from '../../../src/bridge/services/service-state.ts';

const terms = {
  ...{ name: 'billing', rule: 'billing', instances: ['a', 'b', 'c'], filters: ['dt/#'], publishes: [] },
  probeTopic: 'dt/crossfade-probe',
};

/** A service, its operator, and a bridge that does what it is told. */
class World {
  record: ServiceRecord = untouchedService;
  members = 0;
  #nowMs = 0;

  ask(way: ServiceRequest['way'], instance?: string): string | undefined {
    const request = { way, author: 'ops', members: this.members, ...(instance !== undefined && { instance }) };
    this.#nowMs += 1;
    const asked = requestService(terms, this.record, request, this.#nowMs);
    if (!asked.ok) return asked.error;
    this.#keep(asked.value);
    return undefined;
  }

  /** One task; false: there is none. */
  end(kind: 'succeeded' | 'failed' = 'succeeded'): boolean {
    const task = isWorking(this.record) ? serviceTask(terms, this.record) : undefined;
    if (task === undefined) return false;
    if (task.kind === 'introduce') this.members = Math.max(this.members, task.members);
    if (task.kind === 'retire' && kind === 'succeeded') this.members = Math.min(this.members, task.members);
    this.#nowMs += 1;
    this.#keep(endServiceTask(terms, this.record, { kind, text: kind }, this.#nowMs));
    return true;
  }

  /** Until it is an operator's turn; the steps on the way. */
  settle(): string {
    const steps = [this.record.step.kind];
    while (this.end()) steps.push(this.record.step.kind);
    return steps.join(' ');
  }

  /** As a process that was killed finds it. */
  #keep(record: ServiceRecord): void {
    this.record = JSON.parse(JSON.stringify(record)) as ServiceRecord;
  }
}

function after(world: World, ...requests: readonly Parameters<World['ask']>[]): World {
  for (const request of requests) {
    assert.equal(world.ask(...request), undefined);
    world.settle();
  }
  return world;
}

test('three instances become three members, one call each and one for the last', () => {
  const world = new World();
  assert.equal(world.ask('forth'), undefined);
  assert.equal(world.settle(), 'introducing verifying awaiting-removal');
  assert.deepEqual([world.members, world.record.removed], [1, []]);
  assert.equal(world.ask('forth', 'b'), undefined);
  assert.equal(world.settle(), 'measuring introducing verifying awaiting-removal');
  assert.deepEqual([world.members, world.record.removed], [2, ['b']]);
  assert.equal(world.ask('forth', 'a'), undefined);
  world.settle();
  assert.equal(world.ask('forth', 'c'), undefined);
  assert.equal(world.settle(), 'measuring confirming done');
  assert.deepEqual([world.members, serviceState(terms, world.record).standing], [3, 'target']);
  assert.match(world.ask('forth') ?? '', /everything of the service is on the bridge/);
});

test('members that the rule has from the start are verified, not introduced', () => {
  const world = new World();
  world.members = 1;
  world.ask('forth');
  assert.equal(world.settle(), 'verifying awaiting-removal');
});

describe('what is refused', () => {
  const rows: readonly (readonly [string, (world: World) => string | undefined, RegExp])[] = [
    ['an instance that is gone before a member stands for it', (world) => world.ask('forth', 'a'), /no member/],
    ['an unknown instance', (world) => world.ask('forth', 'x'), /one of the instances a, b, c/],
    ['a way back from nowhere', (world) => world.ask('back'), /nothing to go back/],
    [
      'to go on without saying what was ended',
      (world) => after(world, ['forth']).ask('forth'),
      /waits until one of a, b, c is ended/,
    ],
    [
      'an instance that is ended twice',
      (world) => after(world, ['forth'], ['forth', 'a']).ask('forth', 'a'),
      /noted as removed already/,
    ],
    ['to start what was not ended', (world) => after(world, ['forth']).ask('back', 'a'), /not noted as removed/],
  ];
  for (const [name, ask, reason] of rows) test(name, () => assert.match(ask(new World()) ?? '', reason));
});

test('a step that failed says why, and is taken up by the next call', () => {
  const world = new World();
  world.ask('forth');
  world.end();
  world.end('failed');
  assert.deepEqual([world.record.step.kind, world.record.trouble, world.end()], ['verifying', 'failed', false]);
  assert.match(nextOf(terms, world.record), /mend what is missing.*--back/);
  world.ask('forth');
  assert.equal(world.record.trouble, undefined);
  assert.equal(world.settle(), 'verifying awaiting-removal');
});

test('a member that nothing was removed for goes back alone', () => {
  const world = new World();
  world.ask('forth');
  world.settle();
  world.ask('back');
  assert.equal(world.settle(), 'retiring idle');
  assert.deepEqual([world.members, serviceState(terms, world.record).standing], [0, 'legacy']);
});

test('the way back waits for the instance, sees it in the group, and retires its member', () => {
  const world = new World();
  after(world, ['forth'], ['forth', 'a'], ['forth', 'b'], ['forth', 'c']);
  assert.equal(world.ask('back'), undefined);
  assert.deepEqual(world.record.step, { kind: 'awaiting-start', instance: 'c' });
  assert.match(nextOf(terms, world.record), /start c .*--back --started c/);
  assert.equal(world.ask('back', 'b'), undefined);
  assert.deepEqual(serviceTask(terms, world.record), { kind: 'measure', members: 3, others: 1, isShared: true });
  assert.equal(world.settle(), 'joining retiring idle');
  assert.deepEqual([world.members, world.record.removed], [2, ['a', 'c']]);
  // And forth again.
  world.ask('forth');
  assert.equal(world.settle(), 'introducing verifying awaiting-removal');
});

test('a way back that was asked for by mistake is given up by going on', () => {
  const world = new World();
  after(world, ['forth'], ['forth', 'a'], ['forth', 'b'], ['forth', 'c']);
  world.ask('back');
  assert.equal(world.ask('forth'), undefined);
  assert.equal(world.settle(), 'confirming done');
});

test('whatever is asked and whatever fails: somebody is left in the group, and done means confirmed', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = randomFrom(seed);
    const world = new World();
    for (let step = 0; step < 60; step += 1) takeRandomStep(world, random, `seed ${seed}, step ${step}`);
  }
});

function takeRandomStep(world: World, random: (below: number) => number, at: string): void {
  const before = world.record;
  if (!isWorking(before)) {
    world.ask(random(3) === 0 ? 'back' : 'forth', random(2) === 0 ? terms.instances[random(3)] : undefined);
    assert.ok(before.step.kind === 'done' || world.record.step.kind !== 'done', `${at}: done because somebody asked`);
    return;
  }
  const hasSucceeded = random(4) !== 0;
  world.end(hasSucceeded ? 'succeeded' : 'failed');
  const { legacy, removed } = serviceState(terms, world.record);
  assert.ok(world.members + legacy.length > 0, `${at}: the group is empty`);
  assert.ok(world.members >= removed.length, `${at}: ${removed.length} gone for ${world.members} members`);
  if (world.record.step.kind !== 'done') return;
  assert.deepEqual([before.step.kind, hasSucceeded, legacy.length], ['confirming', true, 0], at);
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % below;
  };
}
