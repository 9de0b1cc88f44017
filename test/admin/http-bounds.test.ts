import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type PeerCertificate, connect as tlsConnect } from 'node:tls';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { CrossfadeError } from '../../src/base/errors.ts';
import { success } from '../../src/base/result.ts';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { status } from './fake-backend.ts';
import { runServer, tokenByRole } from './running-server.ts';

async function dial(context: TestContext, url: string): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  context.after(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, answer: once(socket, 'close').then(() => Buffer.concat(chunks).toString()) };
}

test('garbage instead of HTTP is answered with a problem document and closed', async (context) => {
  const { url } = await runServer(context);
  const { socket, answer } = await dial(context, url);
  socket.write('\x16\x03\x01 not HTTP\r\n\r\n');
  assert.match(
    await answer,
    /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"detail":"Expected an HTTP\/1\.1 request"/,
  );
});

test('header fields beyond the limit are answered with 431', async (context) => {
  const { url } = await runServer(context);
  const { socket, answer } = await dial(context, url);
  socket.write(`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(await answer, /^HTTP\/1\.1 431 [\s\S]*urn:crossfade:problem:headers-too-large/);
});

test('header fields that trickle in are cut at the deadline, and others are served', async (context) => {
  const { url, call } = await runServer(context, { bounds: { headersMs: 60, requestMs: 200 } });
  const { socket, answer } = await dial(context, url);
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n');
  assert.equal((await call('GET', '/healthz')).status, 200);
  assert.match(await answer, /^HTTP\/1\.1 408 [\s\S]*urn:crossfade:problem:request-timeout/);
});

test('a body that trickles in is cut at the deadline', async (context) => {
  const { url } = await runServer(context, { bounds: { headersMs: 60, requestMs: 120 } });
  const { socket, answer } = await dial(context, url);
  const head = `POST /v1/rollback HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokenByRole.operator}\r\n`;
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
  assert.match(await answer, /^HTTP\/1\.1 408 /);
});

test('a caller that does not read its answer is cut, and its place is free again', async (context) => {
  const { url, backend, call } = await runServer(context, { bounds: { connections: 1, idleMs: 60 } });
  const length = 64 * 1_048_576;
  backend.metricsText = async () => success('x'.repeat(length));
  const { socket, answer } = await dial(context, url);
  socket.pause();
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
  let served = 0;
  while (served !== 200)
    served = await call('GET', '/healthz')
      .then(({ status }) => status)
      .catch(() => 0);
  socket.resume();
  assert.ok((await answer).length < length);
});

test('a connection beyond the limit is closed at once', async (context) => {
  const { url } = await runServer(context, { bounds: { connections: 1 } });
  const first = await dial(context, url);
  const second = await dial(context, url);
  assert.equal(await second.answer, '');
  first.socket.end('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(await first.answer, /^HTTP\/1\.1 200 /);
});

test('closing waits for an answer under way, but not beyond its grace', async (context) => {
  const running = await runServer(context);
  const release = Promise.withResolvers<void>();
  running.backend.held = release.promise;
  const asked = Promise.withResolvers<void>();
  const answer = running.backend.status;
  running.backend.status = () => {
    asked.resolve();
    return answer();
  };
  const pending = running.as('viewer').status();
  await asked.promise;
  const closed = running.server.close();
  release.resolve();
  assert.deepEqual(await pending, { ok: true, value: status });
  await closed;
  await running.server.close();
});

test('plain HTTP beyond loopback is refused before anything is bound', async (context) => {
  const { server } = await runServer(context);
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'admin.example.com']) {
    await assert.rejects(server.listen({ host, port: 0 }), (error) => {
      return error instanceof CrossfadeError && error.code === 'admin-plain-http';
    });
  }
});

test('HTTPS: the client trusts the CA that it is given, and a reload changes the certificate', async (context) => {
  const ca = mintCertificateAuthority('admin CA');
  const mint = (commonName: string) => {
    const { certificate, key } = mintCertificate({
      subject: { commonName },
      issuer: ca,
      extendedKeyUsage: ['serverAuth'],
      ipAddresses: ['127.0.0.1'],
    });
    return { cert: certificate, key };
  };
  const running = await runServer(context, { tls: mint('first') });
  assert.match(running.url, /^https:/);
  const ask = async (trusted?: string) => {
    const token = tokenByRole.viewer;
    const client = createAdminClient({ url: running.url, token, ...(trusted === undefined ? {} : { ca: trusted }) });
    context.after(() => client.close());
    return client.status();
  };
  assert.deepEqual(await ask(ca.certificate), { ok: true, value: status });
  const untrusting = await ask();
  assert.ok(!untrusting.ok && untrusting.error.kind === 'unreachable');
  assert.match(untrusting.error.message, /certificate/);

  running.server.reloadTls(mint('second'));
  assert.equal(await commonNameAt(running.url), 'second');
  const broken = { cert: 'no certificate', key: 'no key' };
  assert.throws(
    () => running.server.reloadTls(broken),
    (error) => {
      return error instanceof CrossfadeError && error.code === 'tls-material' && !error.message.includes('no key');
    },
  );
  assert.equal(await commonNameAt(running.url), 'second');
});

async function commonNameAt(url: string): Promise<string | undefined> {
  const socket = tlsConnect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw }: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return /CN=(\S+)/.exec(new X509Certificate(raw).subject)?.[1];
}
