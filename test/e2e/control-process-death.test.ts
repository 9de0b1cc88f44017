import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Devices } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { answerOf, isAlive } from './gateway-process.ts';

const world = await FaultWorld.start();
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());

/** Resolves once a worker has noticed. */
async function killControl(): Promise<number> {
  const pid = await gateway.pidOfControl();
  const from = gateway.process.lines.length;
  process.kill(pid, 'SIGKILL');
  await gateway.process.line('The control process is away', from);
  return pid;
}

test('without its control process the gateway keeps every device and takes new ones in', async () => {
  await using kept = await Devices.connect(6, (index) => ({ clientId: `kept-${index}`, to: gateway.port }));
  const admin = gateway.adminUrl;
  const killed = await killControl();
  await using meanwhile = await Devices.connect(6, (index) => ({ clientId: `new-${index}`, to: gateway.port }));
  await Promise.all([...kept.all, ...meanwhile.all].map((device) => device.echo()));

  await gateway.wholeStatus();
  assert.equal(gateway.adminUrl, admin);
  assert.notEqual(await gateway.pidOfControl(), killed);
  await eventually('all sessions', async () => (await gateway.status()).brokers['legacy']?.sessions === 12);
  const clientIds = answerOf(await gateway.admin.sessions()).map(({ clientId }) => clientId);
  assert.deepEqual(clientIds.toSorted(), [...kept.all, ...meanwhile.all].map(({ clientId }) => clientId).toSorted());

  assert.equal((await world.cutover(10_000)).state, 'done');
  await eventually('the devices were moved', async () => (await gateway.status()).brokers['legacy']?.sessions === 0);
  await using later = await world.device('later');
  assert.equal(await world.brokerOf(later.clientId), 'target');
});

test('a device comes back while the control process is away: one session stays, whichever worker had it', async () => {
  await world.cutover(0);
  await using old = await Devices.connect(8, (index) => ({ clientId: `twice-${index}`, to: gateway.port }));
  await killControl();
  await using fresh = await Devices.connect(8, (index) => ({ clientId: `twice-${index}`, to: gateway.port }));
  await Promise.all(old.all.map((device) => device.closed()));
  await Promise.all(fresh.all.map((device) => device.echo()));
  await gateway.wholeStatus();
  await eventually('one session a device', async () => (await gateway.status()).brokers['legacy']?.sessions === 8);
  await Promise.all(fresh.all.map((device) => device.echo('still here')));
  assert.deepEqual(
    fresh.all.map(({ closes }) => closes),
    fresh.all.map(() => 0),
  );
});

test('a persistent session goes home while the control process is away, with its queue', async () => {
  await world.cutover(0);
  const first = await world.device('keeper', { clean: false });
  await first.client.subscribeAsync('orders/keeper', { qos: 1 });
  await first.end();
  await world.cutover(10_000);
  await killControl();
  await using publisher = await world.device('publisher', { to: world.legacy.url });
  await publisher.client.publishAsync('orders/keeper', 'queued', { qos: 1 });
  await using second = await world.device('keeper', { clean: false });
  await second.received('queued');
  assert.equal(second.sessionPresent, true);
  await using clean = await world.device('clean');
  await gateway.wholeStatus();
  assert.equal(await world.brokerOf('keeper'), 'legacy');
  assert.equal(await world.brokerOf(clean.clientId), 'target');
});

test('a home that begins while the control process is away is remembered by the next one', async () => {
  await world.cutover(0);
  await killControl();
  const first = await world.device('newcomer', { clean: false });
  await first.end();
  await gateway.wholeStatus();
  await world.cutover(10_000);
  await using second = await world.device('newcomer', { clean: false });
  assert.equal(second.sessionPresent, true);
  assert.equal(await world.brokerOf('newcomer'), 'legacy');
});

test('a move under way goes on when the control process comes back', async () => {
  await world.cutover(0);
  const count = 40;
  const to = gateway.port;
  await using devices = await Devices.connect(count, (index) => ({
    ...{ clientId: `moved-${index}`, to, reconnectPeriod: 20 },
  }));
  const accepted = answerOf(
    await gateway.admin.cutover('everyone', { weight: '100%', pacePerSecond: 20, live: 'reconnect' }),
  );
  const moved = () => devices.all.filter(({ connects }) => connects > 1).length;
  await eventually('some devices were moved', () => moved() >= 5);
  await killControl();
  assert.ok(moved() < count, 'the move was over before the control process was killed');
  await gateway.wholeStatus();
  const document = await world.ended(accepted.move.id);
  assert.deepEqual(
    { state: document.state, revision: document.revision },
    { state: 'done', revision: accepted.revision },
  );
  await eventually('all on the target', async () => (await gateway.status()).brokers['target']?.sessions === count);
  // Nobody was closed twice: those who had moved stayed.
  assert.deepEqual(
    devices.all.map(({ connects }) => connects),
    devices.all.map(() => 2),
  );
});

test('the supervisor’s death leaves no process and no port behind', async () => {
  await using device = await world.device('left-alone');
  const { workers } = await gateway.wholeStatus();
  const pids = [await gateway.pidOfControl(), ...workers.map(({ pid }) => pid)];
  assert.deepEqual(await Promise.all(pids.map(isAlive)), [true, true, true]);
  process.kill(gateway.pid, 'SIGKILL');
  await device.closed();
  for (const pid of pids) await eventually(`the end of ${pid}`, async () => !(await isAlive(pid)));
  await assert.rejects(world.device('nobody-there'));
  // The store's lock went with its holder: another gateway takes it.
  await world.restart();
  await using back = await world.device('back');
  await back.echo();
});
