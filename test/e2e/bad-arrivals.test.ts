import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { generate } from 'mqtt-packet';
import {
  type CertificateRequest,
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import { Device } from './device.ts';
import { FaultWorld } from './fault-world.ts';
import { meetListener } from './tls-meeting.ts';

const dayMs = 86_400_000;
const serverCa = mintCertificateAuthority('Server CA');
const deviceCa = mintCertificateAuthority('Device CA');
const otherCa = mintCertificateAuthority('Another CA');
const server = mintCertificate({
  ...{
    subject: { commonName: 'gateway' },
    ipAddresses: ['127.0.0.1'],
    extendedKeyUsage: ['serverAuth'],
    issuer: serverCa,
  },
});

function mintDevice(commonName: string, request: Partial<CertificateRequest> = {}): MintedCertificate {
  return mintCertificate({ subject: { commonName }, extendedKeyUsage: ['clientAuth'], issuer: deviceCa, ...request });
}

const good = mintDevice('meter-1');
const revoked = mintDevice('revoked');
const { issuer: _, ...unsigned } = { subject: { commonName: 'self-signed' }, issuer: undefined };
const past = { notBefore: new Date(Date.now() - 2 * dayMs), notAfter: new Date(Date.now() - dayMs) };

const bad: readonly { readonly name: string; readonly device?: MintedCertificate; readonly reason: string }[] = [
  { name: 'of another CA', device: mintDevice('stranger', { issuer: otherCa }), reason: 'untrusted' },
  { name: 'that has expired', device: mintDevice('late', past), reason: 'expired' },
  {
    name: 'not yet valid',
    device: mintDevice('early', { notBefore: new Date(Date.now() + dayMs) }),
    reason: 'notYetValid',
  },
  { name: 'that is revoked', device: revoked, reason: 'revoked' },
  {
    name: 'signed by itself',
    device: mintCertificate({ ...unsigned, extendedKeyUsage: ['clientAuth'] }),
    reason: 'selfSigned',
  },
  {
    name: 'for servers only',
    device: mintDevice('server', { extendedKeyUsage: ['serverAuth'] }),
    reason: 'missingClientAuth',
  },
  { name: 'that is missing', reason: 'missing' },
];

const tls = {
  certificates: [{ cert: 'server.pem', key: 'server.key' }],
  trustedCas: ['device-ca.pem'],
  crls: ['device-ca.crl'],
};
const world = await FaultWorld.start({
  sections: {
    fleet: {
      domain: 'mqtt.example.com',
      identity: ['mqtt.clientId'],
      salt: 'faults',
      clientIdPolicy: 'prefixed-by-common-name',
    },
    listeners: [
      { name: 'devices', bind: '127.0.0.1:0', tls },
      { name: 'open', bind: '127.0.0.1:0', tls: { ...tls, clientCertificates: 'optional' } },
    ],
  },
  prepare: async (directory) => {
    const files = {
      'server.pem': server.certificate,
      'server.key': server.key,
      'device-ca.pem': deviceCa.certificate,
      'device-ca.crl': mintCrl({ issuer: deviceCa, revoked: [revoked.serialNumber] }),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  },
});
const { gateway } = world;
after(() => world[Symbol.asyncDispose]());
const port = gateway.portOf('devices');
const ca = serverCa.certificate;

function meter(clientId: string, device = good): Promise<Device> {
  const secure = { ca, cert: device.certificate, key: device.key };
  return Device.connect({ clientId, to: `mqtts://127.0.0.1:${port}`, ...secure });
}

function refusals(reason: string): Promise<number> {
  return gateway.metric('crossfade_connections_refused_total', { listener: 'devices', reason });
}

for (const { name, device, reason } of bad) {
  test(`a client certificate ${name} is refused and counted; others are served`, async () => {
    await using witness = await meter('meter-1-witness');
    const count = () => gateway.metric('crossfade_client_certificates_refused_total', { reason });
    const before = { reason: await count(), refused: await refusals('certificate') };
    const meeting = await meetListener({ port, ca, ...(device === undefined ? {} : { device }) });
    assert.equal(meeting.outcome, 'refused');
    assert.deepEqual(
      { reason: await count(), refused: await refusals('certificate') },
      { reason: before.reason + 1, refused: before.refused + 1 },
    );
    await witness.echo();
    assert.equal(witness.closes, 0);
  });
}

/** Sends the bytes and resolves with what came back until the gateway closed. */
function sendGarbage(bytes: Buffer, isInTls: boolean): Promise<Buffer> {
  const secure = { host: '127.0.0.1', port, ca, cert: good.certificate, key: good.key };
  const socket = isInTls ? connectTls(secure) : connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => {});
    socket.once('close', () => resolve(Buffer.concat(received)));
    socket.once(isInTls ? 'secureConnect' : 'connect', () => socket.write(bytes));
  });
}

