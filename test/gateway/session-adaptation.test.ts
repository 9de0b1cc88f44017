import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import mqtt, { type IConnectPacket } from 'mqtt-packet';
import type { BrokerTraits } from '../../src/gateway/credential-policy.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let directory: string;
const devices: TestDevice[] = [];

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'crossfade-gateway-'));
});

after(() => rmSync(directory, { recursive: true }));

afterEach(async () => {
  for (const { socket } of devices.splice(0)) socket.destroy();
  await world.stop();
});

const plain: BrokerTraits = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }] };
const aws: BrokerTraits = { ...plain, profile: 'aws-iot-core' };

async function openWorld(legacy: BrokerTraits, target: BrokerTraits = plain): Promise<void> {
  world = await createGatewayWorld({ settings: { clientIdPolicy: 'any', brokers: { legacy, target } } });
}

async function dial(version: 4 | 5 = 4): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  return device;
}

async function attach(options: Partial<IConnectPacket> = {}, version: 4 | 5 = 4): Promise<TestDevice> {
  const device = await dial(version);
  device.connect('meter-1', options);
  await device.inbox.packet('connack');
  return device;
}

const deep = '1/2/3/4/5/6/7/8/9';
const client = { clientId: 'meter-1', cohort: 'everyone', target: 'target' };

function publish(messageId: number, topic = 't'): Buffer {
  return mqtt.generate({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false });
}

describe('what a window holds back of a device that leaves', () => {
  for (const leave of ['FIN', 'RST', 'DISCONNECT'] as const) {
    it(`still goes out as the window opens, after ${leave}`, async () => {
      await openWorld({ ...plain, versions: ['5'] });
      world.legacy.protocolVersion = 5;
      world.legacy.acknowledges = false;
      // Receive Maximum 1
      world.legacy.onConnect = Buffer.from([0x20, 6, 0, 0, 3, 0x21, 0, 1]);
      const device = await attach();
      const leg = await world.legacy.leg();
      const packets = [publish(1), publish(2), publish(3)];
      if (leave === 'DISCONNECT') packets.push(Buffer.from([0xe0, 0]));
      device.socket.write(Buffer.concat(packets));
      await leg.inbox.packet('publish');
      if (leave === 'FIN') device.socket.end();
      else if (leave === 'RST') device.socket.resetAndDestroy();
      for (let messageId = 1; messageId <= 3; messageId += 1) {
        const count = () => leg.inbox.commands().filter((command) => command === 'publish').length;
        await until(() => count() === messageId);
        assert.equal(leg.inbox.sawEnd, false);
        leg.socket.write(Buffer.from([0x40, 2, 0, messageId]));
      }
      await leg.inbox.closed();
      assert.deepEqual(leg.inbox.commands().slice(0, 4), ['connect', 'publish', 'publish', 'publish']);
      assert.equal(leg.inbox.commands().includes('disconnect'), leave === 'DISCONNECT');
      // The third acknowledgement crosses the gateway's FIN; a broker may close on it.
      if (leave === 'FIN') assert.deepEqual(device.inbox.commands().slice(0, 3), ['connack', 'puback', 'puback']);
      await until(() => world.registry.ends.length === 1);
      world.gateway.stop();
      assert.ok((await metricValue(world.metrics.adaptations, { kind: 'inflight-window' })) > 0);
    });
  }
});

describe('a device that sends and does not read its answers', () => {
  it('is not read either, so that they do not pile up', async () => {
    await openWorld(plain);
    const device = await attach();
    device.socket.pause();
    const pings = Buffer.alloc(60_000, Buffer.from([0xc0, 0x00]));
    let sent = 0;
    for (let isTaken = true; isTaken && sent < 60_000_000; ) {
      sent += pings.length;
      if (device.socket.write(pings)) continue;
      isTaken = await Promise.race([
        new Promise<boolean>((resolve) => device.socket.once('drain', () => resolve(true))),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
      ]);
    }
    assert.ok(sent < 40_000_000, `took ${sent} bytes of pings`);
    device.socket.resume();
    await until(() => device.inbox.bytes === sent + 4, 'every ping’s answer', 40_000);
  });
});

