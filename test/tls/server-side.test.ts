import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { createListenerTls, describeHandshake } from '../../src/tls/create-listener-tls.ts';
import { crl, dayMs, material, mintDevice, mintServer, policy, server, serverCa, TlsWorld } from './tls-world.ts';

const device = mintDevice();
const plant = mintServer('*.plant.example.com', 'Plant.Example.com');
const named = mintCertificate({ subject: { commonName: 'old.example.com' }, issuer: serverCa });
const twoCertificates = [server, plant, named].map(({ certificate, key }) => ({ cert: certificate, key }));
const anyName = { checkServerIdentity: () => undefined };

const offers: readonly (readonly [string, string[] | undefined, string | false])[] = [
  ['none', undefined, false],
  ['a known one', ['mqtt'], 'mqtt'],
  ['the other known one', ['x-amzn-mqtt-ca'], 'x-amzn-mqtt-ca'],
  ['an unknown one', ['h2'], 'h2'],
  ['unknown ones', ['h3', 'h2'], 'h3'],
  ['a known one behind an unknown one', ['h2', 'mqtt'], 'mqtt'],
  ['both known ones', ['mqtt', 'x-amzn-mqtt-ca'], 'x-amzn-mqtt-ca'],
];

test('ALPN: accepted when offered, never required', async (t) => {
  for (const alpn of [['x-amzn-mqtt-ca', 'mqtt'], []]) {
    await using world = await TlsWorld.start(policy({ alpn }));
    for (const [name, offer, chosen] of offers) {
      await t.test(`${name}, listener with ${alpn.length}`, async () => {
        const encounter = await world.meet(device, offer === undefined ? {} : { ALPNProtocols: offer });
        assert.equal(encounter.alpnProtocol, alpn.length > 0 || offer === undefined ? chosen : offer[0]);
        assert.equal(encounter.judgement.accepted, true);
      });
    }
  }
});

const names: readonly (readonly [string, string | undefined])[] = [
  ['', server.certificate],
  ['mqtt.example.com', server.certificate],
  ['nobody.example.com', server.certificate],
  ['plant.example.com', plant.certificate],
  ['A.PLANT.example.COM', plant.certificate],
  ['a.b.plant.example.com', server.certificate],
  ['old.example.com', named.certificate],
];

test('SNI: the certificate of the name, else the first', async (t) => {
  await using world = await TlsWorld.start(policy(), material({ certificates: twoCertificates }));
  for (const [servername, expected] of names) {
    await t.test(servername === '' ? 'no name' : servername, async () => {
      const { client, encounter } = await world.stay(device, { servername, ...anyName });
      assert.equal(client.getPeerX509Certificate()?.toString(), expected);
      assert.equal(encounter.judgement.accepted, true);
      client.destroy();
    });
  }
});

test('reload: new certificates for new connections, live ones go on', async () => {
  await using world = await TlsWorld.start(policy());
  const { client, serverSocket } = await world.stay(device);
  const renewed = mintServer('mqtt.example.com', 'renewed.example.com');
  const certificates = [renewed, plant].map(({ certificate, key }) => ({ cert: certificate, key }));
  world.listener.reload(material({ certificates }), world.nowMs);
  const after = await world.meet(device);
  assert.equal(after.serverNames, 'DNS:mqtt.example.com, DNS:renewed.example.com');
  assert.equal(after.judgement.accepted, true);
  const byName = await world.meet(device, { servername: 'plant.example.com', ...anyName });
  assert.equal(byName.serverNames, 'DNS:*.plant.example.com, DNS:Plant.Example.com');
  client.write('still here');
  const [received] = await once(serverSocket, 'data');
  assert.equal(String(received), 'still here');
  client.destroy();
});

test('reload: trust is swapped with the certificates', async () => {
  const newCa = mintCertificateAuthority('New device CA');
  const newDevice = mintDevice({ issuer: newCa });
  await using world = await TlsWorld.start(policy());
  assert.deepEqual((await world.meet(newDevice)).judgement, { accepted: false, reasons: ['untrusted'] });
  world.listener.reload(material({ trustedCas: [newCa.certificate] }), world.nowMs);
  assert.equal((await world.meet(newDevice)).judgement.accepted, true);
  assert.deepEqual((await world.meet(device)).judgement, { accepted: false, reasons: ['untrusted'] });
});

