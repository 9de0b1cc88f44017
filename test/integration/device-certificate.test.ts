import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createServer } from 'node:tls';
import { loadCertificateIssuer, type MintedCertificate, mintCertificate } from '../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { runClient } from './mosquitto-clients.ts';
import { temporaryDirectory } from './spawned-process.ts';
import { pkiText } from './test-pki.ts';

const issuer = loadCertificateIssuer(pkiText('device-ca.pem'), createPrivateKey(pkiText('device-ca.key')));
const mintDevice = (commonName: string, more: Partial<Parameters<typeof mintCertificate>[0]> = {}) =>
  mintCertificate({ subject: { commonName }, extendedKeyUsage: ['clientAuth'], issuer, ...more });

const trust = { ca: 'pki/legacy-ca.pem', servername: 'broker.internal' };
const identity = {
  mode: 'device-certificate',
  ca: { cert: 'pki/gateway-ca.pem', key: 'pki/gateway-ca.key' },
  vouchUnverified: true,
};

suite('A device shows a broker a certificate of its own', { timeout: 120_000 }, () => {
  const opened = new AsyncDisposableStack();
  const revoked = mintDevice('revoked-1');
  let source: MosquittoBroker;
  let target: MosquittoBroker;
  let recorder: CertificateRecorder;
  let gateways: readonly GatewayUnderTest[];

  before(async () => {
    const asUsername = { tls: 'client-certificates', configuration: ['use_identity_as_username true'] } as const;
    source = opened.use(await startMosquitto(asUsername));
    target = opened.use(await startMosquitto(asUsername));
    recorder = opened.use(await CertificateRecorder.start());
    const files = opened.use(await temporaryDirectory());
    const crl = join(files.path, 'devices.crl');
    await writeFile(crl, mintCrl({ issuer, revoked: [revoked.serialNumber] }));
    const certificates = [{ cert: 'pki/server.pem', key: 'pki/server.key' }];
    const checked = { certificates, trustedCas: ['pki/device-ca.pem'], crls: [crl] };
    const old = { ...checked, tolerate: ['weakKey', 'weakSignature'], minVersion: 'TLSv1' };
    const start = () =>
      startGatewayUnderTest({
        identity: ['certificate.commonName', 'mqtt.clientId'],
        listeners: [
          { name: 'checked', bind: '127.0.0.1:0', tls: checked },
          { name: 'old', bind: '127.0.0.1:0', tls: old },
        ],
        brokers: {
          source: { url: source.tlsUrl, tls: trust, identity },
          target: { url: target.tlsUrl, tls: trust, identity },
          recorder: { url: recorder.url, tls: trust, identity },
        },
        plan: {
          default: 'recorder',
          cohorts: [
            { name: 'moved', match: { clientIdPrefix: 'moved-' }, source: 'source', target: 'target', weightBps: 0 },
          ],
        },
      });
    gateways = [opened.use(await start()), opened.use(await start())];
  });
  after(() => opened.disposeAsync());

  const [one, two] = [() => gateways[0] as GatewayUnderTest, () => gateways[1] as GatewayUnderTest];

  test('both gateways show the same bytes, whatever client ID it comes with', async () => {
    const device = mintDevice('meter-7');
    for (const [gateway, clientId] of [
      [one(), 'meter-7'],
      [two(), 'meter-7'],
      [two(), 'another'],
    ] as const) {
      await visit(gateway.tlsPort, device, clientId);
    }
    await visit(one().tlsPort, mintDevice('meter-8'), 'meter-8');
    const [first, second, third, other] = recorder.shown;
    assert.equal(first?.subject, 'CN=meter-7');
    assert.equal(first?.checkIssued(new X509Certificate(pkiText('gateway-ca.pem'))), true);
    assert.deepEqual([second?.fingerprint256, third?.fingerprint256], [first?.fingerprint256, first?.fingerprint256]);
    assert.notEqual(other?.fingerprint256, first?.fingerprint256);
  });

  test('the metrics say when the CA that mints ends', async () => {
    const metrics = await (await fetch(new URL('/metrics', one().adminUrl))).text();
    const { validToDate } = new X509Certificate(pkiText('gateway-ca.pem'));
    const expiry = `crossfade_certificate_expiry_timestamp_seconds{use="target/minting-ca"} ${validToDate.getTime() / 1_000}`;
    assert.ok(metrics.includes(expiry));
  });

  test('a client ID of 200 bytes without a certificate has the mapped common name', async () => {
    const from = recorder.shown.length;
    const device = await TestDevice.dial(one().plainPort);
    device.connect('x'.repeat(200));
    await device.inbox.packet('connack');
    device.socket.destroy();
    const shown = recorder.shown[from];
    assert.match(shown?.subject ?? '', /^CN=x--[0-9a-v]{52}$/);
    assert.equal(shown?.subjectAltName, `URI:urn:crossfade:clientid:${'x'.repeat(200)}`);
  });

  test('a device of RSA-1024 and SHA-1 shows the broker what any other does', async () => {
    const from = recorder.shown.length;
    await visit(one().portOf('old'), mintDevice('old-1', { key: 'rsa1024', signatureHash: 'sha1' }), 'old-1');
    assert.equal(recorder.shown[from]?.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(recorder.shown[from]?.subject, 'CN=old-1');
  });

  test('a revoked device is not vouched for', async () => {
    const from = recorder.shown.length;
    const { certificate: cert, key } = revoked;
    const device = await TestDevice.dialTls({ port: one().portOf('checked'), cert, key });
    device.connect('revoked-1');
    await device.inbox.closed();
    assert.equal(recorder.shown.length, from);
  });

  test('the broker takes the common name for the user, on every leg: at first, moved, and mended', async () => {
    const { certificate: cert, key } = mintDevice('meter-9');
    const device = await TestDevice.dialTls({ port: one().tlsPort, cert, key });
    device.connect('moved-9', { username: 'somebody' });
    await device.inbox.packet('connack');
    await source.logged(/as moved-9 \(.*u'meter-9'/);
    const moved = await one().admin.cutover('moved', { weightBps: 10_000, live: 'handover' });
    assert.ok(moved.ok);
    await target.logged(/as moved-9 \(.*u'meter-9'/);
    const settled = await waitForDone(one(), moved.value.move.id);
    assert.equal(settled, 'done');
    const from = target.log.length;
    const files = ['--cafile', 'legacy-ca.pem', '--cert', 'gateway.pem', '--key', 'gateway.key'].map((word) =>
      word.startsWith('--') ? word : join(one().pki, word),
    );
    const where = ['-h', '127.0.0.1', '-p', String(target.tlsPort), '--insecure', ...files];
    await runClient('mosquitto_pub', [...where, '-i', 'moved-9', '-t', 'a', '-m', 'b']);
    await target.logged(/as moved-9 \(.*u'gateway'/, from);
    await target.logged(/as moved-9 \(.*u'meter-9'/, from);
    device.socket.destroy();
  });
});

async function visit(port: number, { certificate: cert, key }: MintedCertificate, clientId: string): Promise<void> {
  const device = await TestDevice.dialTls({ port, cert, key, ciphers: 'DEFAULT@SECLEVEL=0' });
  device.connect(clientId);
  await device.inbox.packet('connack');
  device.socket.destroy();
}

async function waitForDone(gateway: GatewayUnderTest, id: string): Promise<string> {
  for (;;) {
    const move = await gateway.admin.move(id);
    if (!move.ok) return move.error.kind;
    if (move.value.state !== 'running') return move.value.state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A broker that accepts everybody and keeps what certificate they showed. */
class CertificateRecorder implements AsyncDisposable {
  readonly shown: X509Certificate[] = [];
  readonly #server = createServer(
    {
      cert: pkiText('legacy-server.pem'),
      key: pkiText('legacy-server.key'),
      ca: pkiText('gateway-ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined) this.shown.push(certificate);
      socket.on('error', () => {});
      socket.once('data', () => socket.write(Buffer.of(0x20, 2, 0, 0)));
    },
  );

  static async start(): Promise<CertificateRecorder> {
    const recorder = new CertificateRecorder();
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  get url(): string {
    return `mqtts://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}
