import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { judgeMqttAnswer } from '../../src/health/mqtt-probe.ts';
import { outcomeOfError, type ProbePorts, probeSite } from '../../src/health/site-probe.ts';
import { server } from '../tls/tls-world.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const listener of servers) listener.close();
});

async function listen(listener: Server): Promise<number> {
  servers.push(listener);
  listener.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return (listener.address() as AddressInfo).port;
}

const answering = (bytes: readonly number[]) =>
  createServer((socket) => {
    socket.once('data', () => socket.write(Uint8Array.from(bytes)));
  });
const tlsServer = (handler: (socket: Socket) => void = () => {}) =>
  createTlsServer({ cert: server.certificate, key: server.key }, handler);

const probe = (ports: ProbePorts, timeoutMs = 5_000, address = '127.0.0.1') =>
  probeSite({ address, ports, timeoutMs, servername: 'mqtt.example.com' });

describe('probeSite', () => {
  test('a port that accepts is good for TCP and, in silence, for nothing more', async () => {
    const port = await listen(createServer());
    assert.deepEqual(await probe({ tcp: port }), { outcome: 'good', detail: '' });
    assert.equal((await probe({ tls: port }, 200)).detail, `tls ${port}: no answer within 200 ms`);
    assert.equal((await probe({ mqtt: port }, 200)).outcome, 'failed');
  });

  test('a port that nobody has is down', async () => {
    const listener = createServer();
    const port = await listen(listener);
    await new Promise((resolve) => listener.close(resolve));
    const result = await probe({ tcp: port });
    assert.equal(result.outcome, 'failed');
    assert.match(result.detail, /^tcp \d+: .*ECONNREFUSED/);
  });

  test('a server that hangs up is down', async () => {
    const port = await listen(createServer((socket) => socket.end()));
    assert.equal((await probe({ mqtt: port })).outcome, 'failed');
  });

  test('a TLS handshake is good whoever the certificate is of', async () => {
    const port = await listen(tlsServer());
    assert.deepEqual(await probe({ tls: port, tcp: port }), { outcome: 'good', detail: '' });
  });

  test('CONNACK is good, in the clear and over TLS; unavailable and other protocols are not', async () => {
    const accepted = [0x20, 2, 0, 0];
    assert.equal((await probe({ mqtt: await listen(answering(accepted)) })).outcome, 'good');
    assert.equal((await probe({ mqtt: await listen(answering([0x20, 2, 0, 5])) })).outcome, 'good');
    const unavailable = await probe({ mqtt: await listen(answering([0x20, 2, 0, 3])) });
    assert.match(unavailable.detail, /CONNACK 3: server unavailable$/);
    assert.equal((await probe({ mqtt: await listen(answering([...Buffer.from('HTTP/1.1 400')])) })).outcome, 'failed');
    const overTls = await listen(
      tlsServer((socket) => {
        sockets.add(socket);
        socket.once('data', () => socket.write(Uint8Array.from(accepted)));
      }),
    );
    assert.equal((await probe({ mqtt: overTls, tls: overTls })).outcome, 'good');
  });

  test('everything that is asked for must be good', async () => {
    const port = await listen(createServer());
    const tls = await listen(tlsServer());
    assert.equal((await probe({ tcp: port, tls, mqtt: port }, 200)).outcome, 'failed');
  });

  test('trouble of the prober itself says nothing of the site', () => {
    assert.equal(outcomeOfError(Object.assign(new Error(), { code: 'EMFILE' })), 'inconclusive');
    assert.equal(outcomeOfError(Object.assign(new Error(), { code: 'ENETUNREACH' })), 'unreachable');
    assert.equal(outcomeOfError(Object.assign(new Error(), { code: 'ECONNRESET' })), 'failed');
    assert.equal(outcomeOfError(new Error()), 'failed');
  });
});

describe('judgeMqttAnswer', () => {
  test('waits for the whole CONNACK and no longer', () => {
    const connack = Uint8Array.of(0x20, 2, 0, 0);
    for (let length = 0; length < 4; length += 1) assert.equal(judgeMqttAnswer(connack.subarray(0, length)), undefined);
    assert.equal(judgeMqttAnswer(connack)?.outcome, 'good');
    assert.equal(judgeMqttAnswer(Uint8Array.of(0x20, 9, 0))?.outcome, 'failed');
    assert.equal(judgeMqttAnswer(Uint8Array.of(0x15))?.outcome, 'failed');
    assert.equal(judgeMqttAnswer(Uint8Array.of(0x20, 2, 0, 6))?.outcome, 'failed');
  });
});