const wrongMaterials = [
  ['no certificate', { certificates: [] }, /expected at least one server certificate, got none/],
  ['another key', { certificates: [{ cert: server.certificate, key: plant.key }] }, /server certificate 1: .*key/],
  ['garbage', { certificates: [{ cert: 'x', key: 'y' }] }, /server certificate 1: expected a PEM certificate/],
  ['a CA file of garbage', { trustedCas: ['x'] }, /trusted CA file 1: expected a PEM certificate, got none/],
  ['no CA', { trustedCas: [] }, /clientCertificates required needs at least one trusted CA, got none/],
] as const;

for (const [name, changes, message] of wrongMaterials) {
  test(`material: ${name} is refused with a clear text, and a reload keeps what was`, async () => {
    const refusal = { name: 'CrossfadeError', code: 'tls-material', message };
    assert.throws(() => createListenerTls(policy(), material(changes), Date.now()), refusal);
    await using world = await TlsWorld.start(policy());
    assert.throws(() => world.listener.reload(material(changes), world.nowMs), refusal);
    assert.equal((await world.meet(device)).judgement.accepted, true);
  });
}

for (const version of ['TLSv1', 'TLSv1.1'] as const) {
  test(`${version}: only where the listener says so`, async () => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' };
    await using modern = await TlsWorld.start(policy());
    await assert.rejects(modern.meet(device, old));
    await using lenient = await TlsWorld.start(policy({ minVersion: version }));
    const { version: spoken, judgement } = await lenient.meet(device, old);
    assert.equal(spoken, version);
    assert.equal(judgement.accepted, true);
    assert.match(lenient.listener.warnings(Date.now()).join('\n'), new RegExp(`Listener devices: accepts ${version}`));
    const weak = mintDevice({ key: 'rsa1024', signatureHash: 'sha1' });
    const refused = await lenient.meet(weak);
    assert.deepEqual(refused.judgement, { accepted: false, reasons: ['weakKey', 'weakSignature'] });
  });
}

test('warnings and expiring: certificates that end within 30 days, under their use', () => {
  const ending = mintCertificate({
    subject: { commonName: 'mqtt.example.com' },
    issuer: serverCa,
    notAfter: new Date('2030-01-20T00:00:00Z'),
  });
  const certificates = [{ cert: ending.certificate, key: ending.key }];
  const listener = createListenerTls(policy(), material({ certificates, crls: crl(undefined) }), Date.now());
  assert.deepEqual(
    listener.expiring().find(({ use }) => use === 'devices/server/mqtt.example.com'),
    { use: 'devices/server/mqtt.example.com', expiresAt: Date.UTC(2030, 0, 20) },
  );
  assert.deepEqual(
    listener.expiring().map(({ use }) => use),
    ['devices/server/mqtt.example.com', 'devices/trusted-ca/Device CA'],
  );
  const texts = (wallMs: number) => listener.warnings(wallMs).filter((text) => text.includes('server/'));
  assert.deepEqual(texts(Date.UTC(2030, 0, 20) - 31 * dayMs), []);
  assert.deepEqual(texts(Date.UTC(2030, 0, 1)), [
    'Listener devices: devices/server/mqtt.example.com ends at 2030-01-20T00:00:00.000Z',
  ]);
  assert.deepEqual(texts(Date.UTC(2030, 0, 21)), [
    'Listener devices: devices/server/mqtt.example.com ended at 2030-01-20T00:00:00.000Z',
  ]);
});

test('describeHandshake: version and resumption', async () => {
  await using world = await TlsWorld.start(policy());
  const { client, serverSocket, encounter } = await world.stay(device);
  assert.deepEqual(describeHandshake(serverSocket), { version: 'TLSv1.3', resumed: false });
  client.destroy();
  const again = await world.stay(device, { session: encounter.session });
  assert.deepEqual(describeHandshake(again.serverSocket), { version: 'TLSv1.3', resumed: true });
  again.client.destroy();
});

test('renegotiation: refused, so that no other certificate follows the judgement', async () => {
  await using world = await TlsWorld.start(policy());
  const { client } = await world.stay(device, { maxVersion: 'TLSv1.2' });
  client.renegotiate({ rejectUnauthorized: false }, () => undefined);
  const [failure] = await once(client, 'error');
  assert.equal(failure.code, 'ERR_SSL_NO_RENEGOTIATION');
});