describe('a message that the broker cannot take', () => {
  it('is recorded before it is acknowledged, where the operator chose so', async () => {
    const undeliverableRecord = join(directory, 'record.ndjson');
    await openWorld({ ...aws, undeliverable: 'acknowledge', undeliverableRecord });
    const device = await attach();
    device.socket.write(publish(4, deep));
    assert.equal((await device.inbox.packet('puback'))['messageId'], 4);
    const [line, ...rest] = readFileSync(undeliverableRecord, 'utf8').split('\n');
    assert.deepEqual(rest, ['']);
    const { at, ...record } = JSON.parse(line ?? '');
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
    assert.deepEqual(record, {
      clientId: 'meter-1',
      broker: 'legacy',
      topic: deep,
      obstacle: 'topic-depth',
      qos: 1,
      retain: false,
      payloadBytes: 1,
      payload: 'eA==',
    });
    device.socket.write(publish(5, 'fine'));
    const leg = await world.legacy.leg();
    assert.equal((await leg.inbox.packet('publish'))['topic'], 'fine');
    world.gateway.stop();
    assert.equal(await metricValue(world.metrics.messagesDropped, { reason: 'undeliverable' }), 1);
  });

  it('is not acknowledged when it could not be recorded: the session ends', async () => {
    const undeliverableRecord = join(directory, 'not-there', 'record.ndjson');
    await openWorld({ ...aws, undeliverable: 'acknowledge', undeliverableRecord });
    const device = await attach({ will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false } });
    device.socket.write(publish(4, deep));
    await device.inbox.closed();
    assert.deepEqual(device.inbox.commands(), ['connack']);
    const leg = await world.legacy.leg();
    await leg.inbox.closed();
    assert.deepEqual(leg.inbox.commands(), ['connect']);
    await until(() => world.registry.ends.length === 1);
  });

  it('is refused otherwise, and on the target that is a finding, once', async () => {
    await openWorld(plain, aws);
    world.desired = 'target';
    world.target.onConnect = Buffer.from([0x20, 3, 0, 0, 0]);
    world.target.protocolVersion = 5;
    const device = await attach({}, 5);
    for (const messageId of [1, 2]) {
      const packet = {
        cmd: 'publish',
        topic: deep,
        payload: 'x',
        qos: 1,
        messageId,
        dup: false,
        retain: false,
      } as const;
      device.send(packet);
    }
    await until(() => device.inbox.commands().filter((command) => command === 'puback').length === 2);
    assert.ok(Number(device.inbox.find('puback')?.['reasonCode']) >= 0x80);
    assert.deepEqual(world.assessments.findings, [
      { ...client, verdict: 'cannot', kind: 'topic-depth', example: deep },
    ]);
    assert.deepEqual((await world.target.leg()).inbox.commands(), ['connect']);
  });
});

describe('a CONNECT that the broker cannot take', () => {
  const will = { topic: deep, payload: Buffer.from('gone'), qos: 0 as const, retain: false };

  for (const version of [4, 5] as const) {
    it(`is refused in MQTT ${version} before the broker is asked, and on the target it is a finding`, async () => {
      await openWorld(plain, aws);
      world.desired = 'target';
      const device = await dial(version);
      device.connect('meter-1', { will });
      const connack = await device.inbox.packet('connack');
      assert.equal(version === 5 ? connack['reasonCode'] : connack['returnCode'], version === 5 ? 0x88 : 3);
      await device.inbox.closed();
      assert.equal(world.dials.length, 0);
      assert.deepEqual(world.registry.claims[0]?.fallback, { target: 'target', source: 'legacy' });
      assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: false }]);
      assert.deepEqual(
        world.assessments.findings.map(({ example: _, ...finding }) => finding),
        [{ ...client, verdict: 'cannot', kind: 'topic-depth' }],
      );
      assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'obstacle' }), 1);
    });
  }

  it('is no finding on another broker', async () => {
    await openWorld(aws);
    const device = await dial();
    device.connect('meter-1', { will });
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 3);
    assert.deepEqual(world.assessments.findings, []);
  });
});

describe('a device on its cohort’s source', () => {
  it('is assessed for the target: what would be adapted, and what holds it back', async () => {
    await openWorld(plain, aws);
    const device = await dial();
    const early = {
      cmd: 'publish',
      topic: 't',
      payload: 'x',
      qos: 2,
      messageId: 1,
      dup: false,
      retain: false,
    } as const;
    device.connect('meter-1');
    device.send(early);
    const leg = await world.legacy.leg();
    await leg.inbox.packet('publish');
    assert.deepEqual(world.assessments.observations, [{ ...client, broker: 'legacy' }]);
    const kinds = () => world.assessments.findings.map(({ verdict, kind }) => `${verdict} ${kind}`).sort();
    assert.deepEqual(kinds(), ['adapt pipelined', 'adapt qos2-publish']);
    await world.cutOver('target');
    assert.equal(world.gateway.misplaced()[0]?.heldBack, undefined);
    device.socket.write(publish(2, deep));
    await until(() => kinds().includes('cannot topic-depth'));
    assert.equal(world.gateway.misplaced()[0]?.heldBack, 'topic-depth');
    assert.equal(world.gateway.counts().byCohort['everyone']?.moving, 1, 'it is not where the plan wants it');
  });

  it('is told the least of both brokers where the cohort says so', async () => {
    await openWorld(plain, aws);
    world.announce = 'common';
    world.legacy.onConnect = Buffer.from([0x20, 3, 0, 0, 0]);
    world.legacy.protocolVersion = 5;
    const device = await attach({}, 5);
    assert.equal(Reflect.get(Object(device.inbox.find('connack')?.['properties']), 'receiveMaximum'), 100);
  });
});

describe('a client ID that the broker does not take', () => {
  it('is made here when the device has none', async () => {
    await openWorld(aws);
    const device = await dial();
    device.connect('', { clean: true });
    await device.inbox.packet('connack');
    const connect = await (await world.legacy.leg()).inbox.packet('connect');
    assert.match(String(connect['clientId']), /^crossfade-[0-9a-f]{32}$/);
    assert.equal(world.gateway.sessions({ limit: 1 })[0]?.clientId, connect['clientId']);
    assert.deepEqual(world.registry.adoptions, []);
  });
});
