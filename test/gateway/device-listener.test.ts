import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls';
import type { DeviceListenerSettings, GatewayLimits } from '../../src/gateway/gateway-ports.ts';
import { encodeProxyHeader } from '../../src/gateway/proxy-protocol.ts';
import {
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';
import { createListenerTls } from '../../src/tls/create-listener-tls.ts';
import type { ListenerTls } from '../../src/tls/listener-tls.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connectBytes, TestDevice } from './test-device.ts';
import { until } from './until.ts';

let deviceCa: MintedCertificate;
let server: MintedCertificate;
let meter: MintedCertificate;
let world: GatewayWorld;
const devices: TestDevice[] = [];
const balancers: Server[] = [];

before(() => {
  deviceCa = mintCertificateAuthority('Device CA');
  server = mintCertificate({ subject: { commonName: 'gateway' }, dnsNames: ['mqtt.example.com'], issuer: deviceCa });
  meter = mintCertificate({ subject: { commonName: 'meter-7' }, extendedKeyUsage: ['clientAuth'], issuer: deviceCa });
});

afterEach(async () => {
  for (const { socket } of devices.splice(0)) socket.destroy();
  for (const balancer of balancers.splice(0)) balancer.close();
  await world.stop();
});

function listenerTls(clientCertificates: 'required' | 'off' = 'required'): ListenerTls {
  return createListenerTls(
    {
      name: 'devices',
      clientCertificates,
      tolerate: [],
      crlStale: 'allow',
      minVersion: 'TLSv1.2',
      alpn: ['mqtt'],
      ticketSecret: 'test',
      ticketRotationMs: 3_600_000,
    },
    { certificates: [{ cert: server.certificate, key: server.key }], trustedCas: [deviceCa.certificate], crls: [] },
    Date.now(),
  );
}

async function startWorld(
  listener: Partial<DeviceListenerSettings>,
  limits: Partial<GatewayLimits> = {},
): Promise<void> {
  world = await createGatewayWorld({ listener, limits });
}

async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TestDevice> {
  const identity = { cert: meter.certificate, key: meter.key };
  const device = await TestDevice.dialTls({ port, servername: 'mqtt.example.com', ...identity, ...options });
  devices.push(device);
  return device;
}

async function dialTcp(port: number): Promise<TestDevice> {
  const device = await TestDevice.dial(port);
  devices.push(device);
  return device;
}

describe('a TLS listener', () => {
  it('passes the certificate and the TLS version on', async () => {
    await startWorld({ tls: listenerTls() });
    const device = await dialTls(world.port, { ALPNProtocols: ['mqtt'] });
    device.connect('meter-7-a');
    await device.inbox.packet('connack');
    const { commonName, certificateVerified, tlsVersion, remoteAddress } = world.dials[0]?.device ?? {};
    assert.deepEqual([commonName, certificateVerified, tlsVersion], ['meter-7', true, 'TLSv1.3']);
    assert.equal(remoteAddress, '127.0.0.1');
    assert.equal(
      await metricValue(world.metrics.tlsHandshakes, { version: 'TLSv1.3', resumed: 'false', result: 'ok' }),
      1,
    );
    assert.equal(await metricValue(world.metrics.clientIdPolicyViolations, { policy: 'any' }), 0);
    const other = await dialTls(world.port);
    other.connect('somebody-else');
    await other.inbox.packet('connack');
    assert.equal(await metricValue(world.metrics.clientIdPolicyViolations, { policy: 'any' }), 1);
  });

  it('closes on garbage instead of TLS, and on garbage behind TLS', async () => {
    await startWorld({ tls: listenerTls() });
    const garbage = await dialTcp(world.port);
    garbage.socket.write('not TLS at all, by any measure\r\n\r\n');
    await garbage.inbox.closed();
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'tls' }), 1);
    const behind = await dialTls(world.port);
    behind.socket.write('GET / HTTP/1.1\r\n\r\n');
    await behind.inbox.closed();
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'not-connect' }), 1);
    await until(() => world.gateway.counts().connections === 0);
  });

  it('cuts a handshake that does not end, though its bytes trickle in', async () => {
    await startWorld({ tls: listenerTls() }, { tlsHandshakeMs: 400 });
    const device = await dialTcp(world.port);
    const trickle = setInterval(() => device.socket.write(Buffer.from([0x16])), 50);
    device.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x10, 0x00]));
    await device.inbox.closed();
    clearInterval(trickle);
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'timeout' }), 1);
  });

  it('closes on a missing and on an untrusted certificate, and says why in the metric', async () => {
    await startWorld({ tls: listenerTls() });
    const stranger = mintCertificate({ subject: { commonName: 'meter-7' }, extendedKeyUsage: ['clientAuth'] });
    for (const identity of [
      { cert: undefined, key: undefined },
      { cert: stranger.certificate, key: stranger.key },
    ]) {
      const device = new TestDevice(await rawTls(world.port, identity));
      devices.push(device);
      device.connect('meter-7');
      await device.inbox.closed();
      assert.equal(device.inbox.bytes, 0);
    }
    assert.equal(await metricValue(world.metrics.clientCertificatesRefused, { reason: 'missing' }), 1);
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'certificate' }), 2);
    assert.equal(world.dials.length, 0);
  });
});

