import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { unknownSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import type { ClaimAnswer, ClaimRequest, SessionRemains } from '../../src/session/session-registry.ts';
import { RegistryWorld } from './registry-world.ts';

const never = new AbortController().signal;
const fallback = { target: 'aws', source: 'legacy' };
const hourMs = 3_600_000;

type Granted = Extract<ClaimAnswer, { granted: true }>;

function openWorld(t: TestContext): RegistryWorld {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-remains-'));
  const world = new RegistryWorld({ homesPath: join(directory, 'homes.db') });
  t.after(() => {
    world.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return world;
}

function registryOf(world: RegistryWorld, worker: number) {
  const registry = world.workers[worker]?.registry;
  assert.ok(registry !== undefined);
  return registry;
}

async function claim(world: RegistryWorld, worker: number, request: Partial<ClaimRequest> = {}): Promise<Granted> {
  const asked = { clientId: 'meter-7', connection: 1, intent: 'resume', desired: 'legacy', ...request } as const;
  const answer = await registryOf(world, worker).claim(asked, never);
  assert.ok(answer.granted);
  return answer;
}

interface Visit {
  readonly request?: Partial<ClaimRequest>;
  readonly remains?: SessionRemains;
  readonly isOver?: boolean;
  readonly keepsSubscriptions?: boolean;
}

/** A device connects, is attached and goes. Gives what its claim was answered. */
async function visit(
  world: RegistryWorld,
  worker: number,
  { request, remains, isOver = false, keepsSubscriptions = false }: Visit,
): Promise<Granted> {
  const answer = await claim(world, worker, request);
  const { epoch, broker } = answer;
  const persistent = request?.intent !== 'clean';
  const session = { clientId: 'meter-7', connection: 1, epoch, broker, persistent };
  registryOf(world, worker).attached({ ...session, keepsSubscriptions });
  registryOf(world, worker).ended('meter-7', epoch, isOver || !persistent, remains);
  await nextTurn();
  return answer;
}

describe('what remains of a session', () => {
  const ways = [
    { name: 'with the control process there', away: false, worker: 1 },
    { name: 'while it is away, in the same worker', away: true, worker: 0 },
  ];
  for (const { name, away, worker } of ways) {
    it(`comes with the claim that takes the session up, once, ${name}`, async (t) => {
      const world = openWorld(t);
      if (away) world.killControl();
      await visit(world, 0, { remains: { received: [7, 9] } });
      const second = await visit(world, worker, {});
      assert.deepEqual(second.remains, { received: [7, 9], expired: false });
      assert.equal((await visit(world, worker, {})).remains, undefined);
    });

    it(`is forgotten when a CONNECT begins anew, or the session is over, ${name}`, async (t) => {
      const world = openWorld(t);
      if (away) world.killControl();
      for (const intent of ['clean', 'fresh'] as const) {
        await visit(world, 0, { remains: { received: [7] } });
        assert.equal((await visit(world, worker, { request: { intent } })).remains, undefined);
        assert.equal((await visit(world, worker, {})).remains, undefined);
      }
      await visit(world, 0, { remains: { received: [7] }, isOver: true });
      assert.equal((await visit(world, worker, {})).remains, undefined);
    });

    it(`holds subscriptions until they change or a session begins anew, ${name}`, async (t) => {
      const world = openWorld(t);
      if (away) world.killControl();
      const held = (qos: number) => `{"known":true,"held":[["a/#",${qos},${qos}]]}`;
      await visit(world, 0, { remains: { received: [7], subscriptions: held(0) } });
      const kept = { received: [7], subscriptions: held(0), expired: false };
      assert.deepEqual((await visit(world, worker, { keepsSubscriptions: true })).remains, kept);
      const unchanged = { keepsSubscriptions: true, remains: { received: [9] } };
      assert.deepEqual((await visit(world, worker, unchanged)).remains, { ...kept, received: [] });
      const changed = { keepsSubscriptions: true, remains: { received: [], subscriptions: held(1) } };
      assert.deepEqual((await visit(world, worker, changed)).remains, { ...kept, received: [9] });
      const last = await visit(world, worker, { keepsSubscriptions: true });
      assert.deepEqual(last.remains, { received: [], subscriptions: held(1), expired: false });
      await visit(world, worker, {
        keepsSubscriptions: true,
        remains: { received: [], subscriptions: unknownSubscriptions },
      });
      assert.equal(
        (await visit(world, worker, { remains: { received: [], subscriptions: held(2) } })).remains,
        undefined,
      );
      // A broker that began the session anew, though the device did not want that.
      assert.equal((await visit(world, worker, {})).remains?.subscriptions, held(2));
      assert.equal((await visit(world, worker, {})).remains, undefined);
      await visit(world, worker, { remains: { received: [], subscriptions: held(0) } });
      await visit(world, worker, { request: { intent: 'clean' } });
      assert.equal((await visit(world, worker, {})).remains, undefined);
    });

    it(`tells that an emulated expiry has run out: the session goes where the plan says, ${name}`, async (t) => {
      const world = openWorld(t);
      if (away) world.killControl();
      await visit(world, 0, { remains: { received: [7], expiresAtMs: Date.now() + hourMs } });
      const inTime = await visit(world, worker, {
        request: { desired: 'aws' },
        remains: { received: [7], expiresAtMs: Date.now() - 1 },
      });
      assert.deepEqual([inTime.broker, inTime.remains], ['legacy', { received: [7], expired: false }]);
      const late = await visit(world, worker, { request: { desired: 'aws' } });
      assert.deepEqual([late.broker, late.remains], ['aws', { received: [], expired: true }]);
    });
  }

  it('survives the return of the control process, and its death', async (t) => {
    const world = openWorld(t);
    await visit(world, 0, { remains: { received: [1] } });
    world.killControl();
    assert.deepEqual((await visit(world, 1, { remains: { received: [2] } })).remains, {
      received: [1],
      expired: false,
    });
    world.startControl();
    assert.deepEqual((await visit(world, 0, { remains: { received: [3] } })).remains, {
      received: [2],
      expired: false,
    });
    world.killControl();
    world.startControl();
    assert.deepEqual((await claim(world, 1)).remains, { received: [3], expired: false });
  });

  it('of a live session: subscriptions stay known while control processes come and go', async (t) => {
    const world = openWorld(t);
    const subscriptions = '{"known":true,"held":[["a",1,1]]}';
    await visit(world, 0, { remains: { received: [], subscriptions } });
    const { epoch, broker } = await claim(world, 0);
    const session = { clientId: 'meter-7', connection: 1, epoch, broker, persistent: true };
    registryOf(world, 0).attached({ ...session, keepsSubscriptions: true });
    await nextTurn();
    world.killControl();
    world.startControl();
    registryOf(world, 0).ended('meter-7', epoch, false);
    await nextTurn();
    assert.equal((await claim(world, 1)).remains?.subscriptions, subscriptions);
  });

  it('while the control process is away reaches it when it is back, subscriptions as they were or changed', async (t) => {
    const world = openWorld(t);
    const [before, after] = ['{"known":true,"held":[["a",1,1]]}', '{"known":true,"held":[]}'];
    await visit(world, 0, { remains: { received: [], subscriptions: before } });
    world.killControl();
    assert.equal((await visit(world, 1, { keepsSubscriptions: true })).remains?.subscriptions, before);
    world.startControl();
    assert.equal((await claim(world, 0)).remains?.subscriptions, before);
    world.killControl();
    await visit(world, 1, { keepsSubscriptions: true, remains: { received: [], subscriptions: after } });
    world.startControl();
    assert.equal((await claim(world, 0)).remains?.subscriptions, after);
  });

  it('stays when the CONNECT that was given it is never attached', async (t) => {
    const world = openWorld(t);
    await visit(world, 0, { remains: { received: [7] } });
    const { epoch } = await claim(world, 1);
    registryOf(world, 1).ended('meter-7', epoch, false);
    await nextTurn();
    assert.deepEqual((await claim(world, 0)).remains, { received: [7], expired: false });
  });

  it('of a leg that a takeover ends is there for the newer one in another worker', async (t) => {
    const world = openWorld(t);
    const first = await claim(world, 0, { connection: 11 });
    const { epoch, broker } = first;
    registryOf(world, 0).attached({ clientId: 'meter-7', connection: 11, epoch, broker, persistent: true });
    await nextTurn();
    const newer = claim(world, 1, { connection: 22 });
    // The gateway says so before it answers that the leg is gone; the answer of this world comes a microtask later.
    registryOf(world, 0).ended('meter-7', epoch, false, { received: [5] });
    assert.deepEqual((await newer).remains, { received: [5], expired: false });
  });
});

describe('subscriptions that were imported', () => {
  const imported = {
    clientId: 'meter-7',
    subscriptionsKnown: true,
    held: [{ filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, granted: 1 }],
  } as const;
  const text = '{"known":true,"held":[["a",1,1]]}';

  for (const away of [false, true]) {
    it(`come with the first CONNECT, which goes to the source of its cohort, ${away ? 'by the worker alone' : 'by the control process'}`, async (t) => {
      const world = openWorld(t);
      world.learn('one', [imported]);
      if (away) world.killControl();
      const first = await visit(world, 0, { request: { desired: 'aws', fallback }, keepsSubscriptions: true });
      assert.deepEqual([first.broker, first.hasHome], ['legacy', false]);
      assert.deepEqual(first.remains, { received: [], subscriptions: text, expired: false });
      const next = await visit(world, 0, { request: { desired: 'aws', fallback } });
      assert.deepEqual([next.broker, next.remains?.subscriptions], ['legacy', text]);
    });
  }

  it('say nothing when the broker had no session, or the CONNECT begins anew', async (t) => {
    for (const intent of ['resume', 'fresh'] as const) {
      const world = openWorld(t);
      world.learn('one', [imported]);
      await visit(world, 0, { request: { intent } });
      assert.equal((await visit(world, 0, {})).remains, undefined);
    }
  });

  it('of a connected device outlast what it says meanwhile, and count from its next CONNECT', async (t) => {
    const world = openWorld(t);
    const { epoch, broker } = await claim(world, 0);
    registryOf(world, 0).attached({ clientId: 'meter-7', connection: 1, epoch, broker, persistent: true });
    await nextTurn();
    world.learn('one', [imported]);
    registryOf(world, 0).remember('meter-7', epoch, '{"known":false,"held":[["b",0,0]]}');
    registryOf(world, 0).ended('meter-7', epoch, false);
    await nextTurn();
    const both = '{"known":true,"held":[["a",1,1],["b",0,0]]}';
    assert.equal((await claim(world, 1)).remains?.subscriptions, both);
  });
});

describe('a device that the target cannot carry', () => {
  for (const away of [false, true]) {
    it(`is sent to its source, ${away ? 'by the worker alone' : 'by the control process'}`, async (t) => {
      const world = openWorld(t);
      if (away) world.killControl();
      world.obstacles.set('meter-7 aws', 'payload-size');
      const held = await claim(world, 0, { intent: 'clean', desired: 'aws', fallback });
      assert.deepEqual([held.broker, held.heldBack], ['legacy', 'payload-size']);
      const other = await claim(world, 0, { clientId: 'meter-8', intent: 'clean', desired: 'aws', fallback });
      assert.deepEqual([other.broker, other.heldBack], ['aws', undefined]);
    });
  }

  it('goes where an override sends it', async (t) => {
    const world = openWorld(t);
    world.obstacles.set('meter-7 aws', 'payload-size');
    assert.equal((await claim(world, 0, { intent: 'clean', desired: 'aws' })).broker, 'aws');
  });
});
