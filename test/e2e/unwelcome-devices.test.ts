import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { IoT } from '@aws-sdk/client-iot';
import { startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { startGatewayUnderTest } from '../integration/gateway-under-test.ts';
import { startMosquitto } from '../integration/mosquitto-broker.ts';
import { temporaryDirectory } from '../integration/spawned-process.ts';
import { pkiText } from '../integration/test-pki.ts';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { FirstContactWorld } from './first-contact-world.ts';
import { answerOf } from './gateway-process.ts';

test('certificates of live devices', async (t) => {
  await using world = await FirstContactWorld.start('jitr', { repairMs: 4_000 });

  await t.test('two devices with one client ID: the later one has the session, at the target too', async () => {
    const first = await world.join('twin', 'meter-1');
    await world.onTarget(1, 20_000);
    const second = await world.join('twin', 'meter-2');
    await first.closed();
    await world.onTarget(1, 20_000);
    await second.client.publishAsync('dt/twin', 'the later one', { qos: 1 });
    const sessions = answerOf(await world.gateway.admin.sessions({ clientId: 'twin' }));
    assert.deepEqual([sessions.length, second.closes, second.isConnected], [1, 0, true]);
    assert.notEqual(world.target.broker.live('twin'), undefined);
  });

  await t.test('a device whose certificate at the target is revoked goes on, on its source', async () => {
    const device = await world.join('meter-3', 'meter-3');
    await world.onTarget(2, 20_000);
    await world.revokeAll();
    await eventually('the source', async () => (await world.sessions()).source === 2, 30_000);
    await device.client.publishAsync('dt/meter-3', 'still here', { qos: 1 });
    assert.deepEqual([device.connects, device.closes], [1, 0]);
    assert.equal(world.target.broker.live('meter-3'), undefined);
  });
});

test('a device that the target’s authorizer denies stays on its source; others are on the target', async () => {
  await using opened = new AsyncDisposableStack();
  const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:authorizer';
  const statement = { Effect: 'Allow', Action: 'iot:*', Resource: '*' };
  const handler = ({ token }: { readonly token: string }) => ({
    isAuthenticated: JSON.parse(Buffer.from(token, 'base64url').toString()).key !== 'device-000002',
    principalId: 'device',
    policyDocuments: [JSON.stringify({ Version: '2012-10-17', Statement: [statement] })],
    disconnectAfterInSeconds: 86_400,
    refreshAfterInSeconds: 3_600,
  });
  const target = await startAwsIotEmulator({ account: { functions: new Map([[functionArn, handler]]) } });
  opened.defer(() => target.stop());
  const iot = opened.adopt(
    new IoT({ endpoint: target.control, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } }),
    (client) => client.destroy(),
  );
  const publicKey = createPublicKey(pkiText('gateway-ca.pem')).export({ type: 'spki', format: 'pem' }).toString();
  await iot.createAuthorizer({
    authorizerName: 'crossfade',
    authorizerFunctionArn: functionArn,
    tokenKeyName: 'token',
    tokenSigningPublicKeys: { first: publicKey },
    status: 'ACTIVE',
  });
  await iot.createDomainConfiguration({
    domainConfigurationName: 'fleet',
    domainName: 'mqtt.example.com',
    serverCertificateArns: ['arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555'],
    authenticationType: 'CUSTOM_AUTH',
    applicationProtocol: 'SECURE_MQTT',
    authorizerConfig: { defaultAuthorizerName: 'crossfade', allowAuthorizerOverride: true },
  });
  const source = opened.use(await startMosquitto());
  const ca = join(opened.use(await temporaryDirectory()).path, 'aws-ca.pem');
  await writeFile(ca, target.caPem);
  const everyone = { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 10_000 };
  const gateway = opened.use(
    await startGatewayUnderTest({
      identity: ['certificate.commonName', 'mqtt.clientId'],
      brokers: {
        legacy: { url: source.url },
        aws: {
          url: `mqtts://127.0.0.1:${target.mqtts}`,
          profile: 'aws-iot-core',
          tls: { ca, servername: 'mqtt.example.com' },
          identity: {
            mode: 'custom-authorizer',
            authorizer: { name: 'crossfade', key: 'pki/gateway-ca.key' },
            vouchUnverified: true,
          },
        },
      },
      plan: { default: 'legacy', cohorts: [everyone] },
    }),
  );
  for (const [name, home] of [
    ['device-000001', 'aws'],
    ['device-000002', 'legacy'],
  ] as const) {
    const to = `mqtts://127.0.0.1:${gateway.tlsPort}`;
    const [cert, key] = [pkiText(`${name}.pem`), pkiText(`${name}.key`)];
    const device = opened.use(await Device.connect({ clientId: name, to, cert, key, rejectUnauthorized: false }));
    await device.client.publishAsync(`dt/${name}`, 'in', { qos: 1 });
    const [session] = answerOf(await gateway.admin.sessions({ clientId: name }));
    assert.equal(session?.home, home);
    assert.deepEqual([device.connects, device.closes, device.refusals], [1, 0, []]);
  }
});
