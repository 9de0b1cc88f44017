import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { connackAccepted } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let device: TestDevice | undefined;

afterEach(async () => {
  device?.socket.destroy();
  await world.stop();
});

async function attach(options = {}): Promise<TestDevice> {
  world = await createGatewayWorld();
  world.legacy.onConnect = connackAccepted;
  device = await TestDevice.dial(world.port, 4);
  device.connect('meter-1', options);
  await device.inbox.packet('connack');
  return device;
}

const told = () => world.topics.map(({ use, pattern }) => `${use} ${pattern}`);

test('what a device publishes and is granted is told once, its own name left out', async () => {
  const meter = await attach({ will: { topic: 'state/meter-1', payload: Buffer.from(''), qos: 0, retain: false } });
  world.legacy.grants = 1;
  meter.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cmd/meter-1/#', qos: 1 }] });
  await meter.inbox.packet('suback');
  for (let times = 0; times < 3; times += 1) {
    meter.send({ cmd: 'publish', topic: 'dt/meter-1/state', payload: '1', qos: 0, dup: false, retain: false });
  }
  await until(() => told().length === 3);
  assert.deepEqual(told().toSorted(), ['publish dt/+/state', 'publish state/+', 'subscribe cmd/+/#']);
  assert.deepEqual(world.topics[0], {
    ...{ clientId: 'meter-1', cohort: 'everyone', use: 'publish', pattern: 'state/+', isWidened: false },
  });
});

test('a subscription that its broker denies is not used', async () => {
  const meter = await attach();
  world.legacy.grants = 0x80;
  meter.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'secret', qos: 1 }] });
  await meter.inbox.packet('suback');
  meter.send({ cmd: 'publish', topic: 'last', payload: '1', qos: 0, dup: false, retain: false });
  await until(() => told().includes('publish last'));
  assert.deepEqual(told(), ['publish last']);
});
