// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a policy
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreatePolicyCommand,
  CreateThingCommand,
  type IoTClient,
  RegisterCertificateWithoutCACommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import type { AwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import type { MintedCertificate } from '../../src/tls/certificate-minting.ts';
import { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { device as mintDevice, newClient } from './control-world.ts';

const both: readonly WireVersion[] = [4, 5];

const policyOf = (statements: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const allow = (action: string, resource: string) => ({
  Effect: 'Allow',
  Action: action,
  Resource: `arn:aws:iot:*:*:${resource}`,
});

suite('A registered device at the whole emulator', { timeout: 60_000 }, () => {
  let emulator: AwsIotEmulator;
  let client: IoTClient;
  const devices: WireDevice[] = [];
  before(async () => {
    emulator = await startAwsIotEmulator({ connectsPerSecondPerClientId: Number.POSITIVE_INFINITY });
    client = newClient(emulator.control);
    const statements = [
      allow('iot:Connect', 'client/meter-*'),
      allow('iot:Publish', 'topic/up/${iot:ClientId}'),
      allow('iot:Receive', 'topic/*'),
      allow('iot:Subscribe', 'topicfilter/down/${iot:ClientId}'),
      allow('iot:Subscribe', 'topicfilter/up/+'),
    ];
    await client.send(new CreatePolicyCommand({ policyName: 'meters', policyDocument: policyOf(statements) }));
  });
  after(async () => {
    client.destroy();
    for (const { socket } of devices) socket.destroy();
    await emulator.stop();
  });

  async function registered(): Promise<MintedCertificate & { readonly certificateId: string; readonly arn: string }> {
    const minted = mintDevice();
    const { certificateArn = '', certificateId = '' } = await client.send(
      new RegisterCertificateWithoutCACommand({ certificatePem: minted.certificate, status: 'ACTIVE' }),
    );
    assert.equal(certificateId, createHash('sha256').update(new X509Certificate(minted.certificate).raw).digest('hex'));
    await client.send(new AttachPolicyCommand({ policyName: 'meters', target: certificateArn }));
    return { ...minted, certificateId, arn: certificateArn };
  }

  async function dial(version: WireVersion, { certificate, key }: MintedCertificate, port: 'mqtts' | 'alpn' = 'mqtts') {
    const alpn = port === 'alpn' ? { ALPNProtocols: ['x-amzn-mqtt-ca'] } : {};
    const tls = { ca: emulator.caPem, servername: 'localhost', cert: certificate, key, ...alpn };
    const device = await WireDevice.dial({ port: emulator[port], tls }, version);
    devices.push(device);
    return device;
  }

  for (const version of both) {
    for (const port of ['mqtts', 'alpn'] as const) {
      test(`MQTT ${version} on ${port}: connects, publishes where its policy lets it, and is named by its certificate`, async () => {
        const identity = await registered();
        const clientId = `meter-${version}-${port}`;
        const events: Record<string, unknown>[] = [];
        emulator.dataPlane.onAccepted(({ topic, payload }) => {
          if (topic.endsWith(`/connected/${clientId}`)) events.push(JSON.parse(payload.toString()));
        });
        const device = await dial(version, identity, port);
        assert.equal((await device.connect(clientId)).sessionPresent, false);
        assert.equal(events[0]?.['principalIdentifier'], identity.certificateId);
        assert.deepEqual(await device.subscribe([{ topic: 'up/+', qos: 1 }]), [1]);
        await device.publish({ topic: `up/${clientId}`, payload: 'mine', qos: 1 });
        assert.equal((await device.receive()).payload.toString(), 'mine');
        device.send({
          cmd: 'publish',
          topic: 'up/other',
          payload: 'x',
          qos: 1,
          dup: false,
          retain: false,
          messageId: 9,
        });
        if (version === 5) assert.equal((await device.nextWire('puback')).bytes.toString('hex'), '4003000987');
        else await device.closed();
      });
    }

    test(`MQTT ${version}: another client ID than the policy's is denied, an unknown certificate closed`, async () => {
      const identity = await registered();
      const denied = await dial(version, identity);
      denied.sendBytes(denied.connectBytes('thermometer'));
      await denied.closed();
      assert.deepEqual(
        denied.packets.map(({ bytes }) => bytes.toString('hex')),
        version === 5 ? ['2003008700'] : [],
      );
      const unknown = await dial(version, mintDevice());
      unknown.sendBytes(unknown.connectBytes('meter-1'));
      await unknown.closed();
      assert.deepEqual(unknown.packets, []);
    });

    test(`MQTT ${version}: a certificate that is not ACTIVE any more ends the connection, and the next one`, async () => {
      const identity = await registered();
      const clientId = `meter-revoked-${version}`;
      const device = await dial(version, identity);
      await device.connect(clientId);
      await client.send(new UpdateCertificateCommand({ certificateId: identity.certificateId, newStatus: 'REVOKED' }));
      await device.closed();
      if (version === 5) assert.equal(device.packets.at(-1)?.bytes.toString('hex'), 'e00187');
      assert.equal(emulator.broker.ledger.past(clientId)?.disconnectReason, 'AUTH_ERROR');
      const again = await dial(version, identity);
      again.sendBytes(again.connectBytes(clientId));
      await again.closed();
      assert.deepEqual(again.packets, []);
    });
  }

  test('an exclusive thing is named in lifecycle events and by GetConnection', async () => {
    const identity = await registered();
    await client.send(new CreateThingCommand({ thingName: 'pump' }));
    await client.send(
      new AttachThingPrincipalCommand({
        thingName: 'pump',
        principal: identity.arn,
        thingPrincipalType: 'EXCLUSIVE_THING',
      }),
    );
    const device = await dial(4, identity);
    await device.connect('meter-pump');
    const connection = (await (await fetch(`${emulator.control}/connections/meter-pump`)).json()) as object;
    assert.equal('thingName' in connection && connection.thingName, 'pump');
    await device.disconnect();
  });
});
