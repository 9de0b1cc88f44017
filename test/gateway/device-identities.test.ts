import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../src/base/clock.ts';
import { DeviceIdentities } from '../../src/gateway/device-identities.ts';
import type { UpstreamBrokerOptions } from '../../src/gateway/upstream-broker.ts';
import type { UpstreamConnector, UpstreamDevice } from '../../src/gateway/upstream-connector.ts';
import { deviceContexts } from '../../src/gateway/upstream-material.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { type CertificateSigner, loadMintingAuthority } from '../../src/tls/certificate-signer.ts';
import { brokerCa, createConnector, createRequest, device as peer, startTlsBroker } from './upstream-fixtures.ts';

const ca = mintCertificateAuthority('Gateway CA', { key: 'rsa2048' });
const mintingCa = { cert: ca.certificate, key: ca.key };
const authority = loadMintingAuthority(mintingCa);
const terms = { epochDays: 90, alternativeNames: [] } as const;

function device(key: string, identity: Partial<UpstreamDevice['identity']> = {}): UpstreamDevice {
  return { ...peer, identity: { key: { kind: 'cn', key }, clientId: `${key}/main`, isProven: true, ...identity } };
}

/** Signs as the CA does when it is let go. */
class SlowSigner implements CertificateSigner {
  signatures = 0;
  readonly go = Promise.withResolvers<void>();

  async sign(bytes: Buffer): Promise<Buffer> {
    this.signatures++;
    await this.go.promise;
    return await authority.signer.sign(bytes);
  }
}

function identities(
  signer: CertificateSigner,
  options: { bounds?: { deviceCertificates: number; deviceContexts: number }; clock?: Pick<Clock, 'wallMs'> } = {},
): DeviceIdentities {
  return new DeviceIdentities({
    authority: { ...authority, signer },
    terms: { ...terms, secret: 'x'.repeat(32) },
    bounds: options.bounds ?? { deviceCertificates: 100, deviceContexts: 100 },
    createContext: deviceContexts('aws', { ca: brokerCa.certificate }),
    clock: options.clock ?? { wallMs: () => Date.now() },
  });
}

test('dials of one device at the same time mint once, and share one context', async () => {
  const signer = new SlowSigner();
  const present = identities(signer);
  const asked = [device('a'), device('a', { clientId: 'another' }), device('b')].map((each) => present.present(each));
  signer.go.resolve();
  const [first, second, third] = await Promise.all(asked);
  assert.equal(signer.signatures, 2);
  assert.equal(first?.secureContext, second?.secureContext);
  assert.notEqual(first?.fingerprint, third?.fingerprint);
});

test('what leaves the cache is minted again, the same; the next epoch brings another one', async () => {
  const signer = new SlowSigner();
  signer.go.resolve();
  let wallMs = Date.now();
  const bounds = { deviceCertificates: 1, deviceContexts: 1 };
  const present = identities(signer, { bounds, clock: { wallMs: () => wallMs } });
  const first = await present.present(device('a'));
  await present.present(device('b'));
  assert.equal((await present.present(device('a'))).fingerprint, first.fingerprint);
  assert.equal(signer.signatures, 3);
  wallMs += 90 * 86_400_000;
  assert.notEqual((await present.present(device('a'))).fingerprint, first.fingerprint);
});

test('a signer that failed once is asked again', async () => {
  let isBroken = true;
  const present = identities({
    sign: (bytes) => (isBroken ? Promise.reject(new Error('HSM is away')) : authority.signer.sign(bytes)),
  });
  await assert.rejects(present.present(device('a')), /HSM is away/);
  isBroken = false;
  assert.match((await present.present(device('a'))).fingerprint, /^[0-9a-f]{64}$/);
});

test('two gateways show the same certificate for a device, whatever connection it comes by; another device another', async (context) => {
  const broker = await startDeviceBroker(context);
  const [one, two] = [connectorTo(context, broker.port), connectorTo(context, broker.port)];
  await visit(one, device('meter-7'));
  await visit(two, device('meter-7', { clientId: 'other', fingerprint: 'ab'.repeat(32) }));
  await visit(two, device('meter-8'));
  const [first, second, third] = broker.shown;
  assert.equal(first?.subject.CN, 'meter-7');
  assert.equal(second?.fingerprint256, first?.fingerprint256);
  assert.equal(third?.subject.CN, 'meter-8');
});

