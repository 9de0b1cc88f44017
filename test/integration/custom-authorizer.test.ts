import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { pkiText } from './test-pki.ts';

suite('A token vouches for a device', { timeout: 120_000 }, () => {
  const opened = new AsyncDisposableStack();
  let source: MosquittoBroker;
  let target: MosquittoBroker;
  let gateway: GatewayUnderTest;

  before(async () => {
    source = opened.use(await startMosquitto());
    target = opened.use(await startMosquitto());
    const authorizer = { name: 'crossfade', key: 'pki/gateway-ca.key' };
    const identity = { mode: 'custom-authorizer', authorizer };
    gateway = opened.use(
      await startGatewayUnderTest({
        identity: ['certificate.commonName', 'mqtt.clientId'],
        logLevel: 'trace',
        brokers: {
          source: { url: source.url, profile: 'aws-iot-core', identity: { ...identity, vouchUnverified: true } },
          target: { url: target.url, profile: 'aws-iot-core', identity: { ...identity, vouchUnverified: true } },
        },
        plan: {
          default: 'source',
          cohorts: [{ name: 'moved', match: { all: true }, source: 'source', target: 'target', weightBps: 0 }],
        },
      }),
    );
  });
  after(() => opened.disposeAsync());

  test('on every leg, and no line of the log holds it', async () => {
    const cert = pkiText('device-000001.pem');
    const device = await TestDevice.dialTls({ port: gateway.tlsPort, cert, key: pkiText('device-000001.key') });
    device.connect('meter-1', { username: 'me?x-amz-customauthorizer-name=open', password: Buffer.from('swordfish') });
    await device.inbox.packet('connack');
    checkUsername(await source.logged('as meter-1 ('));
    const moved = await gateway.admin.cutover('moved', { weightBps: 10_000, live: 'handover' });
    assert.ok(moved.ok);
    checkUsername(await target.logged('as meter-1 ('));
    device.socket.destroy();
    await gateway.stop();
    const leaks = gateway.log.filter((line) => /x-amz|swordfish|signature=/.test(line));
    assert.deepEqual(leaks, []);
  });
});

/** Mosquitto logs the user of a connection as u'…'. */
function checkUsername(line: string): void {
  const username = /u'(.*)'/.exec(line)?.[1] ?? '';
  const [, user, name, signature = '', token = ''] =
    /^(.*)\?x-amz-customauthorizer-name=(.*)&x-amz-customauthorizer-signature=(.*)&token=(.*)$/.exec(username) ?? [];
  assert.deepEqual([user, name], ['me%3Fx-amz-customauthorizer-name=open', 'crossfade'], line);
  const { exp, ...content } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as { exp: number };
  assert.deepEqual(content, { v: 1, kind: 'cn', key: 'device-000001', clientId: 'meter-1' });
  assert.ok(exp * 1_000 > Date.now());
  const isSigned = verify(
    'sha256',
    Buffer.from(token),
    createPublicKey(pkiText('gateway-ca.pem')),
    Buffer.from(decodeURIComponent(signature), 'base64'),
  );
  assert.ok(isSigned);
}
