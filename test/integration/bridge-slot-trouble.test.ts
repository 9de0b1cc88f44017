import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { startBridge } from '../../src/bridge/bridge.ts';
import { BridgeDirectory } from '../../src/bridge/bridge-directory.ts';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { type Slot, slotsOf } from '../../src/bridge/division/slot.ts';
import { isInPartition } from '../../src/bridge/link/lane-choice.ts';
import { brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { plainDialer } from '../bridge/plain-dialer.ts';
import { silentLog, temporaryFolder } from '../bridge/temporary-folder.ts';
import { eventually } from '../e2e/eventually.ts';
import { BridgeWorld, bridgeRule, Hearing } from './bridge-world.ts';
import { startMosquitto } from './mosquitto-broker.ts';

const timeout = 60_000;

function slots({ bridge }: BridgeWorld): readonly SlotStatus[] {
  return bridge.board.readStatuses().flatMap((status) => status.slots);
}

describe('slots that are others from now on', { timeout }, () => {
  test('take over only when all of them are subscribed: no message finds nobody', async () => {
    await using world = await BridgeWorld.start([bridgeRule('telemetry', 'up', 'dt/#')]);
    const device = await world.client('legacy');
    const hearing = await Hearing.begin(await world.client('aws'), 'dt/#');
    const divided = bridgeRule('telemetry', 'up', 'dt/#', { partitions: 2 });
    const [, second] = slotsOf(divided.rule, divided) as [Slot, Slot];
    // Something is in its way: another process, a file that does not open, a broker that does not answer.
    const lock = new BridgeDirectory(world.directory).claim(second);
    await world.changeRules([divided]);
    const subscribed = () => slots(world).filter(({ isSubscribed }) => isSubscribed);
    await eventually('the first partition is subscribed', () =>
      subscribed().some(({ place }) => place.count === 2 && place.index === 0),
    );
    const key = ['a', 'b', 'c', 'd', 'e', 'f'].find((name) =>
      isInPartition(`dt/${name}`, { keyLevel: 2, index: 1, count: 2 }),
    );
    for (let turn = 0; turn < 10; turn += 1) {
      const writtenAt = () => world.bridge.board.readStatuses()[0]?.writtenAtMs;
      const before = writtenAt();
      await device.publishAsync(`dt/${key}`, `meanwhile ${turn}`, { qos: 1 });
      if (turn % 3 === 0) await eventually('a turn', () => writtenAt() !== before);
    }
    await hearing.all(Array.from({ length: 10 }, (_, turn) => `meanwhile ${turn}`));
    lock?.release();
    await eventually('the former one is gone', () => slots(world).every(({ place }) => place.count === 2));
    await device.publishAsync(`dt/${key}`, 'behind it', { qos: 1 });
    await hearing.all(['behind it']);
    assert.equal(hearing.heard.filter(({ text }) => text === 'behind it').length, 1);
  });
});

describe('a source that grants less than a rule asks for', { timeout }, () => {
  test('is said so: no acknowledgement protects what comes with QoS 0', async () => {
    await using broker = await startMosquitto({ quiet: true, configuration: ['max_qos 0'] });
    await using folder = await temporaryFolder();
    const said: string[] = [];
    const meeting = { profile: brokerProfiles.mqtt, protocol: '5' as const };
    const bridge = await startBridge(
      {
        ...{ name: 'bridge', directory: folder.path, rules: [bridgeRule('telemetry', 'up', 'dt/#')] },
        brokers: { legacy: meeting, aws: meeting },
        ackTimeoutMs: 3_000,
        spool: { maxBytes: 1_000_000, maxAgeMs: 3_600_000, afterMs: 200 },
        deadLetters: { maxBytes: 1_000_000 },
        breaker: { repeats: 200, windowMs: 10_000 },
      },
      {
        dialer: plainDialer({ legacy: broker.port, aws: broker.port }),
        clock: systemClock,
        log: { ...silentLog, error: (_at: unknown, text?: string) => void said.push(text ?? '') },
      },
    );
    await bridge.open;
    await bridge.stop();
    assert.match(said.join(), /grants QoS 0/);
  });
});

describe('trouble with one slot', { timeout }, () => {
  test('keeps no other from its work, nor its status from the board', async () => {
    await using world = await BridgeWorld.start([bridgeRule('events', 'up', 'ev/#')]);
    const telemetry = bridgeRule('telemetry', 'up', 'dt/#');
    const [slot] = slotsOf(telemetry.rule, telemetry) as [Slot];
    const lockPath = join(world.directory, 'locks', `telemetry.${slot.label}.lock`);
    await mkdir(lockPath);
    for (const [name, text] of [
      ['empty', '{}'],
      ['list', '[]'],
      ['torn', '{ "label": "m0'],
    ] as const) {
      await mkdir(join(world.directory, 'slots', name));
      await writeFile(join(world.directory, 'slots', name, 'slot.json'), text);
    }
    const others = Array.from({ length: 4 }, (_, index) => bridgeRule(`events-${index}`, 'up', `ev/${index}/#`));
    await world.changeRules([telemetry, ...others]);
    await eventually('the others work', () => slots(world).filter(({ isSubscribed }) => isSubscribed).length === 4);
    const device = await world.client('legacy');
    const hearing = await Hearing.begin(await world.client('aws'), '#');
    for (let index = 0; index < 4; index += 1) await device.publishAsync(`ev/${index}/k`, `${index}`, { qos: 1 });
    await hearing.all(['0', '1', '2', '3']);
    await rm(lockPath, { recursive: true });
    await eventually('it is worked too', () => slots(world).filter(({ isSubscribed }) => isSubscribed).length === 5);
  });

  test('wishes that cannot be read are as they were', async () => {
    await using world = await BridgeWorld.start([bridgeRule('events', 'up', 'ev/#')]);
    const { board } = world.bridge;
    board.changeWish('events', { isPaused: true });
    await eventually('it is paused', () => slots(world)[0]?.state === 'paused');
    await writeFile(join(world.directory, 'wishes.json'), '{');
    const seenAt = board.readStatuses()[0]?.writtenAtMs ?? 0;
    await eventually('it says what it does', () => (board.readStatuses()[0]?.writtenAtMs ?? 0) > seenAt);
    assert.equal(slots(world)[0]?.state, 'paused');
  });
});
