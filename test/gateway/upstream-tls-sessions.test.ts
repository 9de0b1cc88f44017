import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { SecureVersion, TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { systemClock } from '../../src/base/clock.ts';
import { EndpointDial, type EndpointTls } from '../../src/gateway/dial-endpoint.ts';
import { createEndpointTls, loadUpstreamIdentity } from '../../src/gateway/upstream-material.ts';
import { type SessionSource, UpstreamTlsSessions } from '../../src/gateway/upstream-tls-sessions.ts';
import { mintCertificate } from '../../src/tls/certificate-minting.ts';
import {
  brokerCa,
  brokerCertificate,
  clientCa,
  createConnector,
  createRequest,
  mintClient,
  otherCa,
  startTlsBroker,
} from './upstream-fixtures.ts';

const host = '127.0.0.1';
const hourMs = 3_600_000;
/** The cache takes the time 0 for "no time". */
const startMs = 1_000;
const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

interface Arrival {
  readonly commonName: string;
  readonly isResumed: boolean;
}

for (const version of versions) {
  test(`device B never arrives as device A, though both resume (${version})`, async (context) => {
    const { port, arrivals } = await startMutualBroker(context, version);
    const sessions = new UpstreamTlsSessions(100, systemClock);
    const identities = new Map(['A', 'B', 'C'].map((name) => [name, identityTls(name, port, sessions)]));
    const nameArbitrary = fc.constantFrom(...identities.keys());
    await fc.assert(
      fc.asyncProperty(fc.array(nameArbitrary, { minLength: 2, maxLength: 8 }), async (names) => {
        arrivals.length = 0;
        for (const name of names) await dialAndEcho(context, port, identities.get(name), name);
        assert.deepEqual(
          arrivals.map(({ commonName }) => commonName),
          names,
        );
      }),
      { numRuns: 15 },
    );
    arrivals.length = 0;
    await Promise.all([...identities].map(([name, tls]) => dialAndEcho(context, port, tls, name)));
    assert.deepEqual(arrivals.map(({ commonName }) => commonName).sort(), ['A', 'B', 'C']);
    assert.equal(sessions.size, 3);
    for (const [name, tls] of identities) {
      arrivals.length = 0;
      await dialAndEcho(context, port, tls, name);
      assert.deepEqual(arrivals, [{ commonName: name, isResumed: true }]);
    }
  });

  test(`device B would arrive as device A if the scope left the identity out (${version})`, async (context) => {
    const { port, arrivals } = await startMutualBroker(context, version);
    const sessions = new UpstreamTlsSessions(100, systemClock);
    const a = identityTls('A', port, sessions);
    const b = { ...identityTls('B', port, sessions), sessionScope: a.sessionScope };
    await dialAndEcho(context, port, a);
    await dialAndEcho(context, port, b);
    assert.deepEqual(arrivals, [
      { commonName: 'A', isResumed: false },
      { commonName: 'A', isResumed: true },
    ]);
  });

  for (const tls of [{ servername: 'broker.test' }, {}]) {
    const suffix = `${tls.servername === undefined ? 'an IP' : 'a name'}, ${version}`;

    test(`connect resumes where the broker wants no client certificate (${suffix})`, async (context) => {
      const reused: boolean[] = [];
      const broker = await startTlsBroker(context, { minVersion: version, maxVersion: version }, (socket) => {
        reused.push(socket.isSessionReused());
        socket.pipe(socket);
      });
      const { connector } = createConnector(context, {
        endpoints: [{ host, port: broker.port, tls: true }],
        tls: { ca: brokerCa.certificate, ...tls },
      });
      for (let dial = 0; dial < 3; dial++) {
        const outcome = await connector.connect(createRequest());
        if (!outcome.ok) assert.fail(outcome.error.message);
        await echo(outcome.value.socket, 'ping');
        outcome.value.socket.destroy();
      }
      assert.deepEqual(reused, [false, true, true]);
    });
  }

  test(`a broker that lost its ticket keys gets a full handshake and then resumes again (${version})`, async (context) => {
    const { port, arrivals, rotate } = await startMutualBroker(context, version);
    const tls = identityTls('A', port, new UpstreamTlsSessions(100, systemClock));
    await dialAndEcho(context, port, tls);
    rotate();
    await dialAndEcho(context, port, tls);
    await dialAndEcho(context, port, tls);
    assert.deepEqual(
      arrivals.map(({ isResumed }) => isResumed),
      [false, false, true],
    );
  });

  test(`no session is kept of a broker that did not verify (${version})`, async (context) => {
    const { port } = await startMutualBroker(context, version);
    const sessions = new UpstreamTlsSessions(100, systemClock);
    const tls = identityTls('A', port, sessions);
    for (const wrong of [
      identityTls('A', port, sessions, { ca: otherCa.certificate }),
      identityTls('A', port, sessions, { servername: 'elsewhere.test' }),
    ]) {
      const outcome = await new EndpointDial({ host, port, tls: wrong, timeoutMs: 3_000 }).outcome;
      assert.equal(outcome.ok, false);
      assert.equal(sessions.size, 0);
    }
    await dialAndEcho(context, port, tls);
    assert.equal(sessions.size, 1);
    for (const scope of [
      { ...tls.sessionScope, trust: 'another CA' },
      { ...tls.sessionScope, identity: 'another device' },
      { ...tls.sessionScope, endpoint: 'another:8883' },
    ]) {
      assert.equal(sessions.find(scope), undefined);
    }
  });
}

test('a session is renewed after a minute and never outlives a day from its full handshake', () => {
  let nowMs = startMs;
  const clock = { monotonicMs: () => nowMs, wallMs: () => Date.now() };
  const sessions = new UpstreamTlsSessions(100, clock);
  const scope = { endpoint: 'a:1', trust: 'ca', identity: 'none' };
  const handshakeAt = (at: number, isSessionReused: boolean, session: string) => {
    nowMs = startMs + at;
    sessions.remember(fakeHandshake(isSessionReused, Buffer.from(session)), scope);
    return String(sessions.find(scope));
  };
  assert.equal(handshakeAt(0, false, 'first'), 'first');
  assert.equal(handshakeAt(59_999, true, 'second'), 'first', 'sockets of one minute share one session');
  assert.equal(handshakeAt(60_000, true, 'third'), 'third');
  assert.equal(handshakeAt(60_001, false, 'fourth'), 'fourth', 'what a full handshake gave is newer than any');
  assert.equal(handshakeAt(23 * hourMs, true, 'fifth'), 'fifth');
  nowMs = startMs + 60_001 + 24 * hourMs - 1;
  assert.equal(String(sessions.find(scope)), 'fifth');
  nowMs = startMs + 60_001 + 24 * hourMs + 1;
  assert.equal(sessions.find(scope), undefined);
  assert.equal(handshakeAt(25 * hourMs, true, 'late'), 'undefined', 'a resumed session does not start a new day');
});

test('a session does not outlive the certificate that was verified for it', async (context) => {
  const ending = mintCertificate({
    subject: { commonName: 'broker.test' },
    dnsNames: ['broker.test'],
    issuer: brokerCa,
    notAfter: new Date(Date.now() + hourMs),
  });
  const { port } = await startMutualBroker(context, 'TLSv1.3', { cert: ending.certificate, key: ending.key });
  let nowMs = startMs;
  const clock = { monotonicMs: () => nowMs, wallMs: () => Date.now() };
  const sessions = new UpstreamTlsSessions(100, clock);
  const tls = identityTls('A', port, sessions);
  await dialAndEcho(context, port, tls);
  assert.notEqual(sessions.find(tls.sessionScope), undefined);
  nowMs = startMs + hourMs + 1;
  assert.equal(sessions.find(tls.sessionScope), undefined);
});

test('sessions are bounded: the least recently used leaves first', async (context) => {
  const { port, arrivals } = await startMutualBroker(context, 'TLSv1.3');
  const sessions = new UpstreamTlsSessions(2, systemClock);
  const [a, b, c] = ['A', 'B', 'C'].map((name) => identityTls(name, port, sessions));
  for (const tls of [a, b, c, b, a]) await dialAndEcho(context, port, tls);
  assert.equal(sessions.size, 2);
  assert.deepEqual(arrivals, [
    { commonName: 'A', isResumed: false },
    { commonName: 'B', isResumed: false },
    { commonName: 'C', isResumed: false },
    { commonName: 'B', isResumed: true },
    { commonName: 'A', isResumed: false },
  ]);
});

/** A client socket whose session arrives at once. */
function fakeHandshake(isSessionReused: boolean, session: Buffer): SessionSource {
  const certificate = new X509Certificate(brokerCertificate.certificate);
  return {
    isSessionReused: () => isSessionReused,
    getPeerX509Certificate: () => certificate,
    once: (_event, listener) => listener(session),
  };
}

async function startMutualBroker(
  context: TestContext,
  version: SecureVersion,
  certificate: { readonly cert?: string; readonly key?: string } = {},
): Promise<{ port: number; arrivals: Arrival[]; rotate: () => void }> {
  const arrivals: Arrival[] = [];
  const broker = await startTlsBroker(
    context,
    {
      minVersion: version,
      maxVersion: version,
      requestCert: true,
      ca: clientCa.certificate,
      ticketKeys: Buffer.alloc(48, 1),
      ...certificate,
    },
    (socket: TLSSocket) => {
      const { CN } = socket.getPeerCertificate().subject;
      arrivals.push({ commonName: String(CN), isResumed: socket.isSessionReused() });
      socket.pipe(socket);
    },
  );
  return { port: broker.port, arrivals, rotate: () => broker.setTicketKeys(Buffer.alloc(48, 2)) };
}

function identityTls(
  name: string,
  port: number,
  sessions: UpstreamTlsSessions,
  trust: { readonly ca?: string; readonly servername?: string } = {},
): EndpointTls {
  const { certificate: cert, key } = mintClient(name);
  const material = { ca: brokerCa.certificate, servername: 'broker.test', cert, key, ...trust };
  return createEndpointTls(
    loadUpstreamIdentity('legacy', material),
    { name: `${host}:${port}`, host, alpn: [] },
    sessions,
  );
}

async function dialAndEcho(context: TestContext, port: number, tls: EndpointTls | undefined, text = 'ping') {
  assert.ok(tls !== undefined);
  const outcome = await new EndpointDial({ host, port, tls, timeoutMs: 3_000 }).outcome;
  if (!outcome.ok) assert.fail(outcome.error.message);
  const socket = outcome.value;
  context.signal.addEventListener('abort', () => socket.destroy(), { once: true });
  await echo(socket, text);
  socket.destroy();
}

/** With TLS 1.3 the tickets stand before the echoed bytes, so they have been read when this returns. */
async function echo(socket: Socket, text: string): Promise<void> {
  const data = once(socket, 'data');
  socket.resume();
  socket.write(text);
  assert.equal(String((await data)[0]), text);
}
