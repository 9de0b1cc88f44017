import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Result } from '../../src/base/result.ts';
import { createEndpointState, rankEndpoints } from '../../src/gateway/endpoint-ranking.ts';
import type {
  UpstreamConnection,
  UpstreamConnector,
  UpstreamFailure,
  UpstreamRequest,
} from '../../src/gateway/upstream-connector.ts';
import {
  answers,
  brokerCa,
  clientCa,
  createConnector,
  createRequest,
  device,
  findClosedPort,
  mintClient,
  otherCa,
  startPlainBroker,
  startTlsBroker,
} from './upstream-fixtures.ts';

const host = '127.0.0.1';
const plain = (port: number) => ({ host, port, tls: false });
const secure = (port: number) => ({ host, port, tls: true });

test('connect gives a plain socket that does not flow and on which nothing of the connector listens', async (context) => {
  const broker = await startPlainBroker(context, (socket) => void socket.pipe(socket));
  const { connector } = createConnector(context, { endpoints: [plain(broker.port)] });
  const { socket, endpoint } = expectConnection(context, await connector.connect(createRequest()));
  assert.equal(endpoint, `127.0.0.1:${broker.port}`);
  assert.equal(socket.readableFlowing, null);
  assert.deepEqual([socket.listenerCount('close'), socket.listenerCount('data')], [0, 0]);
  socket.write('ping');
  const data = once(socket, 'data');
  socket.resume();
  assert.equal(String((await data)[0]), 'ping');
});

test('connect speaks TLS, sends the configured name and verifies it', async (context) => {
  const names: unknown[] = [];
  const broker = await startTlsBroker(context, {}, (socket) => {
    names.push((socket as TLSSocket & { servername?: unknown }).servername);
    socket.pipe(socket);
  });
  const { connector } = createConnector(context, { endpoints: [secure(broker.port)] });
  const { socket } = expectConnection(context, await connector.connect(createRequest()));
  await echo(socket);
  assert.deepEqual(names, ['broker.test']);
});

test('connect verifies an IP without SNI when the endpoint has no name', async (context) => {
  const names: unknown[] = [];
  const broker = await startTlsBroker(context, {}, (socket) => {
    names.push((socket as TLSSocket & { servername?: unknown }).servername);
    socket.pipe(socket);
  });
  const { connector } = createConnector(context, {
    endpoints: [secure(broker.port)],
    tls: { ca: brokerCa.certificate },
  });
  await echo(expectConnection(context, await connector.connect(createRequest())).socket);
  assert.deepEqual(names, [false]);
});

test('connect refuses a broker with another name, another IP or another CA, and says why', async (context) => {
  const broker = await startTlsBroker(context);
  const rows = [
    { tls: { ca: brokerCa.certificate, servername: 'elsewhere.test' }, message: /altnames.*elsewhere\.test/ },
    { tls: { ca: brokerCa.certificate, servername: '192.0.2.9' }, message: /192\.0\.2\.9/ },
    { tls: { ca: otherCa.certificate, servername: 'broker.test' }, message: /unable to verify the first certificate/ },
    { tls: { servername: 'broker.test' }, message: /unable to (verify|get)/ },
  ];
  for (const { tls, message } of rows) {
    const { connector } = createConnector(context, { endpoints: [secure(broker.port)], tls });
    const { code, message: text } = expectFailure(await connector.connect(createRequest()));
    assert.equal(code, 'tls');
    assert.match(text, message);
    assert.match(text, new RegExp(`^Broker legacy is not reachable: 127\\.0\\.0\\.1:${broker.port}: `));
    assert.doesNotMatch(text, /\n/);
  }
  await broker.whenEmpty();
});

