import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import * as iot from '@aws-sdk/client-iot';
import type { AcceptedMessage } from '../../src/emulator/account-gate.ts';
import { type AwsIotEmulatorOptions, startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { loadFunctions } from '../../src/emulator/functions-folder.ts';
import type { MintedCertificate } from '../../src/tls/certificate-minting.ts';
import { Changes } from '../e2e/eventually.ts';
import { WireDevice } from '../integration/wire-device.ts';
import { allow, arn, certificateId, policy } from './account-desk.ts';
import { allowAll, device, deviceCa, newClient } from './control-world.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:activate';

async function openWorld(t: TestContext, options: AwsIotEmulatorOptions = {}) {
  const emulator = await startAwsIotEmulator({ connectsPerSecondPerClientId: Number.POSITIVE_INFINITY, ...options });
  const client = newClient(emulator.control);
  t.after(async () => {
    client.destroy();
    await emulator.stop();
  });
  const accepted: AcceptedMessage[] = [];
  const changes = new Changes();
  emulator.dataPlane.onAccepted((message) => {
    accepted.push(message);
    changes.announce();
  });
  return {
    ...{ emulator, client, accepted },
    until: (what: string, isSo: () => boolean) => changes.until(() => `${what} did not come`, isSo, 8_000),
    async dial({ certificate, key }: MintedCertificate, version: 4 | 5 = 4) {
      const tls = { ca: emulator.caPem, servername: 'localhost', cert: certificate, key };
      const wire = await WireDevice.dial({ port: emulator.mqtts, tls }, version);
      t.after(() => wire[Symbol.dispose]());
      return wire;
    },
  };
}

async function registerFleetCa(client: iot.IoTClient): Promise<string> {
  const command = new iot.RegisterCACertificateCommand({
    ...{
      caCertificate: deviceCa.certificate,
      certificateMode: 'SNI_ONLY',
      setAsActive: true,
      allowAutoRegistration: true,
    },
  });
  return (await client.send(command)).certificateId ?? '';
}

describe('an account and its devices', () => {
  test('the whole of JITR: a first CONNECT is closed, a rule calls the function that activates, the next is let in', async (t) => {
    const activated = Promise.withResolvers<string>();
    let control: iot.IoTClient | undefined;
    async function activate(event: never): Promise<void> {
      const { certificateId: id, clientId } = event as { certificateId: string; clientId: string };
      const principal = arn(`cert/${id}`);
      await control?.send(new iot.CreateThingCommand({ thingName: clientId }));
      await control?.send(new iot.AttachThingPrincipalCommand({ thingName: clientId, principal }));
      await control?.send(new iot.AttachPolicyCommand({ policyName: 'device', target: principal }));
      await control?.send(new iot.UpdateCertificateCommand({ certificateId: id, newStatus: 'ACTIVE' }));
      activated.resolve(id);
    }
    const world = await openWorld(t, { account: { functions: new Map([[functionArn, activate]]) } });
    control = world.client;
    const caId = await registerFleetCa(world.client);
    const policyDocument = policy(allow('iot:Connect', arn(`client/\${iot:Connection.Thing.ThingName}`)));
    await world.client.send(new iot.CreatePolicyCommand({ policyName: 'device', policyDocument }));
    const sql = `SELECT * FROM '$aws/events/certificates/registered/${caId}'`;
    const topicRulePayload = { sql, actions: [{ lambda: { functionArn } }] };
    await world.client.send(new iot.CreateTopicRuleCommand({ ruleName: 'activation', topicRulePayload }));
    const meter = device();

    const idle = await world.dial(meter);
    assert.equal(world.emulator.account.certificates.size, 0, 'a handshake alone registers nothing');
    idle.socket.destroy();
    const first = await world.dial(meter);
    first.sendBytes(first.connectBytes('meter-7'));
    await first.closed();
    assert.equal(first.packets.length, 0, 'no CONNACK');
    await world.until('the event', () =>
      world.accepted.some(({ topic }) => topic.includes('/certificates/registered/')),
    );
    assert.equal(await activated.promise, certificateId(meter));
    const second = await world.dial(meter);
    assert.equal((await second.connect('meter-7')).returnCode, 0);
    const foreign = await world.dial(meter);
    foreign.sendBytes(foreign.connectBytes('meter-8'));
    await foreign.closed();
    assert.equal(foreign.packets.length, 0, 'the policy names the thing');
  });

  test('a revoked certificate loses its connection, and its next CONNECT', async (t) => {
    const world = await openWorld(t);
    const meter = device();
    const { certificateArn: target, certificateId: id } = await world.client.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem: meter.certificate, status: 'ACTIVE' }),
    );
    await world.client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument: allowAll }));
    await world.client.send(new iot.AttachPolicyCommand({ policyName: 'p', target }));
    const wire = await world.dial(meter, 5);
    assert.equal((await wire.connect('meter-7')).reasonCode, 0);
    await world.client.send(new iot.UpdateCertificateCommand({ certificateId: id, newStatus: 'REVOKED' }));
    await wire.closed();
    const again = await world.dial(meter, 5);
    again.sendBytes(again.connectBytes('meter-7'));
    await again.closed();
    assert.equal(again.count('connack'), 0);
  });

  test('message enrichment reaches a subscriber of MQTT 5, from a publisher of 3.1.1', async (t) => {
    const world = await openWorld(t);
    const send = world.client.send.bind(world.client) as (command: unknown) => Promise<never>;
    await send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument: allowAll }));
    const propagatingAttributes = [{ userPropertyKey: 'site', thingAttribute: 'site' }];
    const thingTypeProperties = { mqtt5Configuration: { propagatingAttributes } };
    await send(new iot.CreateThingTypeCommand({ thingTypeName: 'meter', thingTypeProperties }));
    const attributePayload = { attributes: { site: 'north' } };
    await send(new iot.CreateThingCommand({ thingName: 'publisher', thingTypeName: 'meter', attributePayload }));
    const wires = [];
    for (const [name, version] of [
      ['publisher', 4],
      ['subscriber', 5],
    ] as const) {
      const meter = device(name);
      const registered = await world.client.send(
        new iot.RegisterCertificateWithoutCACommand({ certificatePem: meter.certificate, status: 'ACTIVE' }),
      );
      const principal = registered.certificateArn;
      await send(new iot.AttachPolicyCommand({ policyName: 'p', target: principal }));
      if (name === 'publisher') await send(new iot.AttachThingPrincipalCommand({ thingName: name, principal }));
      const wire = await world.dial(meter, version);
      await wire.connect(name);
      wires.push(wire);
    }
    await wires[1]?.subscribe([{ topic: 'a', qos: 1 }]);
    await wires[0]?.publish({ topic: 'a', qos: 1 });
    const message = await wires[1]?.receive();
    assert.deepEqual({ ...(message?.properties?.userProperties as object) }, { site: 'north' });
  });

  test('a rule writes into the folder what a device publishes', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'crossfade-emulator-'));
    t.after(() => rm(folder, { recursive: true }));
    const world = await openWorld(t, { rulesFolder: folder });
    const key = `\${topic()}/\${clientid()}`;
    const topicRulePayload = {
      sql: `SELECT encode(*, 'base64') AS data FROM '#'`,
      actions: [{ s3: { roleArn: 'arn:aws:iam::123456789012:role/r', bucketName: 'safety-net', key } }],
    };
    await world.client.send(new iot.CreateTopicRuleCommand({ ruleName: 'net', topicRulePayload }));
    const meter = device();
    const { certificateArn: target } = await world.client.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem: meter.certificate, status: 'ACTIVE' }),
    );
    await world.client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument: allowAll }));
    await world.client.send(new iot.AttachPolicyCommand({ policyName: 'p', target }));
    const wire = await world.dial(meter);
    await wire.connect('meter-7');
    await wire.publish({ topic: 'a/b', qos: 1 });
    await world.emulator.stop();
    assert.deepEqual(await readdir(join(folder, 's3', 'safety-net', 'a', 'b')), ['meter-7']);
  });
});

test('functions come from a folder by their file’s name', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-functions-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'activate.mjs'), 'export const handler = ({ x }) => ({ y: x + 1 });');
  await writeFile(join(folder, 'notes.txt'), 'no function');
  const identity = { region: 'eu-central-1', accountId: '123456789012' };
  const functions = await loadFunctions(folder, identity);
  assert.deepEqual([...functions.keys()], [functionArn]);
  assert.deepEqual(functions.get(functionArn)?.({ x: 1 } as never), { y: 2 });
  await writeFile(join(folder, 'bad.mjs'), 'export const nothing = 1;');
  await assert.rejects(loadFunctions(folder, identity), { code: 'functions' });
  await writeFile(join(folder, 'a-broken.mjs'), 'export const handler = (');
  await assert.rejects(loadFunctions(folder, identity), {
    code: 'functions',
    message: /a-broken\.mjs cannot be loaded: /,
  });
});
