import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { encodeProxyHeader } from '../../src/gateway/proxy-protocol.ts';
import { loadCertificateIssuer, mintCertificate } from '../../src/tls/certificate-minting.ts';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { RecordingBroker } from './recording-broker.ts';
import { pkiText } from './test-pki.ts';

const salt = 'integration';

suite('A device goes to the broker that the formula names', { timeout: 120_000 }, () => {
  const opened = new AsyncDisposableStack();
  let legacy: MosquittoBroker;
  let target: MosquittoBroker;
  let secured: MosquittoBroker;
  let proxied: RecordingBroker;
  let limited: RecordingBroker;
  let gateway: GatewayUnderTest;

  before(async () => {
    legacy = opened.use(await startMosquitto());
    target = opened.use(await startMosquitto());
    secured = opened.use(await startMosquitto({ tls: 'client-certificates', configuration: identityAsUsername }));
    proxied = opened.use(await RecordingBroker.start({ expectsProxyHeader: true }));
    limited = opened.use(await RecordingBroker.start());
    const trust = { ca: 'pki/legacy-ca.pem', servername: 'broker.internal' };
    const identity = { mode: 'gateway-certificate', cert: 'pki/gateway.pem', key: 'pki/gateway.key' };
    gateway = opened.use(
      await startGatewayUnderTest({
        salt,
        workers: 2,
        identity: ['certificate.commonName', 'mqtt.clientId'],
        listeners: [{ name: 'balanced', bind: '127.0.0.1:0', proxyProtocol: { from: ['127.0.0.1/32'] } }],
        brokers: {
          legacy: { url: legacy.url },
          target: { url: target.url },
          secured: { url: secured.tlsUrl, tls: trust, identity: { ...identity, vouchUnverified: true } },
          certificateless: { url: secured.tlsUrl, tls: trust },
          untrusted: { url: secured.tlsUrl, tls: { ...trust, ca: 'pki/gateway-ca.pem' } },
          proxied: { url: proxied.url, sendProxyProtocol: true },
          limited: { url: limited.url, connectsPerSecond: 20 },
        },
        plan: {
          default: 'legacy',
          cohorts: [
            ...['secured', 'certificateless', 'untrusted', 'proxied', 'limited'].map(wholeCohort),
            { name: 'everyone', match: { all: true }, source: 'legacy', target: 'target', weightBps: 2_500 },
          ],
        },
      }),
    );
  });
  after(() => opened.disposeAsync());

  test('forty client IDs at 25 %', async () => {
    const clientIds = Array.from({ length: 40 }, (_, index) => `meter-${index}`);
    await Promise.all(clientIds.map((clientId) => visitPlain(gateway.plainPort, clientId)));
    const expected = (isMoved: boolean) => clientIds.filter((id) => isOnTarget('clientid', id) === isMoved).sort();
    assert.ok(expected(true).length > 0);
    await Promise.all(expected(true).map((id) => target.logged(`as ${id} (`)));
    assert.deepEqual([...target.connectedClientIds()].sort(), expected(true));
    assert.deepEqual([...legacy.connectedClientIds()].sort(), expected(false));
  });

  test('the common name of the certificate comes before the client ID', async () => {
    const issuer = loadCertificateIssuer(pkiText('device-ca.pem'), createPrivateKey(pkiText('device-ca.key')));
    const names = Array.from({ length: 12 }, (_, index) => `thing-${index}`);
    const [fromLegacy, fromTarget] = [legacy.connectedClientIds().length, target.connectedClientIds().length];
    for (const commonName of names) {
      const { certificate, key } = mintCertificate({
        subject: { commonName },
        extendedKeyUsage: ['clientAuth'],
        issuer,
      });
      const device = await TestDevice.dialTls({ port: gateway.tlsPort, cert: certificate, key });
      await visit(device, `any-${commonName}`);
    }
    const expected = (isMoved: boolean) =>
      names.filter((name) => isOnTarget('cn', name) === isMoved).map((name) => `any-${name}`);
    assert.ok(expected(true).length > 0 && expected(false).length > 0);
    assert.deepEqual(target.connectedClientIds().slice(fromTarget), expected(true));
    assert.deepEqual(legacy.connectedClientIds().slice(fromLegacy), expected(false));
  });

  test('a broker that requires certificates sees the gateway’s, and nobody without one', async () => {
    assert.equal(await visitPlain(gateway.plainPort, 'secured-1'), 0);
    assert.match(await secured.logged('as secured-1 ('), /u'gateway'/);
    assert.equal(await visitPlain(gateway.plainPort, 'certificateless-1'), 3);
    assert.equal(await visitPlain(gateway.plainPort, 'untrusted-1'), 3);
    assert.deepEqual(secured.connectedClientIds(), ['secured-1']);
    await gateway.logged(/"broker":"untrusted".*"a broker did not answer/);
  });

  test('the address that a load balancer names reaches a broker that reads PROXY v2', async () => {
    const device = await TestDevice.dial(gateway.portOf('balanced'));
    const source = { address: '203.0.113.9', port: 47_110 };
    const destination = { address: '192.0.2.1', port: 8_883 };
    device.socket.write(encodeProxyHeader({ source, destination, certificateVerified: false }));
    assert.equal(await visit(device, 'proxied-1'), 0);
    assert.equal(await visitPlain(gateway.plainPort, 'proxied-2'), 0);
    const [balanced, direct] = proxied.connects;
    assert.deepEqual(balanced?.source, source);
    assert.equal(direct?.source?.address, '127.0.0.1');
  });

  test('no PROXY header from whoever must send one is no connection', async () => {
    const device = await TestDevice.dial(gateway.portOf('balanced'));
    device.connect('proxied-3');
    await device.inbox.closed();
    assert.deepEqual(device.inbox.packets, []);
  });

  test('eighty devices at once never make more connects in a second than a broker takes', async () => {
    const clientIds = Array.from({ length: 80 }, (_, index) => `limited-${index}`);
    const codes = await Promise.all(clientIds.map((clientId) => visitPlain(gateway.plainPort, clientId, 12_000)));
    assert.deepEqual(new Set(codes), new Set([0]));
    const times = limited.connects.map(({ acceptedAtMs }) => acceptedAtMs).sort((a, b) => a - b);
    assert.equal(times.length, 80);
    const busiest = Math.max(...times.map((start) => times.filter((at) => at >= start && at < start + 1_000).length));
    assert.ok(busiest <= 20, `${busiest} connects within a second`);
  });
});

/** The username in the log is the common name of the certificate. */
const identityAsUsername = ['use_identity_as_username true'];

/** All whose client ID begins with the broker's name. */
function wholeCohort(name: string) {
  return { name, match: { clientIdPrefix: `${name}-` }, source: 'legacy', target: name, weightBps: 10_000 };
}

/** The contract's formula, written out: position(salt/everyone) < 2 500. */
function isOnTarget(kind: string, key: string): boolean {
  const digest = createHash('sha256').update(`crossfade:v1|${salt}/everyone|${kind}|${key}`).digest();
  return (digest.readUInt32BE(0) * 10_000) / 2 ** 32 < 2_500;
}

async function visitPlain(port: number, clientId: string, timeoutMs?: number): Promise<unknown> {
  return visit(await TestDevice.dial(port), clientId, timeoutMs);
}

/** Connects and leaves in order; answers the CONNACK's code. */
async function visit(device: TestDevice, clientId: string, timeoutMs?: number): Promise<unknown> {
  device.connect(clientId);
  await device.inbox.until(() => device.inbox.find('connack') !== undefined, 'connack', timeoutMs);
  const code = device.inbox.find('connack')?.['returnCode'];
  device.socket.end();
  device.socket.destroy();
  return code;
}
