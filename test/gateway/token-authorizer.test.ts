import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeUsername } from '../../src/gateway/authorizer-username.ts';
import { sessionEndEncoder } from '../../src/gateway/broker-credentials.ts';
import { type AuthorizerTerms, TokenAuthorizer } from '../../src/gateway/token-authorizer.ts';
import { defaultAlpn } from '../../src/gateway/upstream-alpn.ts';
import { profileNamed } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnect, type ConnectQuestion } from '../../src/mqtt/connect-adaptation.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { tokenKeyFault } from '../../src/tls/token-key.ts';
import { connectBytes } from './test-device.ts';
import { createConnector, device as peer } from './upstream-fixtures.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const nowMs = Date.UTC(2026, 10, 23);
const terms: AuthorizerTerms = { name: 'crossfade', tokenKeyName: 'token', tokenSeconds: 3_600, password: 'forward' };
const key = { kind: 'cn', key: 'söner/7' } as const;
const device = { ...peer, identity: { key, clientId: 'meter-7', isProven: true } };

function ask(clientId: string, options: Parameters<typeof connectBytes>[1] = {}): ConnectQuestion {
  const decoded = decodeConnect(connectBytes(clientId, options));
  assert.ok(decoded.ok);
  const profile = profileNamed('aws-iot-core');
  return {
    ...{ connect: decoded.value, profile, versions: profile.versions },
    ...{ generatedClientId: 'crossfade-generated', sessionExpired: false },
  };
}

async function usernameFor(question: ConnectQuestion, options: Partial<AuthorizerTerms> = {}) {
  const authorizer = new TokenAuthorizer({ ...terms, ...options }, privateKey, { wallMs: () => nowMs });
  const authorized = await authorizer.authorize(device, question);
  assert.ok(authorized.ok, 'authorized');
  const adapted = adaptConnect(authorized.value);
  assert.ok(adapted.ok);
  const sent = decodeConnect(adapted.value.packet);
  assert.ok(sent.ok);
  return { username: sent.value.username ?? '', connect: sent.value };
}

/** As AWS IoT Core reads it: the fields are behind the first `?`. */
function read(username: string) {
  const at = username.indexOf('?');
  const fields = new Map(
    username
      .slice(at + 1)
      .split('&')
      .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  );
  const token = fields.get('token') ?? '';
  return {
    user: username.slice(0, at),
    names: [...fields.keys()],
    authorizer: fields.get('x-amz-customauthorizer-name'),
    token,
    signature: Buffer.from(decodeURIComponent(fields.get('x-amz-customauthorizer-signature') ?? ''), 'base64'),
    content: JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as unknown,
  };
}

test('the username carries the authorizer, a token, and its signature, as documented', async () => {
  const { username, connect } = await usernameFor(ask('meter-7', { username: 'meter', password: Buffer.from('pw') }));
  const { user, names, authorizer, token, signature, content } = read(username);
  assert.deepEqual(names, ['x-amz-customauthorizer-name', 'x-amz-customauthorizer-signature', 'token']);
  assert.deepEqual([user, authorizer], ['meter', 'crossfade']);
  assert.deepEqual(content, { v: 1, ...key, clientId: 'meter-7', exp: nowMs / 1_000 + 3_600 });
  assert.ok(verify('sha256', Buffer.from(token), createPublicKey(privateKey), signature));
  assert.equal(connect.password?.reveal().toString(), 'pw');
});

test('no username of a device puts a field of its own into it, and none becomes another', async () => {
  const hostile = 'meter?x-amz-customauthorizer-name=open&token=forged%3F';
  const { user, names, authorizer } = read((await usernameFor(ask('meter-7', { username: hostile }))).username);
  assert.equal(authorizer, 'crossfade');
  assert.equal(names.length, 3);
  assert.equal(user, 'meter%3Fx-amz-customauthorizer-name=open&token=forged%253F');
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      assert.ok(!escapeUsername(one).includes('?'));
      if (one !== other) assert.notEqual(escapeUsername(other), escapeUsername(one));
    }),
  );
});

test('a password is left out where the configuration says so, and a username is there also without one', async () => {
  const omitted = await usernameFor(ask('a', { username: 'u', password: Buffer.from('pw') }), { password: 'omit' });
  assert.equal(omitted.connect.password, undefined);
  assert.equal(read((await usernameFor(ask('a'))).username).user, '');
});

