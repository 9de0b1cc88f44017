import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import { decodeProxyHeader } from '../../src/gateway/proxy-protocol.ts';
import type { UpstreamConnection } from '../../src/gateway/upstream-connector.ts';
import {
  answers,
  brokerCertificate,
  createConnector,
  createRequest,
  device,
  startPlainBroker,
} from './upstream-fixtures.ts';

const host = '127.0.0.1';
const plain = (port: number) => ({ host, port, tls: false });
const secure = (port: number) => ({ host, port, tls: true });

for (const sendProxyProtocol of [false, true]) {
  const suffix = sendProxyProtocol ? ' (behind a PROXY header)' : '';

  test(`connect names a broker that closes, resets or talks nonsense during the handshake${suffix}`, async (context) => {
    const rows: [string, (socket: Socket) => void, RegExp][] = [
      ['closes at once', (socket) => socket.resume().end(), /disconnected before secure TLS|ECONNRESET|EPIPE/],
      [
        'closes at the ClientHello',
        (socket) => socket.resume().once('data', () => socket.end()),
        /disconnected before secure TLS/,
      ],
      ['resets at the ClientHello', (socket) => socket.once('data', () => socket.resetAndDestroy()), /ECONNRESET/],
      [
        'speaks HTTP',
        (socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'),
        /wrong version number|packet length/,
      ],
      [
        'sends a fatal alert',
        (socket) => socket.resume().end(Buffer.from('15030300020228', 'hex')),
        /handshake failure/,
      ],
    ];
    for (const [name, handle, message] of rows) {
      const broker = await startPlainBroker(context, handle);
      const { connector } = createConnector(context, { endpoints: [secure(broker.port)], sendProxyProtocol });
      const outcome = await connector.connect(createRequest());
      assert.ok(!outcome.ok, name);
      assert.match(outcome.error.message, message, name);
      assert.match(outcome.error.message, new RegExp(`127\\.0\\.0\\.1:${broker.port}: `), name);
      assert.doesNotMatch(outcome.error.message, /\n/, name);
      assert.equal(outcome.error.code, 'tls', name);
      assert.equal(answers(connector), false, name);
      await broker.whenEmpty();
    }
  });

  test(`connect goes to the next endpoint when one resets its connections${suffix}`, async (context) => {
    const resetting = await startPlainBroker(context, (socket) => socket.resetAndDestroy());
    const good = await startProxyAwareBroker(context, sendProxyProtocol);
    const endpoints = [secure(resetting.port), secure(good.port)];
    const { connector } = createConnector(context, { endpoints, sendProxyProtocol });
    // Which endpoint a key ranks first depends on the ports: of so many keys, one begins with the one that resets.
    for (let number = 0; number < 40; number++) {
      const request = createRequest({ device: { ...device, rendezvousKey: `cn:${number}` } });
      const outcome = await connector.connect(request);
      assert.equal(take(context, outcome).endpoint, `127.0.0.1:${good.port}`);
    }
    assert.equal(resetting.connections.total, 1, 'held down after its first failure');
  });

  test(`connect waits for a slow handshake that stays within dialMs${suffix}`, async (context) => {
    const broker = await startProxyAwareBroker(context, sendProxyProtocol, { chunkMs: 5 });
    const { connector } = createConnector(context, { endpoints: [secure(broker.port)], sendProxyProtocol });
    const { socket } = take(context, await connector.connect(createRequest()));
    await echo(socket);
  });

  test(`a reset after the hand-over reaches the caller and nobody else${suffix}`, async (context) => {
    const accepted = Promise.withResolvers<Socket>();
    const broker = await startProxyAwareBroker(context, sendProxyProtocol, { accept: accepted.resolve });
    const { connector } = createConnector(context, { endpoints: [secure(broker.port)], sendProxyProtocol });
    const { socket } = take(context, await connector.connect(createRequest()));
    await echo(socket);
    const closed = whenClosed(socket);
    (await accepted.promise).resetAndDestroy();
    await closed;
    assert.match(String(socket.errored), /ECONNRESET/);
    assert.equal(answers(connector), true, 'what happens to a session says nothing about a dial');
  });
}

test('TLS behind a PROXY header resumes too', async (context) => {
  const reused: boolean[] = [];
  const broker = await startProxyAwareBroker(context, true, {
    acceptSecure: (socket) => reused.push(socket.isSessionReused()),
  });
  const { connector } = createConnector(context, { endpoints: [secure(broker.port)], sendProxyProtocol: true });
  for (let dial = 0; dial < 3; dial++) {
    const { socket } = take(context, await connector.connect(createRequest()));
    await echo(socket);
    socket.destroy();
  }
  assert.deepEqual(reused, [false, true, true]);
});

test('a reset before the caller listens crashes nothing and shows on the socket', async (context) => {
  const broker = await startPlainBroker(context, (socket) => void setImmediate(() => socket.resetAndDestroy()));
  const { connector } = createConnector(context, { endpoints: [plain(broker.port)] });
  const { socket } = take(context, await connector.connect(createRequest()));
  await whenClosed(socket);
  assert.match(String(socket.errored), /ECONNRESET/);
});

test('the PROXY header with the device stands before the first byte, plain and TLS', async (context) => {
  for (const endpoint of [plain, secure]) {
    const first = Promise.withResolvers<Buffer>();
    const broker = await startPlainBroker(context, (socket) => socket.once('data', first.resolve));
    const { connector } = createConnector(
      context,
      { endpoints: [endpoint(broker.port)], sendProxyProtocol: true },
      { limits: { dialMs: 500 } },
    );
    const pending = connector.connect(createRequest());
    const bytes = await first.promise;
    const decoding = decodeProxyHeader(bytes);
    assert.ok(decoding.kind === 'header');
    assert.deepEqual(decoding.source, { address: '192.0.2.1', port: 54321 });
    assert.deepEqual(decoding.destination, { address: '198.51.100.2', port: 8883 });
    assert.ok(bytes.includes('meter-7') && bytes.includes('TLSv1.3'));
    const rest = bytes.subarray(decoding.byteLength);
    assert.equal(rest.length === 0 || rest[0] === 0x16, true, 'nothing or a TLS handshake record follows');
    connector.close();
    const outcome = await pending;
    if (outcome.ok) outcome.value.socket.destroy();
  }
});

test('a broker that refuses our certificate with an alert is not held down for it', async (context) => {
  const rows: [string, RegExp][] = [
    ['1503030002022a', /bad certificate/],
    ['15030300020230', /unknown ca/],
    ['1503030002022c', /certificate revoked/],
  ];
  for (const [alert, message] of rows) {
    const broker = await startPlainBroker(context, (socket) => socket.resume().end(Buffer.from(alert, 'hex')));
    const { connector } = createConnector(context, { endpoints: [secure(broker.port)] });
    const outcome = await connector.connect(createRequest());
    assert.ok(!outcome.ok);
    assert.match(outcome.error.message, message);
    assert.equal(answers(connector), true);
  }
});

test('many dials at once against a black hole all end, and no socket stays', async (context) => {
  const hole = await startPlainBroker(context);
  const { connector } = createConnector(context, { endpoints: [secure(hole.port)] }, { limits: { dialMs: 200 } });
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => connector.connect(createRequest())));
  for (const outcome of outcomes) assert.equal(outcome.ok ? 'connected' : outcome.error.code, 'timeout');
  await hole.whenEmpty();
  assert.equal(hole.connections.total, 100);
});