const huge = Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]);
const publish = generate({ cmd: 'publish', topic: 'a', payload: 'b', qos: 0, dup: false, retain: false });
const garbage = [
  { name: 'HTTP instead of TLS', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), isInTls: false, reason: 'tls' },
  { name: 'random bytes instead of TLS', bytes: Buffer.alloc(512, 0x5a), isInTls: false, reason: 'tls' },
  {
    name: 'HTTP instead of CONNECT',
    bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    isInTls: true,
    reason: 'not-connect',
  },
  { name: 'zeros instead of CONNECT', bytes: Buffer.alloc(64), isInTls: true, reason: 'not-connect' },
  { name: 'PUBLISH instead of CONNECT', bytes: publish, isInTls: true, reason: 'not-connect' },
  { name: 'a CONNECT that declares 256 MB', bytes: huge, isInTls: true, reason: 'packet-size' },
];

for (const { name, bytes, isInTls, reason } of garbage) {
  test(`${name} is closed at once and counted; others are served`, async () => {
    await using witness = await meter('meter-1-witness');
    const before = await refusals(reason);
    const startedMs = performance.now();
    const answer = await sendGarbage(bytes, isInTls);
    assert.ok(performance.now() - startedMs < 3_000);
    assert.ok(!answer.includes(Buffer.from([0x20, 0x02, 0x00, 0x00])), 'no CONNACK');
    assert.equal((await refusals(reason)) - before, 1);
    await witness.echo();
    assert.equal(witness.closes, 0);
  });
}

test('a client ID that is not bound to the certificate is refused in the words of its version, and counted', async () => {
  const secure = { to: `mqtts://127.0.0.1:${port}`, ca, cert: good.certificate, key: good.key };
  const refused = async (protocolVersion: 4 | 5) => {
    await using device = new Device({ ...secure, clientId: `pump-${protocolVersion}`, protocolVersion });
    await device.until('refused', () => device.closes > 0 || device.refusals.length > 0);
    return device.refusals;
  };
  // CONNACK 2: identifier rejected; MQTT 5: Client Identifier not valid.
  assert.deepEqual([await refused(4), await refused(5)], [[2], [0x85]]);
  await using bound = await meter('meter-1-valve');
  await bound.echo();
  const policy = 'prefixed-by-common-name';
  assert.equal(await gateway.metric('crossfade_client_id_policy_violations_total', { policy }), 2);
  assert.equal(await refusals('client-id'), 2);
});

test('under optional nobody has to show a certificate, and a bad one is refused all the same', async () => {
  const open = gateway.portOf('open');
  const badOne = bad[0]?.device;
  assert.ok(badOne !== undefined);
  assert.equal((await meetListener({ port: open, ca, device: badOne })).outcome, 'refused');
  const none = await gateway.metric('crossfade_tls_handshakes_total', { result: 'ok' });
  // Let in by TLS; the client ID policy has nothing to bind to and refuses it.
  assert.equal((await meetListener({ port: open, ca })).outcome, 'refused');
  assert.equal(await gateway.metric('crossfade_tls_handshakes_total', { result: 'ok' }), none + 1);
});
