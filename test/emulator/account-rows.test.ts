import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import {
  type MintedCertificate,
  type MintedKeyKind,
  mintCertificate,
  mintCertificateAuthority,
  type SignatureHash,
} from '../../src/tls/certificate-minting.ts';
import { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { allowAll, device as mintDevice, deviceCa } from './control-world.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The account's rows of facts 2.2 and 9, at the whole emulator. Its clock stands, so that a second's quota does not refill. */
suite('Rows of the account', { timeout: 60_000 }, () => {
  const devices: WireDevice[] = [];
  const events: Fields[] = [];
  let emulator: AwsIotEmulator;
  before(async () => {
    const nowMs = Date.now();
    emulator = await startAwsIotEmulator({
      connectsPerSecondPerClientId: Number.POSITIVE_INFINITY,
      nowMs: () => nowMs,
      pubackOrder: 'in-order',
      pubackWaitMs: 0,
    });
    emulator.dataPlane.onAccepted(({ topic, payload }) => {
      if (topic.startsWith('$aws/events/')) events.push({ topic, ...JSON.parse(payload.toString()) });
    });
    await call('POST', '/policies/all', { policyDocument: allowAll });
  });
  after(async () => {
    for (const { socket } of devices) socket.destroy();
    await emulator.stop();
  });

  async function send(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    const given = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${emulator.control}${path}`, { method, headers, ...given });
    const text = await answer.text();
    const document = text === '' ? {} : (JSON.parse(text) as Fields);
    return { status: answer.status, exception: answer.headers.get('x-amzn-errortype'), document };
  }

  async function call(...parameters: Parameters<typeof send>): Promise<Fields> {
    const { status, document } = await send(...parameters);
    assert.equal(status, 200, JSON.stringify(document));
    return document;
  }

  async function refused(exception: string, status: number, ...parameters: Parameters<typeof send>): Promise<void> {
    const answer = await send(...parameters);
    assert.deepEqual([answer.status, answer.exception], [status, exception], JSON.stringify(answer.document));
  }

  async function registered(minted: MintedCertificate): Promise<string> {
    const body = { certificatePem: minted.certificate, status: 'ACTIVE' };
    return String((await call('POST', '/certificate/register-no-ca', body))['certificateArn']);
  }

  async function admitted(minted: MintedCertificate): Promise<string> {
    const target = await registered(minted);
    await call('PUT', '/target-policies/all', { target });
    return target;
  }

  async function dial(version: WireVersion, minted: MintedCertificate, tls: ConnectionOptions = {}) {
    const { certificate: cert, key } = minted;
    const whole = { ca: emulator.caPem, servername: 'localhost', cert, key, ...tls };
    const device = await WireDevice.dial({ port: emulator.mqtts, tls: whole }, version);
    devices.push(device);
    return device;
  }

  /** Its CONNECT is answered by nothing but the end. */
  async function closedSilently(device: WireDevice, clientId: string): Promise<void> {
    device.sendBytes(device.connectBytes(clientId));
    await device.closed();
    assert.deepEqual(device.packets, []);
    assert.deepEqual(eventsOf(clientId), []);
  }

  const eventsOf = (clientId: string) => events.filter(({ topic }) => String(topic).endsWith(`/${clientId}`));
  const eventOf = (clientId: string, type: string) => eventsOf(clientId).find(({ eventType }) => eventType === type);

  /** The ID of the CA that registers what it issued; made at the first call. */
  let authority: Promise<string> | undefined;
  function fleetAuthority(): Promise<string> {
    const body = { caCertificate: deviceCa.certificate, certificateMode: 'SNI_ONLY' };
    const path = '/cacertificate?setAsActive=true&allowAutoRegistration=true';
    authority ??= call('POST', path, body).then(({ certificateId }) => String(certificateId));
    return authority;
  }

  test('2.2 Policies per certificate: 10; policy doc 2,048 chars; 5 versions; 2 policies per thing group', async () => {
    const target = await registered(mintDevice());
    const { thingGroupArn } = await call('POST', '/thing-groups/group', {});
    for (let count = 1; count <= 11; count += 1) {
      await call('POST', `/policies/p${count}`, { policyDocument: allowAll });
      const attach = ['PUT', `/target-policies/p${count}`, { target }] as const;
      const attachToGroup = ['PUT', `/target-policies/p${count}`, { target: thingGroupArn }] as const;
      if (count <= 10) await call(...attach);
      else await refused('LimitExceededException', 410, ...attach);
      if (count <= 2) await call(...attachToGroup);
      else await refused('LimitExceededException', 410, ...attachToGroup);
    }
    const long = JSON.stringify({ ...(JSON.parse(allowAll) as object), Id: 'x'.repeat(2_048) });
    await refused('MalformedPolicyException', 400, 'POST', '/policies/long', { policyDocument: long });
    for (let count = 2; count <= 5; count += 1)
      await call('POST', '/policies/p1/version', { policyDocument: allowAll });
    await refused('VersionsLimitExceededException', 409, 'POST', '/policies/p1/version', { policyDocument: allowAll });
  });

  test('2.2 CAs with same subject per account+Region: 10', async () => {
    for (let count = 1; count <= 11; count += 1) {
      const caCertificate = mintCertificateAuthority('Ten of a kind').certificate;
      const register = ['POST', '/cacertificate', { caCertificate, certificateMode: 'SNI_ONLY' }] as const;
      if (count <= 10) await call(...register);
      else await refused('LimitExceededException', 410, ...register);
    }
  });

  test('2.2 Custom authorizers: 10 per account', async () => {
    for (let count = 1; count <= 11; count += 1) {
      const body = { authorizerFunctionArn: 'arn:aws:lambda:eu-central-1:1:function:f', signingDisabled: true };
      if (count <= 10) await call('POST', `/authorizer/a${count}`, body);
      else await refused('LimitExceededException', 410, 'POST', `/authorizer/a${count}`, body);
    }
  });

  test('2.2 Rules per account: 1,000; 10 actions/rule; rule size 256 KB', async () => {
    const action = { republish: { roleArn: 'arn:aws:iam::123456789012:role/r', topic: 'a' } };
    const rule = (actions: number, sql = "SELECT * FROM 'rules/x'") => ({ sql, actions: Array(actions).fill(action) });
    await refused('InvalidRequestException', 400, 'POST', '/rules/eleven', rule(11));
    const large = `SELECT * FROM 'rules/x' WHERE a = '${'x'.repeat(262_144)}'`;
    await refused('LimitExceededException', 410, 'POST', '/rules/large', rule(0, large));
    for (let count = 1; count <= 1_000; count += 1) await call('POST', `/rules/r${count}`, rule(count === 1 ? 10 : 0));
    await refused('LimitExceededException', 410, 'POST', '/rules/r1001', rule(0));
  });

  for (const version of [4, 5] as const) {
    test(`9 Client ID not a legal thing name, MQTT ${version}: association fails, EXCLUSIVE_THING names the thing`, async () => {
      const minted = mintDevice();
      const principal = await admitted(minted);
      const thing = `pump-${version}`;
      const path = `/things/${thing}/principals`;
      await call('POST', `/things/${thing}`, {});
      await call('PUT', path, undefined, { 'x-amzn-principal': principal });
      const clientId = `pump no. ${version}`;
      await (await dial(version, minted)).connect(clientId);
      assert.equal(eventOf(clientId, 'connected')?.['thingName'], undefined);
      await call('DELETE', path, undefined, { 'x-amzn-principal': principal });
      await call('PUT', `${path}?thingPrincipalType=EXCLUSIVE_THING`, undefined, { 'x-amzn-principal': principal });
      await (await dial(version, minted)).connect(`${clientId}, again`);
      assert.equal(eventOf(`${clientId}, again`, 'connected')?.['thingName'], thing);
    });

    test(`9 Per-device attribution, MQTT ${version}: the certificate's ID in lifecycle events`, async () => {
      const minted = mintDevice();
      const principal = await admitted(minted);
      const clientId = `attributed-${version}`;
      const device = await dial(version, minted);
      await device.connect(clientId);
      await device.disconnect();
      const id = principal.slice(principal.lastIndexOf('/') + 1);
      assert.deepEqual(
        eventsOf(clientId).map(({ eventType, principalIdentifier }) => [eventType, principalIdentifier]),
        [
          ['connected', id],
          ['disconnected', id],
        ],
      );
    });

    test(`9 No SNI + custom domain, MQTT ${version}: the endpoint's configuration is selected, another's name is served`, async () => {
      const minted = mintDevice();
      await admitted(minted);
      const domainName = `mqtt${version}.fleet.example`;
      const serverCertificateArns = ['arn:aws:acm:eu-central-1:123456789012:certificate/1'];
      await call('POST', `/domainConfigurations/fleet${version}`, { domainName, serverCertificateArns });
      const named = await dial(version, minted, { servername: domainName, checkServerIdentity: () => undefined });
      await named.connect(`named-${version}`);
      const unknown = { servername: 'elsewhere.example', checkServerIdentity: () => undefined };
      await closedSilently(await dial(version, minted, unknown), `elsewhere-${version}`);
      // Registered without its CA a certificate is SNI_ONLY.
      await closedSilently(await dial(version, minted, { servername: '' }), `nameless-${version}`);
    });

    for (const [name, request] of [
      ['SHA-1 cert', { signatureHash: 'sha1' }],
      ['RSA-1024', { key: 'rsa1024' }],
    ] as const satisfies readonly [string, { signatureHash?: SignatureHash; key?: MintedKeyKind }][]) {
      test(`9 ${name}, MQTT ${version}: refused, by the API and at its first contact`, async () => {
        await fleetAuthority();
        const issuer = deviceCa;
        const weak = mintCertificate({
          subject: { commonName: 'old' },
          extendedKeyUsage: ['clientAuth'],
          issuer,
          ...request,
        });
        await refused('CertificateValidationException', 400, 'POST', '/certificate/register-no-ca', {
          ...{ certificatePem: weak.certificate, status: 'ACTIVE' },
        });
        const before = emulator.account.certificates.size;
        const lax = { ciphers: 'DEFAULT@SECLEVEL=0' };
        await closedSilently(await dial(version, weak, lax), `weak-${version}-${name}`);
        assert.equal(emulator.account.certificates.size, before);
      });
    }
  }

  for (const [cipher, isTaken] of [
    ...(['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-SHA'] as const).map(
      (name) => [name, true] as const,
    ),
    ...(['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-CCM', 'ECDHE-ECDSA-ARIA128-GCM-SHA256'] as const).map(
      (name) => [name, false] as const,
    ),
  ]) {
    test(`9 weak ciphers: ${cipher} in TLS 1.2 is ${isTaken ? 'taken' : 'refused'}, with and without SNI`, async () => {
      for (const servername of ['localhost', '']) {
        const options = { ciphers: cipher, maxVersion: 'TLSv1.2', rejectUnauthorized: false } as const;
        const socket = connectTls({ host: '127.0.0.1', port: emulator.mqtts, servername, ...options });
        if (isTaken) await once(socket, 'secureConnect');
        else await assert.rejects(once(socket, 'secureConnect'), /handshake failure/);
        socket.destroy();
      }
    });
  }

  test('9 TLS 1.0/1.1, weak ciphers: a domain of the policy TLS13_1_3 closes on TLS 1.2, before CONNECT', async () => {
    const minted = mintDevice();
    await admitted(minted);
    const domainName = 'strict.fleet.example';
    await call('POST', '/domainConfigurations/strict', {
      ...{ domainName, serverCertificateArns: ['arn:aws:acm:eu-central-1:123456789012:certificate/2'] },
      tlsConfig: { securityPolicy: 'IoTSecurityPolicy_TLS13_1_3_2022_10' },
    });
    const tls = { servername: domainName, checkServerIdentity: () => undefined };
    await (await dial(4, minted, tls)).connect('strict-3');
    const { refusals } = emulator.broker;
    const before = refusals.count('handshake-refused');
    // The end may overtake the last message of the handshake.
    const old = await dial(4, minted, { ...tls, maxVersion: 'TLSv1.2' }).catch(() => undefined);
    await old?.closed();
    assert.deepEqual(old?.packets ?? [], []);
    assert.equal(refusals.count('handshake-refused'), before + 1);
  });

  test('9 Cert chain/pinned server CA on devices: an own server certificate is shown', async (t) => {
    const authority = mintCertificateAuthority('Pinned CA');
    const server = mintCertificate({
      subject: { commonName: 'localhost' },
      dnsNames: ['localhost'],
      issuer: authority,
    });
    const pem = { cert: server.certificate, key: server.key, ca: authority.certificate };
    const pinned = await startAwsIotEmulator({ server: pem });
    t.after(() => pinned.stop());
    const options = { host: '127.0.0.1', port: pinned.mqtts, servername: 'localhost' };
    const trusting = connectTls({ ...options, ca: authority.certificate });
    await once(trusting, 'secureConnect');
    trusting.destroy();
    await assert.rejects(once(connectTls({ ...options, ca: emulator.caPem }), 'secureConnect'));
  });

  // Last, for it leaves nothing of the quota.
  test('2.2 Device certs auto/registered per s: 15: the sixteenth is not registered, all are closed without CONNACK', async () => {
    const authority = await fleetAuthority();
    const topic = `$aws/events/certificates/registered/${authority}`;
    for (let count = 1; count <= 16; count += 1) {
      await closedSilently(await dial(4, mintDevice(`meter-${count}`)), `first-${count}`);
    }
    assert.equal(events.filter((event) => event['topic'] === topic).length, 15);
    const { certificates } = await call('GET', `/certificates-by-ca/${authority}`);
    assert.equal((certificates as unknown[]).length, 15);
  });
});
