import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { BridgeDirectory } from '../../src/bridge/bridge-directory.ts';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { writeStatus } from '../../src/bridge/directory-board.ts';
import { aProcess, aSlot } from '../app/board-samples.ts';
import { runCli } from '../cli/spawned-cli.ts';
import { BridgeProcess } from './bridge/bridge-process.ts';
import type { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { adminToken, answerOf, writeConfiguration } from './gateway-process.ts';

const telemetry = { name: 'telemetry', from: 'target', to: 'legacy', filter: 'dt/#' };
const commands = { name: 'commands', from: 'legacy', to: 'target', filter: 'cmd/#' };
const handover = { overlapMs: 200, settleMs: 20 };

function sectionsOf(rules: readonly object[]) {
  return { handover, bridge: { rules, directory: 'bridge', runs: 'alone' } };
}

function cutoverByCommand(world: FaultWorld, ...options: readonly string[]) {
  const environment = { CROSSFADE_ADMIN: world.gateway.adminUrl, CROSSFADE_TOKEN: adminToken };
  return runCli(['cutover', 'everyone', '--weight', '100%', ...options], { environment });
}

/** It publishes `dt/meter/state` and is subscribed to `cmd/meter/#`. */
async function startMeter(world: FaultWorld): Promise<Device> {
  const device = await world.device('meter');
  await device.client.subscribeAsync('cmd/meter/#', { qos: 1 });
  await device.client.publishAsync('dt/meter/state', 'on', { qos: 1 });
  return device;
}

/** What the gateway knows of the cohort once it has seen so many of its topics go without another end. */
function interlockOf(world: FaultWorld, lostTotal: number) {
  return eventually(`${lostTotal} topics without another end`, async () => {
    const { cohorts } = answerOf(await world.gateway.admin.interlock('everyone'));
    return cohorts[0]?.lostTotal === lostTotal && cohorts[0];
  });
}

test('a cohort whose devices use an unbridged topic is refused until a rule carries it, or somebody says so', async () => {
  await using world = await FaultWorld.start({ sections: sectionsOf([telemetry]) });
  const meter = await startMeter(world);
  await interlockOf(world, 1);
  const before = (await world.gateway.status()).revision;
  const refused = await cutoverByCommand(world);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stdout, /^cmd\/\+\/# +subscribe +unbridged +1 +-$/m);
  assert.match(refused.stdout, /add a rule from legacy to target with filter "cmd\/\+\/#"/);
  assert.match(refused.stderr, /"--unbridged-ok" goes on all the same/);
  assert.doesNotMatch(refused.stdout, /^dt\//m);
  assert.equal((await world.gateway.status()).revision, before);
  assert.equal((await cutoverByCommand(world, '--dry-run')).code, 0);

  const meant = await cutoverByCommand(world, '--unbridged-ok', '--reason', 'no commands today');
  assert.equal(meant.code, 0, meant.stderr);
  const [newest] = answerOf(await world.gateway.admin.revisions());
  assert.equal(newest?.reason, 'no commands today (unbridged-ok by ops: cmd/+/#)');
  assert.equal(await world.brokerOf('meter'), 'target');
  const back = answerOf(await world.gateway.admin.rollback('everyone', {}));
  assert.equal((await world.ended(back.move.id)).state, 'done');
  await meter.end();

  // What devices use is known behind a restart, before one of them has come back.
  await world.gateway.stop();
  const { legacy, target } = world;
  const brokers = { legacy: { url: legacy.url }, target: { url: target.url } };
  await writeConfiguration(world.directory, { ...sectionsOf([telemetry, commands]), brokers });
  const bridge = new BridgeProcess(join(world.directory, 'crossfade.yaml'));
  try {
    await bridge.open();
    await world.restart();
    const settled = await eventually('the bridge is seen', async () => {
      const { cohorts } = answerOf(await world.gateway.admin.interlock('everyone'));
      return cohorts[0]?.warnings.length === 0 && cohorts[0];
    });
    assert.equal(settled.lostTotal, 0);
    const passed = await cutoverByCommand(world, '--live', 'keep', '--no-wait');
    assert.deepEqual([passed.code, passed.stderr], [0, '']);
  } finally {
    await bridge.stop();
  }
});

test('a gateway without rules and services refuses nothing', async () => {
  await using world = await FaultWorld.start();
  await using _meter = await startMeter(world);
  assert.equal((await cutoverByCommand(world)).code, 0);
});

test('both brokers deliver as long as the board says that the bridge is late, and switches wait for a rule that is behind', async () => {
  await using world = await FaultWorld.start({
    sections: sectionsOf([telemetry, commands]),
  });
  const directory = new BridgeDirectory(join(world.directory, 'bridge'));
  const presence = directory.enter();
  const tell = (slot: Partial<SlotStatus>) =>
    writeStatus(directory, {
      ...aProcess([aSlot({ rule: 'telemetry' }), aSlot({ rule: 'commands', ...slot })]),
      process: presence.process,
    });
  try {
    await using meter = await startMeter(world);
    tell({ spool: { messages: 5, bytes: 500 } });
    await eventually('the rule is behind', async () => (await interlockOf(world, 0)).behind.join() === 'commands');
    const { move } = answerOf(await world.gateway.admin.cutover('everyone', { weight: '100%' }));
    const waiting = await eventually('the session is prepared', async () => {
      const document = answerOf(await world.gateway.admin.move(move.id));
      return document.prepared === 1 && document;
    });
    assert.match(
      waiting.message ?? '',
      /^sessions are prepared and wait for bridge rule commands to catch up, 60 s at most$/,
    );
    assert.equal(await world.brokerOf('meter'), 'legacy');

    const toldMs = performance.now();
    tell({ lag: { p50Ms: 20, p999Ms: 2_000 } });
    const done = await world.ended(move.id);
    assert.deepEqual([done.state, done.moved, done.message], ['done', 1, null]);
    assert.equal((await interlockOf(world, 0)).bridgeOverlapMs, 4_000);
    await world.legacy.logged(/Received UNSUBSCRIBE from meter/);
    assert.ok(performance.now() - toldMs >= 4_000, 'twice the lag, not the 200 ms that are configured');
    assert.equal(meter.closes, 0);
  } finally {
    presence.leave();
  }
});
