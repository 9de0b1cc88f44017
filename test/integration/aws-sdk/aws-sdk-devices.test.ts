import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../../src/emulator/aws-iot-emulator.ts';
import { openGate } from '../../../src/emulator/open-gate.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from '../gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from '../mosquitto-broker.ts';
import { SpawnedProcess, temporaryDirectory } from '../spawned-process.ts';
import { type SdkDeviceSetting, type SdkSight, sdks } from './sdk-setting.ts';

const program = fileURLToPath(new URL('./sdk-device.ts', import.meta.url));

suite('AWS’s own SDKs and MQTT.js, with client certificates', { concurrency: 2, timeout: 120_000 }, () => {
  let legacy: MosquittoBroker;
  let aws: AwsIotEmulator;
  let gateway: GatewayUnderTest;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let awsCa: string;
  before(async () => {
    legacy = await startMosquitto();
    aws = await startAwsIotEmulator({ gate: openGate });
    directory = await temporaryDirectory();
    awsCa = join(directory.path, 'aws-ca.pem');
    await writeFile(awsCa, aws.caPem);
    const tls = { ca: awsCa, servername: 'data.iot.example' };
    const atTarget = { name: 'moved', match: { clientIdPrefix: 'moved-' }, source: 'legacy', target: 'aws' };
    gateway = await startGatewayUnderTest({
      brokers: {
        legacy: { url: legacy.url },
        aws: { url: `mqtts://127.0.0.1:${aws.mqtts}`, tls, profile: 'aws-iot-core' },
      },
      plan: { default: 'legacy', cohorts: [{ ...atTarget, weightBps: 10_000 }] },
    });
  });
  after(async () => {
    await gateway?.stop();
    await aws?.stop();
    await legacy?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  for (const sdk of sdks) {
    test(`${sdk}: directly at the emulator`, async () => {
      await isServed({ ...deviceOf(sdk, 'direct'), port: aws.mqtts, ca: awsCa });
    });
    for (const [door, prefix] of [
      ['the legacy broker', 'stayed'],
      ['the emulator', 'moved'],
    ] as const) {
      test(`${sdk}: through the gateway, on ${door}`, async () => {
        const setting = deviceOf(sdk, prefix);
        await isServed({ ...setting, port: gateway.tlsPort, ca: join(gateway.pki, 'server-ca.pem') });
        const isAtTarget = aws.broker.ledger.past(setting.clientId) !== undefined;
        assert.equal(isAtTarget, prefix === 'moved');
      });
    }
  }

  function deviceOf(sdk: SdkDeviceSetting['sdk'], prefix: string) {
    const clientId = `${prefix}-${sdks.indexOf(sdk)}`;
    const [cert, key] = ['pem', 'key'].map((ending) => join(gateway.pki, `device-000001.${ending}`)) as [
      string,
      string,
    ];
    return { sdk, host: 'localhost', cert, key, clientId, topic: `sdk/${clientId}`, payload: `hello of ${sdk}` };
  }
});

async function isServed(setting: SdkDeviceSetting): Promise<void> {
  const device = new SpawnedProcess(process.execPath, [program, JSON.stringify(setting)]);
  try {
    const sight = JSON.parse(await device.line(/^\{"received"/)) as SdkSight;
    assert.equal(sight.received, setting.payload);
    if (setting.sdk !== 'aws-iot-device-sdk-v2, MQTT 5') return;
    assert.deepEqual(sight.userProperties, [['unit', 'µ']]);
    assert.deepEqual(sight.codes, [1, 0]);
  } finally {
    await device.stop();
  }
}