test('the token names the client ID that AWS IoT Core sees: mapped where it must be, generated, or left out', async () => {
  const long = await usernameFor(ask('x'.repeat(200)));
  assert.equal((read(long.username).content as { clientId: string }).clientId, long.connect.clientId);
  assert.ok(long.connect.clientId.startsWith('h-'));
  const empty = await usernameFor(ask('', { protocolVersion: 5 }));
  assert.equal((read(empty.username).content as { clientId?: string }).clientId, empty.connect.clientId || undefined);
});

test('who has no key, or too long a one, gets no token', async () => {
  const authorizer = new TokenAuthorizer(terms, privateKey, { wallMs: () => nowMs });
  const nobody = { ...peer, identity: { clientId: '', isProven: true } };
  assert.deepEqual(await authorizer.authorize(nobody, ask('a')), { ok: false, error: 'no-device-key' });
  const long = { ...device.identity, key: { kind: 'cn', key: 'k'.repeat(5_000) } as const };
  assert.deepEqual(await authorizer.authorize({ ...peer, identity: long }, ask('a')), {
    ok: false,
    error: 'token-too-long',
  });
});

test('a username that has no room for the token is refused, not cut', async () => {
  const authorizer = new TokenAuthorizer(terms, privateKey, { wallMs: () => nowMs });
  const question = ask('a', { username: '?'.repeat(30_000) });
  assert.deepEqual(await authorizer.authorize(device, question), { ok: false, error: 'username-too-long' });
});

test('a session is ended with a token of the moment, not of its beginning', async (context) => {
  let wallMs = nowMs;
  const { connector } = createConnector(
    context,
    {
      endpoints: [{ host: '127.0.0.1', port: 1, tls: true }],
      identityMode: 'custom-authorizer',
      authorizer: terms,
      tls: { tokenKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
    },
    { clock: { wallMs: () => wallMs, monotonicMs: () => 0 } },
  );
  const settings = { clientIdPolicy: 'any' } as const;
  const end = sessionEndEncoder(ask('a'), { broker: 'legacy', device }, { settings, ports: { upstream: connector } });
  const expiries: unknown[] = [];
  for (let day = 0; day < 2; day++) {
    const sent = decodeConnect((await end()) ?? Buffer.alloc(0));
    assert.ok(sent.ok);
    expiries.push((read(sent.value.username ?? '').content as { exp: number }).exp - nowMs / 1_000);
    wallMs += 86_400_000;
  }
  assert.deepEqual(expiries, [3_600, 90_000]);
});

test('a broker of another mode leaves credentials as they came; one without a key that fits is refused', async (context) => {
  const endpoints = [{ host: '127.0.0.1', port: 1, tls: true }];
  const { connector } = createConnector(context, { endpoints });
  const question = ask('a', { username: 'u' });
  assert.deepEqual(await connector.authorize?.('legacy', device, question), { ok: true, value: question });
  const weak = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const identityMode = 'custom-authorizer';
  assert.throws(
    () => createConnector(context, { endpoints, identityMode, authorizer: terms, tls: { tokenKey: weak.privateKey } }),
    /Broker legacy: cannot sign tokens: expected an RSA key of 2048 bits or more to sign tokens with, got ec/,
  );
  assert.match(
    tokenKeyFault(generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey) ?? '',
    /got RSA with 1024/,
  );
});

test('ALPN on port 443 of AWS IoT Core says how the device is known; elsewhere there is none', () => {
  const aws = { profile: 'aws-iot-core', hasCertificate: false, port: 443 };
  const rows = [
    [{ ...aws, identityMode: 'device-certificate' }, ['x-amzn-mqtt-ca']],
    [{ ...aws, identityMode: 'gateway-certificate' }, ['x-amzn-mqtt-ca']],
    [{ ...aws, identityMode: 'custom-authorizer', hasCertificate: true }, ['mqtt']],
    [{ ...aws, identityMode: 'forward', hasCertificate: true }, ['x-amzn-mqtt-ca']],
    [{ ...aws, identityMode: 'forward' }, ['mqtt']],
    [{ ...aws, identityMode: 'device-certificate', port: 8883 }, []],
    [{ ...aws, identityMode: 'device-certificate', profile: 'mqtt' }, []],
  ] as const;
  for (const [question, expected] of rows) assert.deepEqual(defaultAlpn(question), expected, JSON.stringify(question));
});