test('a TLS session is resumed for the device that made it and for nobody else', async (context) => {
  const broker = await startDeviceBroker(context);
  const connector = connectorTo(context, broker.port);
  for (const name of ['meter-7', 'meter-7', 'meter-8', 'meter-7', 'meter-8']) await visit(connector, device(name));
  assert.deepEqual(broker.resumed, [false, true, false, true, true]);
  assert.deepEqual(
    broker.shown.map(({ subject }) => subject.CN),
    ['meter-7', 'meter-7', 'meter-8', 'meter-7', 'meter-8'],
  );
});

test('the name goes out in SNI, and ALPN where it is asked for', async (context) => {
  const broker = await startDeviceBroker(context);
  await visit(connectorTo(context, broker.port), device('a'));
  await visit(connectorTo(context, broker.port, { alpn: ['x-amzn-mqtt-ca'] }), device('a'));
  assert.deepEqual(broker.alpn, [false, 'x-amzn-mqtt-ca']);
  assert.deepEqual(broker.names, ['broker.test', 'broker.test']);
});

test('an expired CA, and a device without a key, are a failure that says so and blames no endpoint', async (context) => {
  const broker = await startDeviceBroker(context);
  const old = mintCertificateAuthority('Old CA', { key: 'rsa2048', notAfter: new Date(Date.now() - 1_000) });
  const { connector, log } = createConnector(context, {
    ...brokerOptions(broker.port),
    tls: { ca: brokerCa.certificate, servername: 'broker.test', mintingCa: { cert: old.certificate, key: old.key } },
  });
  assert.deepEqual(
    log.map(({ message }) => message),
    ['no device can be given a certificate'],
  );
  await expectFailure(connector, device('a'), /the certificate of the CA that mints expired at/);
  const nameless = { ...peer, identity: { clientId: '', isProven: true } };
  await expectFailure(connectorTo(context, broker.port), nameless, /the device presents none of fleet\.identity/);
  assert.equal(broker.connections.total, 0);
  assert.equal(connector.brokerLife('legacy').failedMs, undefined);
});

test('a reload takes another CA for later dials, and refuses one whose key does not fit', async (context) => {
  const broker = await startDeviceBroker(context);
  const { connector } = createConnector(context, brokerOptions(broker.port));
  const other = mintCertificateAuthority('Other CA', { key: 'rsa2048' });
  const material = { ca: brokerCa.certificate, servername: 'broker.test' };
  const reload = (key: string) =>
    connector.reload({ legacy: { ...material, mintingCa: { cert: other.certificate, key } } });
  assert.throws(() => reload(ca.key), /Broker legacy: cannot mint certificates: expected the private key of the CA/);
  await visit(connector, device('a'));
  reload(other.key);
  await visit(connector, device('a'));
  assert.deepEqual(
    broker.shown.map(({ issuer }) => issuer.CN),
    ['Gateway CA', 'Other CA'],
  );
});

function brokerOptions(port: number): Partial<UpstreamBrokerOptions> & Pick<UpstreamBrokerOptions, 'endpoints'> {
  return {
    endpoints: [{ host: '127.0.0.1', port, tls: true }],
    tls: { ca: brokerCa.certificate, servername: 'broker.test', mintingCa },
    identityMode: 'device-certificate',
    deviceCertificate: terms,
  };
}

function connectorTo(context: TestContext, port: number, more: Partial<UpstreamBrokerOptions> = {}): UpstreamConnector {
  return createConnector(context, { ...brokerOptions(port), ...more }).connector;
}

async function startDeviceBroker(context: TestContext) {
  const shown: ReturnType<TLSSocket['getPeerCertificate']>[] = [];
  const resumed: boolean[] = [];
  const names: unknown[] = [];
  const alpn: unknown[] = [];
  const options = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['x-amzn-mqtt-ca', 'mqtt'] };
  const broker = await startTlsBroker(context, options, (socket) => {
    shown.push(socket.getPeerCertificate());
    resumed.push(socket.isSessionReused());
    names.push((socket as TLSSocket & { servername?: unknown }).servername);
    alpn.push(socket.alpnProtocol);
    // With TLS 1.3 the client has read its ticket when it has read this.
    socket.end('hello');
  });
  return { ...broker, shown, resumed, names, alpn };
}

async function visit(connector: UpstreamConnector, who: UpstreamDevice): Promise<void> {
  const connected = await connector.connect(createRequest({ device: who }));
  if (!connected.ok) assert.fail(connected.error.message);
  const { socket } = connected.value;
  socket.resume();
  await once(socket, 'close');
}

async function expectFailure(connector: UpstreamConnector, who: UpstreamDevice, message: RegExp): Promise<void> {
  const connected = await connector.connect(createRequest({ device: who }));
  assert.ok(!connected.ok);
  assert.equal(connected.error.code, 'identity');
  assert.match(connected.error.message, message);
}
