import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClaimAnswer, ClaimRequest } from '../../src/session/session-registry.ts';
import { RegistryWorld } from './registry-world.ts';

const never = new AbortController().signal;
const clientId = 'meter-7';
const text = (filter: string) => `{"known":true,"held":[["${filter}",1,1]]}`;

type Granted = Extract<ClaimAnswer, { granted: true }>;

function openWorld(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-switch-'));
  const world = new RegistryWorld({ homesPath: join(directory, 'homes.db') });
  t.after(() => {
    world.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const registryOf = (worker: number) => {
    const registry = world.workers[worker]?.registry;
    assert.ok(registry !== undefined);
    return registry;
  };
  const claim = async (worker: number, request: Partial<ClaimRequest> = {}): Promise<Granted> => {
    const asked = { clientId, connection: 1, intent: 'resume', desired: 'legacy', ...request } as const;
    const answer = await registryOf(worker).claim(asked, never);
    assert.ok(answer.granted);
    return answer;
  };
  const attach = async (worker: number, { epoch, broker }: Pick<Granted, 'epoch' | 'broker'>, persistent = true) => {
    registryOf(worker).attached({ clientId, connection: 1, epoch, broker, persistent });
    await nextTurn();
  };
  return { world, registryOf, claim, attach };
}

describe('a live switch', () => {
  it('moves the home, keeps what the device subscribed to, and tells of the broker that it left', async (t) => {
    const { world, registryOf, claim, attach } = openWorld(t);
    const { epoch, broker } = await claim(0);
    await attach(0, { epoch, broker });
    registryOf(0).remember(clientId, epoch, text('a'));
    await attach(0, { epoch, broker: 'aws' });
    assert.equal(world.homeOf(clientId), 'aws');
    registryOf(0).ended(clientId, epoch, false);
    await nextTurn();
    const { hasHome, former, remains, ...next } = await claim(1);
    assert.deepEqual([next.broker, hasHome, former], ['aws', true, ['legacy']]);
    assert.deepEqual(remains, { received: [], subscriptions: text('a'), expired: false });
  });

  it('of a session that ends with its connection leaves nothing behind', async (t) => {
    const { world, registryOf, claim, attach } = openWorld(t);
    const { epoch, broker } = await claim(0, { intent: 'clean' });
    await attach(0, { epoch, broker }, false);
    registryOf(0).remember(clientId, epoch, text('a'));
    await attach(0, { epoch, broker: 'aws' }, false);
    registryOf(0).ended(clientId, epoch, true);
    await nextTurn();
    assert.equal(world.homeOf(clientId), undefined);
    const next = await claim(1);
    assert.deepEqual([next.broker, next.former, next.remains], ['legacy', undefined, undefined]);
  });

  it('is in the announcement to a control process that was not there', async (t) => {
    const { world, claim, attach } = openWorld(t);
    const { epoch, broker } = await claim(0);
    await attach(0, { epoch, broker });
    world.killControl();
    await attach(0, { epoch, broker: 'aws' });
    world.startControl();
    assert.equal(world.homeOf(clientId), 'aws');
    assert.deepEqual((await claim(1)).former, ['legacy']);
  });

  it('and what is remembered after it are ignored of a leg that lost its client ID', async (t) => {
    const { world, registryOf, claim, attach } = openWorld(t);
    const old = await claim(0);
    await attach(0, old);
    const newer = await claim(1);
    await attach(1, newer);
    registryOf(0).remember(clientId, old.epoch, text('old'));
    await attach(0, { epoch: old.epoch, broker: 'aws' });
    assert.equal(world.homeOf(clientId), 'legacy');
    registryOf(1).ended(clientId, newer.epoch, false);
    await nextTurn();
    assert.equal((await claim(1)).remains, undefined);
  });
});

describe('where a device stands in the plan', () => {
  const place = { cohort: 'everyone', position: 2_500 };

  for (const away of [false, true]) {
    it(`is kept with its home${away ? ', also when it became known while the control process was away' : ''}`, async (t) => {
      const { world, registryOf, claim } = openWorld(t);
      if (away) world.killControl();
      const { epoch, broker } = await claim(0);
      const session = { clientId, connection: 1, epoch, persistent: true };
      registryOf(0).attached({ ...session, broker, place });
      // Said without it: as it was.
      registryOf(0).attached({ ...session, broker: 'aws' });
      registryOf(0).attached({ ...session, broker });
      registryOf(0).remember(clientId, epoch, text('a'));
      registryOf(0).ended(clientId, epoch, false);
      await nextTurn();
      if (away) world.startControl();
      assert.deepEqual([world.misplacedHomes(2_500), world.misplacedHomes(2_501)], [0, 1]);
    });
  }

  it('is of the plan that was last in force for it, and goes with the home', async (t) => {
    const { world, registryOf, claim } = openWorld(t);
    const { epoch, broker } = await claim(0);
    const session = { clientId, connection: 1, epoch, broker, persistent: true };
    registryOf(0).attached({ ...session, place });
    registryOf(0).attached({ ...session, place: { cohort: 'others', position: 1 } });
    await nextTurn();
    assert.equal(world.misplacedHomes(10_000), 0);
    registryOf(0).attached({ ...session, place });
    await nextTurn();
    assert.equal(world.misplacedHomes(10_000), 1);
    registryOf(0).ended(clientId, epoch, true);
    await nextTurn();
    assert.equal(world.misplacedHomes(10_000), 0);
  });

  it('is kept of a client ID that its broker gave', async (t) => {
    const { world, registryOf } = openWorld(t);
    await registryOf(0).adopt({ clientId, connection: 1, broker: 'legacy', persistent: true, place });
    await nextTurn();
    assert.equal(world.misplacedHomes(10_000), 1);
  });
});

describe('a broker that a session left', () => {
  async function moved(t: TestContext) {
    const parts = openWorld(t);
    const { epoch, broker } = await parts.claim(0);
    await parts.attach(0, { epoch, broker });
    await parts.attach(0, { epoch, broker: 'aws' });
    return { ...parts, epoch };
  }

  for (const away of [false, true]) {
    it(`is told of until it is purged, ${away ? 'also when that was while the control process was away' : 'for good'}`, async (t) => {
      const { world, registryOf, claim, epoch } = await moved(t);
      registryOf(0).ended(clientId, epoch, false);
      await nextTurn();
      assert.deepEqual((await claim(0)).former, ['legacy']);
      if (away) world.killControl();
      registryOf(0).purged(clientId, 'legacy');
      await nextTurn();
      assert.equal((await claim(0)).former, undefined);
      if (away) world.startControl();
      else world.killControl();
      assert.equal((await claim(0)).former, undefined);
    });
  }

  it('is purged by a clean start together with the home, whichever it goes to', async (t) => {
    const { registryOf, claim, attach, epoch } = await moved(t);
    registryOf(0).ended(clientId, epoch, false);
    await nextTurn();
    const clean = await claim(1, { intent: 'clean', desired: 'legacy' });
    assert.deepEqual([clean.broker, clean.former, clean.isStale], ['legacy', ['aws'], true]);
    await attach(1, clean, false);
    registryOf(1).ended(clientId, clean.epoch, true);
    await nextTurn();
    const again = await claim(0, { intent: 'clean', desired: 'aws' });
    assert.deepEqual([again.broker, again.former, again.isStale], ['aws', undefined, true], 'nobody purged it');
    registryOf(0).purged(clientId, 'aws');
    await nextTurn();
    assert.equal((await claim(0, { desired: 'aws' })).isStale, undefined);
  });
});

describe('workers that tell of the same session one after the other', () => {
  it('cannot put back what a later leg forgot', async (t) => {
    const { world, registryOf, claim, attach } = openWorld(t);
    world.killControl();
    const older = await claim(1);
    await attach(1, older);
    registryOf(1).ended(clientId, older.epoch, false, { received: [], subscriptions: text('old') });
    const newer = await claim(0, { intent: 'fresh', desired: 'aws' });
    await attach(0, newer);
    registryOf(0).ended(clientId, newer.epoch, true);
    world.startControl();
    assert.equal(world.homeOf(clientId), undefined);
    assert.equal((await claim(0)).remains, undefined);
  });
});
