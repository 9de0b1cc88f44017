import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../src/tls/crl-minting.ts';
import type { ListenerTlsMaterial, ListenerTlsPolicy } from '../../src/tls/listener-tls.ts';
import { nextRotation, type TicketScope, ticketKeys } from '../../src/tls/ticket-keys.ts';
import { crl, dayMs, deviceCa, material, mintDevice, mintServer, policy, server, TlsWorld } from './tls-world.ts';

const device = mintDevice();
const otherCa = mintCertificateAuthority('Other CA');
const plant = mintServer('*.plant.example.com');
const emptyCrl = mintCrl({ issuer: deviceCa });

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version };

  test(`tickets: two servers of one secret resume each other's sessions, ${version}`, async () => {
    await using first = await TlsWorld.start(policy());
    await using second = await TlsWorld.start(policy());
    const { session, isReused } = await first.meet(device, only);
    assert.equal(isReused, false);
    const again = await second.meet(device, { ...only, session });
    assert.equal(again.isReused, true);
    assert.equal(again.judgement.accepted && again.judgement.certificate?.commonName, 'meter-7');
  });

  const others: readonly (readonly [string, Partial<ListenerTlsPolicy>, Partial<ListenerTlsMaterial>])[] = [
    ['listener name', { name: 'other' }, {}],
    ['secret', { ticketSecret: 'another' }, {}],
    ['tolerance', { tolerate: ['expired'] }, {}],
    ['mode', { clientCertificates: 'optional' }, {}],
    ['CA set', {}, { trustedCas: [deviceCa.certificate, otherCa.certificate] }],
    ['CRL', {}, { crls: crl(emptyCrl) }],
  ];
  for (const [name, changedPolicy, changedMaterial] of others) {
    test(`tickets: another ${name} means a full handshake, ${version}`, async () => {
      await using first = await TlsWorld.start(policy());
      await using second = await TlsWorld.start(policy(changedPolicy), material(changedMaterial));
      const { session } = await first.meet(device, only);
      assert.equal((await first.meet(device, { ...only, session })).isReused, true);
      assert.equal((await second.meet(device, { ...only, session })).isReused, false);
    });
  }

  test(`tickets: work for every SNI name and without one, ${version}`, async () => {
    const certificates = [
      { cert: server.certificate, key: server.key },
      { cert: plant.certificate, key: plant.key },
    ];
    await using world = await TlsWorld.start(policy(), material({ certificates }));
    for (const servername of ['mqtt.example.com', 'a.plant.example.com', '']) {
      const options = { ...only, servername, checkServerIdentity: () => undefined };
      const { session, isReused } = await world.meet(device, options);
      assert.equal(isReused, false, servername);
      const again = await world.meet(device, { ...options, session });
      assert.equal(again.isReused, true, servername);
      assert.equal(again.judgement.accepted && again.judgement.certificate?.commonName, 'meter-7');
    }
  });

  test(`tickets: a reload keeps them as long as the trust is the same, ${version}`, async () => {
    await using world = await TlsWorld.start(policy());
    const { session } = await world.meet(device, only);
    const renewed = mintServer('mqtt.example.com', 'renewed.example.com');
    const certificates = [{ cert: renewed.certificate, key: renewed.key }];
    world.listener.reload(material({ certificates }), world.nowMs);
    assert.equal((await world.meet(device, { ...only, session })).isReused, true);
    world.listener.reload(material({ certificates, crls: crl(emptyCrl) }), world.nowMs);
    assert.equal((await world.meet(device, { ...only, session })).isReused, false);
  });

  test(`tickets: end with their rotation period, ${version}`, async () => {
    await using world = await TlsWorld.start(policy());
    const boundary = world.listener.rotate(world.nowMs);
    assert.equal(boundary % policy().ticketRotationMs, 0);
    const { session } = await world.meet(device, only);
    world.listener.rotate(boundary - 1);
    assert.equal((await world.meet(device, { ...only, session })).isReused, true);
    assert.equal(world.listener.rotate(boundary), boundary + policy().ticketRotationMs);
    assert.equal((await world.meet(device, { ...only, session })).isReused, false);
  });

  test(`resumption: expiry counts on a resumed session, ${version}`, async () => {
    await using world = await TlsWorld.start(policy());
    const { session } = await world.meet(device, only);
    world.nowMs += 400 * dayMs;
    const again = await world.meet(device, { ...only, session });
    assert.equal(again.isReused, true);
    assert.deepEqual(again.judgement, { accepted: false, reasons: ['expired'] });
  });

  test(`resumption: a session of a revoked device is not accepted, ${version}`, async () => {
    await using world = await TlsWorld.start(policy(), material({ crls: crl(emptyCrl) }));
    const { session } = await world.meet(device, only);
    assert.equal((await world.meet(device, { ...only, session })).isReused, true);
    const revoking = mintCrl({ issuer: deviceCa, revoked: [device.serialNumber] });
    world.listener.reload(material({ crls: crl(revoking) }), world.nowMs);
    const again = await world.meet(device, { ...only, session });
    assert.deepEqual(again.judgement, { accepted: false, reasons: ['revoked'] });
  });

  test(`resumption: what was refused stays refused, what was tolerated stays tolerated, ${version}`, async () => {
    const expired = mintDevice({ notBefore: new Date(Date.now() - 2 * dayMs), notAfter: new Date(Date.now() - dayMs) });
    for (const tolerate of [[], ['expired']] as const) {
      await using world = await TlsWorld.start(policy({ tolerate }));
      const { session, judgement } = await world.meet(expired, only);
      const again = await world.meet(expired, { ...only, session });
      assert.equal(again.isReused, true);
      assert.deepEqual(again.judgement, judgement);
      assert.equal(judgement.accepted, tolerate.length > 0);
    }
  });

  test(`resumption: a certificate that became valid meanwhile is accepted, ${version}`, async () => {
    const early = mintDevice({ notBefore: new Date(Date.now() + dayMs) });
    await using world = await TlsWorld.start(policy());
    const { session, judgement } = await world.meet(early, only);
    assert.deepEqual(judgement, { accepted: false, reasons: ['notYetValid'] });
    world.nowMs += 2 * dayMs;
    const again = await world.meet(early, { ...only, session });
    assert.equal(again.isReused, true);
    assert.equal(again.judgement.accepted && again.judgement.certificate?.commonName, 'meter-7');
  });

  test(`resumption: behind an unlisted intermediate, only where its chain was seen, ${version}`, async () => {
    const intermediate = mintCertificateAuthority('Line 4', { issuer: deviceCa });
    const past = { notBefore: new Date(Date.now() - 2 * dayMs), notAfter: new Date(Date.now() - dayMs) };
    const chain = intermediate.certificate;
    const tolerant = policy({ tolerate: ['expired'] });
    await using first = await TlsWorld.start(tolerant);
    await using second = await TlsWorld.start(tolerant);
    for (const behind of [mintDevice({ issuer: intermediate }), mintDevice({ issuer: intermediate, ...past })]) {
      await first.meet(behind, { ...only, chain });
      const { session } = await first.meet(behind, { ...only, chain });
      const again = await first.meet(behind, { ...only, chain, session });
      assert.equal(again.isReused, true);
      assert.equal(again.judgement.accepted, true);
      const elsewhere = await second.meet(behind, { ...only, chain, session });
      assert.equal(elsewhere.isReused, false);
      assert.equal(elsewhere.judgement.accepted, true);
    }
  });
}

test('ticketKeys: the same for every gateway within a period, whatever the order of CAs; 48 octets', () => {
  const scope: TicketScope = { policy: policy(), authorities: ['a', 'b'], revocation: '', processNonce: '' };
  const start = 1_000 * scope.policy.ticketRotationMs;
  const keys = ticketKeys(scope, start);
  assert.equal(keys.length, 48);
  assert.deepEqual(ticketKeys({ ...scope, authorities: ['b', 'a'] }, nextRotation(scope.policy, start) - 1), keys);
  assert.notDeepEqual(ticketKeys(scope, nextRotation(scope.policy, start)), keys);
  assert.notDeepEqual(ticketKeys({ ...scope, processNonce: 'x' }, start), keys);
});