test('connect says refused, with the endpoint', async (context) => {
  const port = await findClosedPort();
  const { connector } = createConnector(context, { endpoints: [plain(port)] });
  assert.deepEqual(expectFailure(await connector.connect(createRequest())), {
    code: 'unreachable',
    message: `Broker legacy is not reachable: 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
  });
});

test('connect gives up on a black hole after dialMs, leaves nothing open, and holds it down', async (context) => {
  const hole = await startPlainBroker(context);
  const { connector } = createConnector(context, { endpoints: [secure(hole.port)] }, { limits: { dialMs: 60 } });
  assert.equal(answers(connector), true);
  const { code, message } = expectFailure(await connector.connect(createRequest()));
  assert.equal(code, 'timeout');
  assert.match(message, /no TLS handshake within 60 ms/);
  assert.equal(answers(connector), false);
  await hole.whenEmpty();
});

test('connect ends at the deadline of the whole, however many endpoints are left', async (context) => {
  const holes = [await startPlainBroker(context), await startPlainBroker(context), await startPlainBroker(context)];
  const { connector } = createConnector(context, { endpoints: holes.map(({ port }) => secure(port)) });
  const { code, message } = expectFailure(await connector.connect(createRequest({ timeoutMs: 60 })));
  assert.equal(code, 'timeout');
  // What is left of the 60 ms when the first dial begins.
  const [, leftMs] = /no TLS handshake within (\d+) ms; nothing within 60 ms$/.exec(message) ?? [];
  assert.ok(Number(leftMs) > 30 && Number(leftMs) <= 60, message);
  const dials = holes.reduce((sum, { connections }) => sum + connections.total, 0);
  assert.equal(dials, 1, 'one endpoint took all the time');
});

test('connect asks for a token before every endpoint but the first, and goes on to the next', async (context) => {
  const broker = await startPlainBroker(context);
  const closed = await findClosedPort();
  const endpoints = [plain(closed), plain(broker.port)];
  const { connector } = createConnector(context, { endpoints });
  let tokens = 0;
  const connectToken = async () => ++tokens > 0;
  const badFirst = { device: deviceThatPrefers(endpoints, closed), connectToken };
  const goodFirst = { device: deviceThatPrefers(endpoints, broker.port), connectToken };

  expectConnection(context, await connector.connect(createRequest(goodFirst)));
  assert.equal(tokens, 0);
  expectConnection(context, await connector.connect(createRequest(badFirst)));
  assert.equal(tokens, 1);
  expectConnection(context, await connector.connect(createRequest(badFirst)));
  assert.equal(tokens, 1, 'the refusing endpoint is held down and was tried last');
});

test('connect fails with rate when a further token is refused, breaks, or does not come in time', async (context) => {
  const endpoints = [plain(await findClosedPort()), plain(await findClosedPort())];
  const rows: [string, () => Promise<boolean>, UpstreamFailure['code']][] = [
    ['refused', async () => false, 'rate'],
    ['broken', () => Promise.reject(new Error('the control process is gone')), 'rate'],
    ['late', () => new Promise(() => {}), 'timeout'],
  ];
  for (const [name, connectToken, code] of rows) {
    const { connector } = createConnector(context, { endpoints });
    const outcome = await connector.connect(createRequest({ connectToken, timeoutMs: 100 }));
    assert.equal(expectFailure(outcome).code, code, name);
    assert.match(expectFailure(outcome).message, /ECONNREFUSED/, name);
  }
});

test('connect comes back to an endpoint when its hold-down is over and reports it once', async (context) => {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => Date.now() };
  const broker = await startPlainBroker(context);
  const closed = await findClosedPort();
  const endpoints = [plain(closed), plain(broker.port)];
  const { connector, log } = createConnector(context, { endpoints }, { clock });
  let tokens = 0;
  const request = createRequest({
    device: deviceThatPrefers(endpoints, closed),
    connectToken: async () => ++tokens > 0,
  });
  for (const [at, expectedTokens] of [
    [0, 1],
    [4_999, 1],
    [5_000, 2],
    [5_001, 2],
  ] as const) {
    nowMs = at;
    expectConnection(context, await connector.connect(request));
    assert.equal(tokens, expectedTokens, `at ${at} ms`);
  }
  assert.deepEqual(
    log.map(({ level, message }) => [level, message]),
    [['warn', 'endpoint is tried last']],
  );
});

test('reportOutcome holds down an endpoint that stays silent, and lets it back when it answers', async (context) => {
  const broker = await startPlainBroker(context);
  const { connector } = createConnector(context, { endpoints: [plain(broker.port)] });
  const connection = expectConnection(context, await connector.connect(createRequest()));
  connection.reportOutcome('failed');
  connection.reportOutcome('failed');
  assert.equal(answers(connector), true);
  connection.reportOutcome('failed');
  assert.equal(answers(connector), false);
  connection.reportOutcome('answered');
  assert.equal(answers(connector), true);
});

test('a broker counts as failed when the hold-down is over, until an endpoint answers', async (context) => {
  const port = await findClosedPort();
  const clock = { wallMs: () => 0, monotonicMs: () => nowMs };
  let nowMs = 0;
  const { connector } = createConnector(context, { endpoints: [plain(port)] }, { clock });
  assert.equal(answers(connector), true, 'never tried');
  expectFailure(await connector.connect(createRequest()));
  nowMs += 3_600_000;
  assert.equal(answers(connector), false);
  const server = createServer((socket) => socket.resume()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const connection = expectConnection(context, await connector.connect(createRequest()));
  assert.equal(answers(connector), false, 'a connection without CONNACK is no answer');
  connection.reportOutcome('answered');
  assert.equal(answers(connector), true);
});

test('an abort ends the dial at every stage and leaves nothing behind', async (context) => {
  const hole = await startPlainBroker(context);
  const closed = await findClosedPort();
  const never = new Promise<boolean>(() => {});
  const rows: [string, ReturnType<typeof plain>[], (abort: () => void) => Partial<UpstreamRequest>][] = [
    ['before', [secure(hole.port)], runWith((abort) => abort())],
    ['connecting', [secure(hole.port)], runWith(queueMicrotask)],
    ['in TLS', [secure(hole.port)], runWith((abort) => hole.onceConnected(abort))],
    [
      'waiting for a token',
      [plain(closed), plain(closed)],
      (abort) => ({
        connectToken: () => {
          queueMicrotask(abort);
          return never;
        },
      }),
    ],
  ];
  for (const [name, endpoints, arrange] of rows) {
    const { connector } = createConnector(context, { endpoints });
    const controller = new AbortController();
    const request = createRequest({ signal: controller.signal, ...arrange(() => controller.abort()) });
    assert.equal(expectFailure(await connector.connect(request)).code, 'aborted', name);
    assert.equal(answers(connector), true, name);
  }
  await hole.whenEmpty();
});

test('an abort in the moment of success closes the socket', async (context) => {
  const accepted = Promise.withResolvers<Socket>();
  const broker = await startTlsBroker(context, {}, accepted.resolve);
  const { connector } = createConnector(context, { endpoints: [secure(broker.port)] });
  for (let round = 0; round < 3; round++) {
    const controller = new AbortController();
    const pending = connector.connect(createRequest({ signal: controller.signal }));
    await Promise.race([accepted.promise, pending]);
    controller.abort();
    const outcome = await pending;
    if (outcome.ok) outcome.value.socket.destroy();
    else assert.equal(outcome.error.code, 'aborted');
  }
  await broker.whenEmpty();
});

test('close ends pending dials and refuses new ones', async (context) => {
  const hole = await startPlainBroker(context);
  const { connector } = createConnector(context, { endpoints: [secure(hole.port)] });
  const pending = connector.connect(createRequest());
  connector.close();
  assert.equal(expectFailure(await pending).code, 'aborted');
  assert.equal(expectFailure(await connector.connect(createRequest())).code, 'aborted');
  await hole.whenEmpty();
});

test('connect loses no byte that comes before the caller listens', async (context) => {
  const accepted = Promise.withResolvers<Socket>();
  const broker = await startTlsBroker(context, {}, accepted.resolve);
  const { connector } = createConnector(context, { endpoints: [secure(broker.port)] });
  const { socket } = expectConnection(context, await connector.connect(createRequest()));
  (await accepted.promise).end('early');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(String(Buffer.concat(await socket.toArray())), 'early');
});

test('connect names an unknown broker', async (context) => {
  const { connector } = createConnector(context, { endpoints: [plain(1)] });
  assert.deepEqual(expectFailure(await connector.connect(createRequest({ broker: 'nowhere' }))), {
    code: 'unknown-broker',
    message: 'Expected the name of a broker, got nowhere',
  });
  assert.deepEqual(connector.brokerLife('nowhere'), { heardMs: undefined, failedMs: undefined });
});

test('createUpstreamConnector refuses wrong material and names the broker, never the key', async (context) => {
  const { certificate: cert, key } = mintClient('gateway');
  const other = mintClient('other').key;
  const rows = [
    { tls: { cert }, identityMode: 'forward', message: /Broker legacy: .* only one of them/ },
    { tls: { cert, key: other }, identityMode: 'forward', message: /Broker legacy: cannot use the TLS material/ },
    { tls: { ca: 'no PEM', cert, key }, identityMode: 'forward', message: /Broker legacy: cannot use/ },
    { tls: {}, identityMode: 'gateway-certificate', message: /needs a certificate and its key/ },
    { tls: { cert, key }, identityMode: 'device-certificate', message: /expected the terms of device-certificate/ },
  ] as const;
  for (const { tls, identityMode, message } of rows) {
    assert.throws(
      () => createConnector(context, { endpoints: [secure(1)], tls, identityMode }),
      (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /PRIVATE KEY/);
        return true;
      },
    );
  }
});

test('reload presents the new certificate on later dials, and a wrong one changes nothing', async (context) => {
  const seen: string[] = [];
  const broker = await startTlsBroker(context, { requestCert: true, ca: clientCa.certificate }, (socket) => {
    seen.push(String(socket.getPeerCertificate().subject.CN));
    socket.pipe(socket);
  });
  const material = (name: string) => {
    const { certificate: cert, key } = mintClient(name);
    return { ca: brokerCa.certificate, servername: 'broker.test', cert, key };
  };
  const { connector } = createConnector(context, {
    endpoints: [secure(broker.port)],
    tls: material('gateway-1'),
    identityMode: 'gateway-certificate',
  });
  const dial = async () => echo(expectConnection(context, await connector.connect(createRequest())).socket);
  await dial();
  assert.throws(() => connector.reload({ legacy: { ...material('gateway-2'), key: mintClient('x').key } }));
  await dial();
  connector.reload({ legacy: material('gateway-2') });
  await dial();
  assert.deepEqual(seen, ['gateway-1', 'gateway-1', 'gateway-2']);
  connector.reload({ legacy: { ...material('gateway-2'), ca: otherCa.certificate } });
  assert.equal(expectFailure(await connector.connect(createRequest())).code, 'tls', 'no session outlives its trust');
});

function runWith(schedule: (abort: () => void) => void): (abort: () => void) => Partial<UpstreamRequest> {
  return (abort) => {
    schedule(abort);
    return {};
  };
}

/** The device whose key ranks the endpoint with `port` first. */
function deviceThatPrefers(endpoints: readonly { host: string; port: number }[], port: number) {
  const states = endpoints.map((endpoint) => createEndpointState(`${endpoint.host}:${endpoint.port}`));
  for (let number = 0; ; number++) {
    const rendezvousKey = `cn:meter-${number}`;
    if (endpoints[rankEndpoints(rendezvousKey, states, 0)[0] ?? 0]?.port === port) return { ...device, rendezvousKey };
  }
}

function expectConnection(
  context: TestContext,
  outcome: Awaited<ReturnType<UpstreamConnector['connect']>>,
): UpstreamConnection {
  if (!outcome.ok) assert.fail(outcome.error.message);
  const { socket } = outcome.value;
  context.after(() => socket.destroy());
  return outcome.value;
}

function expectFailure(outcome: Result<UpstreamConnection, UpstreamFailure>): UpstreamFailure {
  if (outcome.ok) assert.fail('expected a failure, got a connection');
  return outcome.error;
}

async function echo(socket: Socket): Promise<void> {
  const data = once(socket, 'data');
  socket.resume();
  socket.write('ping');
  assert.equal(String((await data)[0]), 'ping');
}
