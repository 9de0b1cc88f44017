import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { startClient } from '../integration/mosquitto-clients.ts';
import { Timeline } from './broker-tap.ts';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { silentDevice } from './silent-device.ts';
import { startTappedWorld } from './tapped-world.ts';

const timeline = new Timeline();
// A broker that a busy machine lets wait is not to be left by force here.
const held = await startTappedWorld(timeline, { sections: { limits: { takeoverMs: 10_000 } } });
const { world } = held;
const { gateway } = world;
after(() => held[Symbol.asyncDispose]());

async function takeoverCount(): Promise<number> {
  return gateway.metric('crossfade_takeovers_total');
}

test('a device that comes back beside its half-open connection takes over, from one worker to the other too', async () => {
  const seen = new Set<string>();
  // Which worker a connection lands in is the kernel's choice: on until both ways were seen.
  for (let round = 0; seen.size < 2 && round < 30; round += 1) {
    const clientId = `half-open-${round}`;
    const takeovers = await takeoverCount();
    const old = await silentDevice(gateway.port, clientId);
    const oldWorker = await world.workerOf(clientId);
    const closed = once(old, 'close');
    await using device = await world.device(clientId);
    await closed;
    seen.add(oldWorker === (await world.workerOf(clientId)) ? 'same worker' : 'other worker');
    assert.equal((await takeoverCount()) - takeovers, 1);
    assert.equal(await world.brokerOf(clientId), 'legacy');
    await device.echo();
    await timeline.changes.until(
      () => `one live leg of ${clientId}: ${JSON.stringify(timeline.of(clientId))}`,
      () => timeline.liveLegs(clientId).length === 1,
    );
    await device.end();
  }
  assert.deepEqual([...seen].toSorted(), ['other worker', 'same worker']);
});

test('with a cutover in between the old broker’s session ends first, in order, and no will is published', async () => {
  await using observer = await world.device('observer', { to: world.legacy.url });
  await observer.client.subscribeAsync('wills/#', { qos: 1 });
  for (let round = 0; round < 4; round += 1) {
    const clientId = `moved-${round}`;
    await world.cutover(0, { live: 'keep' });
    const old = await silentDevice(gateway.port, clientId, `wills/${clientId}`);
    await world.cutover(10_000, { live: 'keep' });
    assert.equal(await world.brokerOf(clientId), 'legacy');
    const closed = once(old, 'close');
    await using device = await world.device(clientId);
    await closed;
    await device.echo();
    assert.equal(await world.brokerOf(clientId), 'target');
    assert.deepEqual(
      timeline
        .of(clientId)
        .map(({ broker, what }) => `${broker} ${what}`)
        .filter((text) => text !== 'legacy over'),
      ['legacy connect', 'legacy live', 'legacy disconnect', 'target connect', 'target live'],
    );
    await world.legacy.logged(`Received DISCONNECT from ${clientId}`);
  }
  await observer.client.publishAsync('wills/none', 'last', { qos: 1 });
  await observer.received('last');
  assert.deepEqual(observer.payloads(), ['last']);
});

test('a client whose process is stopped is taken over by its successor', async () => {
  await world.cutover(0, { live: 'keep' });
  const commandLine = ['-h', '127.0.0.1', '-p', String(gateway.port), '-i', 'stopped', '-t', 'for/stopped', '-q', '1'];
  await using old = startClient('mosquitto_sub', commandLine);
  await world.workerOf('stopped');
  old.kill('SIGSTOP');
  const takeovers = await takeoverCount();
  await using successor = startClient('mosquitto_sub', commandLine);
  await eventually('the takeover', async () => (await takeoverCount()) === takeovers + 1);
  await using publisher = await world.device('publisher');
  await eventually('the successor hears', async () => {
    await publisher.client.publishAsync('for/stopped', 'hello', { qos: 1 });
    return successor.lines.includes('hello');
  });
  assert.equal(await world.brokerOf('stopped'), 'legacy');
  assert.deepEqual(old.lines, []);
});

test('twenty clients with one client ID, while the plan goes back and forth, are never at two brokers at once', async () => {
  const clientId = 'storm';
  const to = gateway.port;
  const devices = Array.from({ length: 20 }, () => new Device({ clientId, to, reconnectPeriod: 1 }));
  const livesAt = (broker: string) =>
    timeline.of(clientId).filter((event) => event.broker === broker && event.what === 'live').length;
  const endMs = performance.now() + 5_000;
  // A machine that is slow gets longer, so that what is claimed below was seen in at least as many sessions.
  const isEnough = () => performance.now() > endMs && Math.min(livesAt('legacy'), livesAt('target')) > 10;
  for (let turn = 0; !isEnough(); turn += 1) {
    await world.cutover(turn % 2 === 0 ? 10_000 : 0, { live: 'keep' });
    const seen = timeline.of(clientId).length;
    await timeline.changes.until(
      () => 'the storm went still',
      () => timeline.of(clientId).length > seen + 10,
    );
  }
  await Promise.all(devices.map((device) => device[Symbol.asyncDispose]()));
  assert.deepEqual(timeline.doubles(clientId), []);
  await using last = await world.device(clientId);
  await last.echo();
  await timeline.changes.until(
    () => `one live leg: ${JSON.stringify(timeline.liveLegs(clientId))}`,
    () => timeline.liveLegs(clientId).length === 1,
  );
});
