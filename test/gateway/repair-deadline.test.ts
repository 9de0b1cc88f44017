import { afterEach, describe, it } from 'node:test';
import type { GatewaySettings } from '../../src/gateway/gateway-ports.ts';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
let device: TestDevice;

afterEach(async () => {
  device.socket.destroy();
  await world.stop();
});

const repairMs = 1_500;

/** A device on the legacy broker, whose brokers say close. */
async function start(random: () => number): Promise<void> {
  const broker = { profile: 'mqtt', endpoints: [{ host: '127.0.0.1', tls: false }], onDown: 'close' } as const;
  const settings: GatewaySettings = { clientIdPolicy: 'any', brokers: { legacy: broker, target: broker } };
  world = await createGatewayWorld({ settings, limits: { repairMs }, random });
  device = await TestDevice.dial(world.port);
  device.connect('meter-1');
  await device.inbox.packet('connack');
}

async function loseLegacy(): Promise<void> {
  world.down.add('legacy');
  (await world.legacy.leg()).socket.destroy();
  await until(() => world.dials.length > 1, 'the first try');
}

/** With the pauses that are drawn behind `repairMs`, each of these would be closed half a minute later. */
describe('what `onDown` says of a session is followed at once behind repairMs', () => {
  it('where the try before took until then', async () => {
    let draw = 0.01;
    await start(() => draw);
    const { registry } = world;
    const lostAtMs = performance.now();
    registry.connectToken = async () => {
      registry.tokens += 1;
      if (registry.tokens !== 7) return registry.tokens > 7;
      draw = 0.999;
      await until(() => performance.now() > lostAtMs + repairMs + 100);
      return false;
    };
    world.down.add('legacy');
    (await world.legacy.leg()).socket.destroy();
    await device.inbox.closed();
  });

  it('where it was the turn of the broker that a move wants', async () => {
    let isRare = false;
    await start(() => {
      isRare ||= world.dials.length > 7 && world.dials.at(-1)?.broker === 'legacy';
      return isRare ? 0.999 : 0.01;
    });
    world.down.add('target');
    await loseLegacy();
    await world.cutOver('target');
    world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first' });
    await device.inbox.closed();
  });
});