const header = encodeProxyHeader({
  source: { address: '192.0.2.77', port: 4711 },
  destination: { address: '198.51.100.1', port: 8883 },
  certificateVerified: false,
});

describe('a listener behind a load balancer', () => {
  for (const [name, split] of [
    ['in one chunk with what follows', false],
    ['byte by byte', true],
  ] as const) {
    it(`reads a PROXY header ${name}, then TLS, with SNI, ALPN and resumption`, async () => {
      await startWorld({ tls: listenerTls(), sendsProxyProtocol: (ip) => ip === '127.0.0.1' });
      const port = await startBalancer(world.port, split);
      const device = await dialTls(port, { ALPNProtocols: ['mqtt'] });
      assert.ok(device.socket instanceof TLSSocket);
      assert.equal(device.socket.alpnProtocol, 'mqtt');
      const session = once(device.socket, 'session');
      device.connect('meter-7');
      await device.inbox.packet('connack');
      const { remoteAddress, remotePort, localAddress, commonName } = world.dials[0]?.device ?? {};
      assert.deepEqual(
        [remoteAddress, remotePort, localAddress, commonName],
        ['192.0.2.77', 4711, '198.51.100.1', 'meter-7'],
      );
      const again = await dialTls(port, { session: (await session)[0] });
      assert.ok(again.socket instanceof TLSSocket && again.socket.isSessionReused());
      again.connect('meter-7-again');
      await again.inbox.packet('connack');
      assert.equal(world.dials[1]?.device.commonName, 'meter-7');
    });
  }

  it('reads a PROXY header before plain MQTT', async () => {
    await startWorld({ sendsProxyProtocol: () => true });
    const device = await dialTcp(world.port);
    device.socket.write(Buffer.concat([header, connectBytes('meter-7')]));
    await device.inbox.packet('connack');
    assert.equal(world.dials[0]?.device.remoteAddress, '192.0.2.77');
  });

  it('requires the header from its peers, within the deadline', async () => {
    await startWorld({ sendsProxyProtocol: () => true }, { tlsHandshakeMs: 300 });
    const without = await dialTcp(world.port);
    without.connect('meter-7');
    const silent = await dialTcp(world.port);
    await Promise.all([without.inbox.closed(), silent.inbox.closed()]);
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'proxy-header' }), 1);
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'timeout' }), 1);
    assert.equal(world.dials.length, 0);
    await until(() => world.gateway.counts().connections === 0);
  });
});

/** A TLS socket that may be refused right behind its handshake, so that nobody waits for its success. */
async function rawTls(port: number, identity: { cert: string | undefined; key: string | undefined }): Promise<Socket> {
  const raw = connect({ port, host: '127.0.0.1' });
  await once(raw, 'connect');
  const { cert, key } = identity;
  return connectTls({
    socket: raw,
    rejectUnauthorized: false,
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
}

/** Sends the PROXY header before a client's first bytes: in the same chunk, or all of it byte by byte. */
async function startBalancer(port: number, split: boolean): Promise<number> {
  const balancer = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
    upstream.pipe(client);
    client.once('data', (first: Buffer) => {
      const bytes = Buffer.concat([header, first]);
      void sendAll(upstream, bytes, split).then(() => client.pipe(upstream));
      client.pause();
    });
  });
  balancers.push(balancer);
  balancer.listen(0, '127.0.0.1');
  await once(balancer, 'listening');
  const address = balancer.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function sendAll(socket: Socket, bytes: Buffer, split: boolean): Promise<void> {
  if (!split) {
    socket.write(bytes);
    return;
  }
  for (const byte of bytes.subarray(0, 60)) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(bytes.subarray(60));
}
