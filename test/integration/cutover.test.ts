import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { RecordingBroker } from './recording-broker.ts';

suite('A cutover reaches new connections of every worker', { timeout: 120_000 }, () => {
  const opened = new AsyncDisposableStack();
  let legacy: RecordingBroker;
  let target: RecordingBroker;
  let gateway: GatewayUnderTest;

  before(async () => {
    legacy = opened.use(await RecordingBroker.start());
    target = opened.use(await RecordingBroker.start());
    gateway = opened.use(
      await startGatewayUnderTest({
        workers: 2,
        brokers: { legacy: { url: legacy.url }, target: { url: target.url } },
        plan: {
          default: 'legacy',
          cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'target', weightBps: 0 }],
        },
      }),
    );
  });
  after(() => opened.disposeAsync());

  test('all of fifty connects after the answer go to the other broker, and back', async () => {
    for (const [weightBps, broker] of [
      [10_000, target],
      [0, legacy],
    ] as const) {
      const before = broker.connects.length;
      const accepted = await gateway.admin.cutover('everyone', { weightBps, live: 'keep' });
      assert.ok(accepted.ok);
      await Promise.all(Array.from({ length: 50 }, (_, index) => visit(gateway.plainPort, `after-${index}`)));
      assert.equal(broker.connects.length - before, 50);
    }
    const status = await gateway.admin.status();
    assert.ok(status.ok);
    assert.equal(status.value.workers.length, 2);
  });

  test('within 100 ms of the request', async (context) => {
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round++) {
      tookMs.push(await measureCutover(round % 2 === 0 ? 10_000 : 0, round));
    }
    context.diagnostic(`the last connect to the old broker began after ${tookMs.map(Math.round).join(', ')} ms`);
    // The median: one round may meet a machine that is busy with something else.
    const median = tookMs.toSorted((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY;
    assert.ok(median < 100, `took ${tookMs.map(Math.round)} ms`);
  });

  /** Milliseconds from the request to the start of the last connect that still went to the old broker. */
  async function measureCutover(weightBps: number, round: number): Promise<number> {
    const old = weightBps === 0 ? target : legacy;
    const startedAtMs = new Map<string, number>();
    const sentAtMs = performance.now();
    let isAnswered = false;
    const cutover = gateway.admin.cutover('everyone', { weightBps, live: 'keep' }).then((result) => {
      assert.ok(result.ok);
      isAnswered = true;
    });
    for (let burst = 0, last = false; !last; burst++) {
      last = isAnswered;
      const clientIds = Array.from({ length: 4 }, (_, index) => `round-${round}-${burst}-${index}`);
      for (const clientId of clientIds) startedAtMs.set(clientId, performance.now());
      await Promise.all(clientIds.map((clientId) => visit(gateway.plainPort, clientId)));
    }
    await cutover;
    const stragglers = old.connects.map(({ clientId }) => (startedAtMs.get(clientId) ?? sentAtMs) - sentAtMs);
    return Math.max(0, ...stragglers);
  }
});

async function visit(port: number, clientId: string): Promise<void> {
  const device = await TestDevice.dial(port);
  device.connect(clientId);
  await device.inbox.packet('connack');
  device.socket.destroy();
}
