import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { likelyFreePort } from './spawned-process.ts';

suite('A broker that is down', { timeout: 120_000 }, () => {
  const opened = new AsyncDisposableStack();
  let legacy: MosquittoBroker;
  let target: MosquittoBroker;
  let gateway: GatewayUnderTest;

  before(async () => {
    legacy = opened.use(await startMosquitto());
    target = opened.use(await startMosquitto());
    const deadUrl = `mqtt://127.0.0.1:${likelyFreePort()}`;
    gateway = opened.use(
      await startGatewayUnderTest({
        workers: 2,
        limits: { endpointHoldDownMs: 200, brokerAnswerMs: 2_000 },
        brokers: {
          legacy: { url: legacy.url },
          target: { url: target.url },
          twofold: { urls: [legacy.url, deadUrl] },
        },
        plan: {
          default: 'legacy',
          cohorts: ['target', 'twofold'].map((name) => ({
            name,
            match: { clientIdPrefix: `${name}-` },
            source: 'legacy',
            target: name,
            weightBps: 10_000,
          })),
        },
      }),
    );
  });
  after(() => opened.disposeAsync());

  test('one of several addresses dead: every device comes in', async () => {
    const clientIds = Array.from({ length: 30 }, (_, index) => `twofold-${index}`);
    const codes = await Promise.all(clientIds.map((clientId) => connackOf(clientId, 4)));
    assert.deepEqual(new Set(codes), new Set([0]));
  });

  test('devices that come hear so in their version; those that are there notice nothing', async () => {
    const settled = await connected('legacy-settled');
    const cut = await connected('target-cut');
    await target.kill();
    assert.equal(await connackOf('target-1', 4), 3);
    assert.equal(await connackOf('target-2', 5), 0x88);
    assert.equal(await connackOf('legacy-1', 4), 0);
    for (const device of [settled, cut]) {
      device.send({ cmd: 'pingreq' });
      await device.inbox.packet('pingresp');
      device.socket.destroy();
    }
  });

  test('both down: everybody hears so, and everybody comes in again with the broker', async () => {
    await legacy.kill();
    assert.equal(await connackOf('legacy-2', 4), 3);
    assert.equal(await connackOf('legacy-3', 5), 0x88);
    const ports = { port: legacy.port, tlsPort: legacy.tlsPort };
    legacy = opened.use(await startMosquitto({ ports }));
    assert.equal(await connackOf('legacy-4', 4), 0);
    assert.equal(await connackOf('target-3', 4), 3);
  });

  test('a broker that accepts and stays silent is answered for in time', async () => {
    legacy.freeze();
    const startedAtMs = performance.now();
    assert.equal(await connackOf('legacy-5', 4), 3);
    assert.ok(performance.now() - startedAtMs < 5_000);
    legacy.thaw();
    assert.equal(await connackOf('legacy-6', 4), 0);
  });

  async function connected(clientId: string): Promise<TestDevice> {
    const device = await TestDevice.dial(gateway.plainPort);
    device.connect(clientId);
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 0);
    return device;
  }

  async function connackOf(clientId: string, version: 4 | 5): Promise<unknown> {
    const device = await TestDevice.dial(gateway.plainPort, version);
    device.connect(clientId);
    const connack = await device.inbox.packet('connack');
    device.socket.destroy();
    return version === 5 ? connack['reasonCode'] : connack['returnCode'];
  }
});
