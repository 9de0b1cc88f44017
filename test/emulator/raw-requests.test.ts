import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { openGate } from '../../src/emulator/open-gate.ts';

suite('Requests as no SDK sends them', { timeout: 30_000 }, () => {
  let emulator: AwsIotEmulator;
  before(async () => {
    emulator = await startAwsIotEmulator({ gate: openGate });
  });
  after(() => emulator.stop());

  /** `target` leaves as it stands. */
  async function send(method: string, target: string, body?: string | Buffer) {
    const { hostname, port } = new URL(emulator.control);
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const call = request({ hostname, port, method, path: target, headers });
    call.on('error', () => {});
    call.end(body);
    const [answer] = (await once(call, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += part;
    return { status: answer.statusCode, exception: answer.headers['x-amzn-errortype'], text };
  }

  for (const [name, target] of [
    ['no percent-encoding', '/things/%zz'],
    ['no UTF-8', '/topics/%ff'],
    ['longer than any name', `/things/${'a'.repeat(5_000)}`],
  ] as const) {
    test(`a path that is ${name} is InvalidRequestException`, async () => {
      const { status, exception, text } = await send('GET', target);
      assert.deepEqual([status, exception], [400, 'InvalidRequestException']);
      assert.deepEqual(Object.keys(JSON.parse(text) as object), ['message']);
    });
  }

  test('a body above the bound is RequestEntityTooLargeException', async () => {
    const { status, exception } = await send('POST', '/topics/a', Buffer.alloc(1_048_577));
    assert.deepEqual([status, exception], [413, 'RequestEntityTooLargeException']);
  });

  test('a second question mark belongs to the query', async () => {
    const topics: string[] = [];
    emulator.broker.onAccepted(({ topic }) => topics.push(topic));
    const { exception } = await send('POST', '/topics/q?responseTopic=a?b/%23', 'x');
    assert.equal(exception, 'InvalidRequestException', 'a?b/# is no topic name');
    assert.deepEqual(topics, []);
  });

  for (const [method, target, member, body] of [
    ['POST', '/domainConfigurations/d', 'authenticationType', { authenticationType: 'constructor' }],
    ['POST', '/domainConfigurations/d', 'applicationProtocol', { applicationProtocol: 'MQTT' }],
    ['PUT', '/domainConfigurations/iot:Data-ATS', 'domainConfigurationStatus', { domainConfigurationStatus: 'OFF' }],
    ['POST', '/cacertificate', 'certificateMode', { caCertificate: 'x', certificateMode: 'SNI' }],
    ['PUT', '/things/t/principals?thingPrincipalType=EXCLUSIVE', 'thingPrincipalType', undefined],
    [
      'POST',
      '/provisioning-templates',
      'type',
      { templateName: 't', type: 'JITR', ...{ templateBody: '{}', provisioningRoleArn: 'arn' } },
    ],
  ] as const) {
    test(`${member} has to be one of the model's values`, async () => {
      const { hostname, port } = new URL(emulator.control);
      const answer = await fetch(`http://${hostname}:${port}${target}`, {
        ...{ method, headers: { 'x-amzn-principal': 'arn:aws:iot:eu-central-1:123456789012:cert/0' } },
        ...(body && { body: JSON.stringify(body) }),
      });
      assert.equal(answer.headers.get('x-amzn-errortype'), 'InvalidRequestException');
      const { message } = (await answer.json()) as { readonly message: string };
      assert.match(
        message,
        new RegExp(`at '${member}' failed to satisfy constraint: Member must satisfy enum value set`),
      );
    });
  }
});
