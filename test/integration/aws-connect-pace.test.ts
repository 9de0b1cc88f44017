import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startGatewayUnderTest } from './gateway-under-test.ts';
import { LimitedBroker } from './limited-broker.ts';
import { LimitedWorld } from './limited-world.ts';
import { WireDevice } from './wire-device.ts';

suite('AWS IoT Core takes one CONNECT a second of a client ID', { timeout: 60_000 }, () => {
  let world: LimitedWorld;
  before(async () => {
    world = await LimitedWorld.open({ throttlesConnects: true });
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of [4, 5] as const) {
    test(`a device of protocol level ${version} that comes back at once is let in after a second at most`, async () => {
      const name = `back-${version}`;
      for (const end of ['disconnect', 'loss', 'takeover'] as const) {
        const device = await world.connect(name, version);
        if (end === 'disconnect') await device.disconnect();
        else if (end === 'loss') device.socket.destroy();
        const startMs = performance.now();
        const back = await world.connect(name, version);
        const waitedMs = performance.now() - startMs;
        assert.ok(waitedMs < 1_500, `${end}: ${waitedMs} ms`);
        back.socket.destroy();
      }
      assert.deepEqual(world.violations(name), []);
    });
  }

  test('a session that is ended by a CONNECT of its own leaves a second for the one that the device wants', async () => {
    await using aws = await LimitedBroker.start({ throttlesConnects: true });
    const broker = { url: aws.url, profile: 'aws-iot-core', versions: ['3.1.1'] };
    await using gateway = await startGatewayUnderTest({ brokers: { aws: broker } });
    using device = await WireDevice.dial({ port: gateway.plainPort }, 5);
    const { reasonCode } = await device.connect('fresh', { clean: true, properties: { sessionExpiryInterval: 60 } });
    assert.equal(reasonCode, 0);
    assert.deepEqual(
      aws.connects.map(({ clean }) => clean),
      [true, false],
    );
    assert.deepEqual(aws.violations, []);
  });

  test('others do not wait for it', async () => {
    await world.connect('hasty', 4);
    const hasty = world.connect('hasty', 4);
    const startMs = performance.now();
    for (const number of [1, 2, 3, 4]) await world.connect(`calm-${number}`, 4);
    assert.ok(performance.now() - startMs < 800);
    await hasty;
    assert.deepEqual(world.violations('hasty'), []);
  });
});
