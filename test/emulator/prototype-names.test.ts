import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { allowAll, ControlWorld, device as mintDevice } from './control-world.ts';

const inherited = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

async function send(
  control: string,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(`${control}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, document: text === '' ? {} : (JSON.parse(text) as Record<string, string>) };
}

for (const version of [4, 5] as const satisfies readonly WireVersion[]) {
  test(`MQTT ${version}: attributes that only objects have, as enrichment and in a policy, end nothing`, async (t) => {
    const emulator = await startAwsIotEmulator();
    t.after(() => emulator.stop());
    const call = async (...parameters: [string, string, object?, Record<string, string>?]) => {
      const { status, document } = await send(emulator.control, ...parameters);
      assert.equal(status, 200, JSON.stringify(document));
      return document;
    };
    const propagatingAttributes = inherited.map((thingAttribute) => ({ userPropertyKey: 'a', thingAttribute }));
    const minted = mintDevice();
    const { certificateArn = '' } = await call('POST', '/certificate/register-no-ca', {
      ...{ certificatePem: minted.certificate, status: 'ACTIVE' },
    });
    await call('POST', '/thing-types/__proto__', {
      thingTypeProperties: { mqtt5Configuration: { propagatingAttributes } },
    });
    await call('POST', '/things/__proto__', { thingTypeName: '__proto__' });
    await call('PUT', '/things/__proto__/principals?thingPrincipalType=EXCLUSIVE_THING', undefined, {
      'x-amzn-principal': certificateArn,
    });
    const StringEquals = Object.fromEntries(inherited.map((name) => [`iot:Connection.Thing.Attributes[${name}]`, 'x']));
    const deny = { Effect: 'Deny', Action: 'iot:*', Resource: '*', Condition: { StringEquals } };
    const { Statement, ...rest } = JSON.parse(allowAll) as { Statement: object[] };
    await call('POST', '/policies/__proto__', {
      policyDocument: JSON.stringify({ ...rest, Statement: [...Statement, deny] }),
    });
    await call('PUT', '/target-policies/__proto__', { target: certificateArn });
    const tls = { ca: emulator.caPem, servername: 'localhost', cert: minted.certificate, key: minted.key };
    const device = await WireDevice.dial({ port: emulator.mqtts, tls }, version);
    t.after(() => device.socket.destroy());
    await device.connect('__proto__');
    await device.subscribe([{ topic: '__proto__', qos: 1 }]);
    await device.publish({ topic: '__proto__', qos: 1 });
    const { topic, properties } = await device.receive();
    assert.equal(topic, '__proto__');
    assert.equal(properties?.userProperties, undefined);
    assert.equal((await call('GET', '/connections/__proto__'))['thingName'], '__proto__');
    assert.equal((await send(emulator.control, 'GET', '/connections/constructor')).status, 404);
  });
}

test('things are not found by attributes that only objects have, and templates have no such parameters', async () => {
  await using world = await ControlWorld.start();
  await send(world.url, 'POST', '/things/meter', {});
  for (const name of inherited) {
    const query = `attributeName=${name}&attributeValue=f&usePrefixAttributeValue=true`;
    const { status, document } = await send(world.url, 'GET', `/things?${query}`);
    assert.deepEqual([status, document['things']], [200, []], name);
    const template = {
      Resources: { c: { Type: 'AWS::IoT::Certificate', Properties: { CertificateId: { Ref: name } } } },
    };
    const refused = await send(world.url, 'POST', '/things', { templateBody: JSON.stringify(template) });
    assert.equal(refused.document['message'], `The parameter ${name} has no value`);
  }
});
