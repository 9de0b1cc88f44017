import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import { startMosquitto } from '../integration/mosquitto-broker.ts';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { FaultWorld } from './fault-world.ts';
import { GatewayProcess } from './gateway-process.ts';
import { meetListener, rememberSession } from './tls-meeting.ts';

const serverCa = mintCertificateAuthority('Server CA');
const deviceCa = mintCertificateAuthority('Device CA');
const good = mintCertificate({ subject: { commonName: 'good' }, extendedKeyUsage: ['clientAuth'], issuer: deviceCa });
const stolen = mintCertificate({
  subject: { commonName: 'stolen' },
  extendedKeyUsage: ['clientAuth'],
  issuer: deviceCa,
});

function mintServer() {
  return mintCertificate({
    ...{ subject: { commonName: 'gateway' }, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], issuer: serverCa },
    extendedKeyUsage: ['serverAuth'],
  });
}

async function writeServer(directory: string): Promise<string> {
  const { certificate, key, serialNumber } = mintServer();
  await writeFile(join(directory, 'server.pem'), certificate);
  await writeFile(join(directory, 'server.key'), key);
  return serialNumber;
}

const limits = { drainMs: 4_000, quiesceMs: 300 };
const sections = {
  limits,
  listeners: [
    { name: 'plain', bind: '127.0.0.1:0' },
    {
      name: 'devices',
      bind: '127.0.0.1:0',
      tls: {
        certificates: [{ cert: 'server.pem', key: 'server.key' }],
        trustedCas: ['device-ca.pem'],
        crls: ['device-ca.crl'],
      },
    },
  ],
};

let firstSerial = '';
const world = await FaultWorld.start({
  sections,
  prepare: async (directory) => {
    firstSerial = await writeServer(directory);
    await writeFile(join(directory, 'device-ca.pem'), deviceCa.certificate);
    await writeFile(join(directory, 'device-ca.crl'), mintCrl({ issuer: deviceCa }));
  },
});
after(() => world[Symbol.asyncDispose]());

const at = () => ({ port: world.gateway.portOf('devices'), ca: serverCa.certificate });

function secureDevice(clientId: string, { certificate, key } = good): Promise<Device> {
  return Device.connect({
    ...{ clientId, to: `mqtts://127.0.0.1:${at().port}`, ca: serverCa.certificate, cert: certificate, key },
  });
}

test('SIGHUP takes a new server certificate for new connections and keeps the live ones', async () => {
  await using live = await secureDevice('live');
  assert.equal((await meetListener({ ...at(), device: good })).serverSerial, firstSerial);
  const nextSerial = await writeServer(world.directory);
  world.gateway.process.kill('SIGHUP');
  // Each worker swaps for itself: all of many connections in a row show the new one.
  await eventually('the new certificate everywhere', async () => {
    const met = await Promise.all(Array.from({ length: 12 }, () => meetListener({ ...at(), device: good })));
    return met.every(({ serverSerial }) => serverSerial === nextSerial);
  });
  await live.echo('over the old certificate');
  assert.equal(live.closes, 0);
});

test('a certificate that cannot be read at SIGHUP changes nothing and is said', async () => {
  const was = await readFile(join(world.directory, 'server.pem'), 'utf8');
  const { serverSerial } = await meetListener({ ...at(), device: good });
  const from = world.gateway.process.lines.length;
  await writeFile(join(world.directory, 'server.pem'), 'no certificate at all');
  world.gateway.process.kill('SIGHUP');
  assert.match(await world.gateway.process.line(/A reload failed|keeps its old/, from), /certificate/);
  assert.equal((await meetListener({ ...at(), device: good })).serverSerial, serverSerial);
  await writeFile(join(world.directory, 'server.pem'), was);
});

test('a CRL that changes shuts a revoked device out, with a resumed TLS session too', async () => {
  const session = await rememberSession({ ...at(), device: stolen });
  assert.equal((await meetListener({ ...at(), device: stolen, session })).outcome, 'let in');
  const refusedBefore = await world.gateway.metric('crossfade_client_certificates_refused_total', {
    reason: 'revoked',
  });
  // The file is watched: no signal is needed.
  const crl = mintCrl({ issuer: deviceCa, revoked: [stolen.serialNumber] });
  await writeFile(join(world.directory, 'device-ca.crl'), crl);
  const isOut = async (options: { readonly session?: Buffer }) =>
    (await meetListener({ ...at(), device: stolen, ...options })).outcome === 'refused';
  await eventually('the revoked device is out', async () => {
    const tries = [isOut({}), isOut({ session }), isOut({}), isOut({ session }), isOut({}), isOut({ session })];
    return (await Promise.all(tries)).every(Boolean);
  });
  await using stays = await secureDevice('stays');
  await stays.echo();
  const refused = await world.gateway.metric('crossfade_client_certificates_refused_total', { reason: 'revoked' });
  assert.ok(refused >= refusedBefore + 6, `${refused} refusals were counted`);
});

test('SIGTERM drains: every device hears it, no will fires, and the gateway ends with 0 within the deadline', async () => {
  await using observer = await world.device('observer', { to: world.legacy.url });
  await observer.client.subscribeAsync('wills/#', { qos: 1 });
  const will = (name: string) => ({
    topic: `wills/${name}`,
    payload: Buffer.from('lost'),
    qos: 1 as const,
    retain: false,
  });
  await using five = await world.device('five', { protocolVersion: 5, will: will('five') });
  await using three = await world.device('three', { protocolVersion: 4, will: will('three') });
  await using old = await world.device('old', { protocolVersion: 3, protocolId: 'MQIsdp', will: will('old') });
  const startedMs = performance.now();
  world.gateway.process.kill('SIGTERM');
  await Promise.all([five.closed(), three.closed(), old.closed()]);
  assert.deepEqual(five.disconnectReasons, [0x8b]);
  assert.deepEqual([...three.refusals, ...old.refusals], []);
  const { code } = await world.gateway.process.exited;
  assert.equal(code, 0);
  assert.ok(performance.now() - startedMs < limits.drainMs + 3_000);
  for (const clientId of ['five', 'three', 'old']) {
    await world.legacy.logged(`Received DISCONNECT from ${clientId}`);
  }
  await world.device('nobody').then(
    () => assert.fail('a drained gateway let a device in'),
    () => {},
  );
  await observer.client.publishAsync('wills/none', 'after', { qos: 1 });
  await observer.received('after');
  assert.deepEqual(observer.payloads(), ['after']);
});

test('a second SIGTERM stops at once', async () => {
  await using broker = await startMosquitto();
  await using second = await FaultWorld.start({
    sections: { limits: { drainMs: 60_000, quiesceMs: 60_000 } },
    urls: ({ target }) => ({ legacy: broker.url, target: target.url }),
  });
  const { process: spawned } = second.gateway;
  await using device = await second.device('waits');
  await device.client.subscribeAsync('never/acknowledged', { qos: 1 });
  spawned.kill('SIGTERM');
  await spawned.line('Draining');
  const startedMs = performance.now();
  spawned.kill('SIGTERM');
  await device.closed();
  const { code } = await spawned.exited;
  const tookMs = performance.now() - startedMs;
  assert.deepEqual({ code, isQuick: tookMs < 6_000 }, { code: 0, isQuick: true }, `it took ${tookMs} ms`);
});

test('SIGTERM before anybody came ends it at once', async () => {
  const gateway = await GatewayProcess.start(world.directory);
  assert.equal((await gateway.status()).revision, 1);
  gateway.process.kill('SIGTERM');
  assert.deepEqual(await gateway.process.exited, { code: 0, signal: null });
  gateway.admin.close();
});