/** A TLS broker that takes the PROXY header off by itself where one comes; `chunkMs` above 0 dribbles its answers. */
async function startProxyAwareBroker(
  context: TestContext,
  expectsHeader: boolean,
  options: {
    readonly chunkMs?: number;
    readonly accept?: (raw: Socket) => void;
    readonly acceptSecure?: (socket: TLSSocket) => void;
  } = {},
) {
  const secureContext = createSecureContext({ cert: brokerCertificate.certificate, key: brokerCertificate.key });
  const inner = await startPlainBroker(context, (raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext });
    socket.on('error', () => {});
    socket.once('secure', () => options.acceptSecure?.(socket));
    socket.pipe(socket);
  });
  return await startPlainBroker(context, (socket) => {
    options.accept?.(socket);
    const tls = connect({ host, port: inner.port });
    tls.on('error', () => socket.destroy());
    socket.on('close', () => tls.destroy());
    tls.on('data', (bytes: Buffer) => dribble(socket, bytes, options.chunkMs ?? 0));
    let head: Buffer | undefined = expectsHeader ? Buffer.alloc(0) : undefined;
    socket.on('data', (bytes: Buffer) => {
      const decoding = head === undefined ? undefined : decodeProxyHeader(Buffer.concat([head, bytes]));
      if (head !== undefined && decoding?.kind !== 'header') {
        head = Buffer.concat([head, bytes]);
        return;
      }
      const skipped = decoding?.kind === 'header' ? decoding.byteLength - (head?.length ?? 0) : 0;
      head = undefined;
      tls.write(bytes.subarray(skipped));
    });
  });
}

/** Unlike `once`, it listens to no error: what is not listened to must not crash the process. */
function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

function dribble(socket: Socket, bytes: Buffer, chunkMs: number): void {
  if (chunkMs === 0) {
    socket.write(bytes);
    return;
  }
  const chunkBytes = Math.ceil(bytes.length / 10);
  for (let index = 0; index * chunkBytes < bytes.length; index++) {
    const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    setTimeout(() => socket.write(chunk), index * chunkMs);
  }
}

function take(
  context: TestContext,
  outcome: Awaited<ReturnType<ReturnType<typeof createConnector>['connector']['connect']>>,
): UpstreamConnection {
  if (!outcome.ok) assert.fail(outcome.error.message);
  const { socket } = outcome.value;
  context.after(() => socket.destroy());
  return outcome.value;
}

async function echo(socket: Socket): Promise<void> {
  const data = once(socket, 'data');
  socket.resume();
  socket.write('ping');
  assert.equal(String((await data)[0]), 'ping');
}
