import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import type { GatewaySettings } from '../../src/gateway/gateway-ports.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossfade-limits-'));
const record = join(directory, 'record.ndjson');
const endpoints = [{ host: '127.0.0.1', tls: false }];
const deep = 'a/b/c/d/e/f/g/h/i';

let world: GatewayWorld;
let device: TestDevice;

afterEach(async () => {
  device.socket.destroy();
  await world.stop();
});
after(() => rmSync(directory, { recursive: true }));

/** On a source that takes everything; the target does not, and what it leaves is acknowledged and recorded. */
async function start(): Promise<void> {
  const settings: GatewaySettings = {
    clientIdPolicy: 'any',
    brokers: {
      legacy: { profile: 'mqtt', endpoints },
      target: { profile: 'aws-iot-core', endpoints, undeliverable: 'acknowledge', undeliverableRecord: record },
    },
    handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 },
  };
  world = await createGatewayWorld({ settings });
  for (const broker of [world.legacy, world.target]) broker.grants = 1;
  device = await TestDevice.dial(world.port);
  device.connect('meter-1');
  await device.inbox.packet('connack');
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'commands', qos: 1 }] });
  await device.inbox.packet('suback');
}

function publish(messageId: number, topic: string): void {
  device.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false });
}

function acknowledged(messageId: number): Promise<void> {
  return device.inbox.until(() => device.inbox.packets.some((p) => p.cmd === 'puback' && p.messageId === messageId));
}

function askForMove(): void {
  world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first' });
}

describe('what the second broker cannot take', () => {
  it('is its own to be answered for, from the packet on that was held for the switch', async () => {
    await start();
    world.target.grants = undefined;
    await world.cutOver('target');
    await until(() => {
      askForMove();
      return world.target.legs.some(({ inbox }) => inbox.commands().includes('subscribe'));
    });
    // The source is lost on the way: what the device sends now waits for the switch, and leaves in the same event.
    world.legacy.legs[0]?.socket.destroy();
    await until(() => world.upstreams[0]?.closed === true);
    publish(2, deep);
    const leg = await world.target.leg();
    const { messageId = 0 } = await leg.inbox.packet('subscribe');
    leg.socket.write(mqtt.generate({ cmd: 'suback', messageId: Number(messageId), granted: [1] }));
    await acknowledged(2);
    const lines = readFileSync(record, 'utf8').trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)).map(({ broker, topic }) => [broker, topic]),
      [['target', deep]],
    );
    assert.deepEqual(
      world.assessments.findings.map(({ kind, verdict }) => [kind, verdict]),
      // Foreseen while it was on its source, and then so.
      [
        ['topic-depth', 'cannot'],
        ['topic-depth', 'cannot'],
      ],
    );
  });
});
