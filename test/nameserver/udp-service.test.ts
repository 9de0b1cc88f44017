import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, test } from 'node:test';
import { CrossfadeError } from '../../src/base/errors.ts';
import { type NetworkInterfaces, udpAddresses } from '../../src/nameserver/udp-addresses.ts';
import { UdpService } from '../../src/nameserver/udp-service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { askUdp, createSockets, reverse } from './socket-world.ts';

function interfaces(...addresses: readonly string[]): NetworkInterfaces {
  return {
    lo: addresses.map((address) => ({
      address,
      netmask: '',
      mac: '',
      internal: true,
      cidr: null,
      ...(address.includes(':')
        ? { family: 'IPv6' as const, scopeid: address.startsWith('fe80') ? 3 : 0 }
        : { family: 'IPv4' as const }),
    })),
  };
}

function createService(current: () => NetworkInterfaces): UdpService {
  const log = createLogger({ level: 'silent', component: 'test' });
  return new UdpService({ answer: reverse, log, interfaces: current });
}

/** A port that is free now over UDP on all loopback addresses. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

describe('udpAddresses', () => {
  const host = interfaces('127.0.0.1', '192.0.2.1', '::1', 'fe80::1');
  const rendered = (...binds: readonly string[]) =>
    udpAddresses(
      binds.map((bind) => ({ host: bind, port: 53 })),
      host,
    ).map((address) => address.host);

  test('a wildcard stands for every address of its family, others for themselves, each once', () => {
    assert.deepEqual(rendered('0.0.0.0'), ['127.0.0.1', '192.0.2.1']);
    assert.deepEqual(rendered('::'), ['::1', 'fe80::1%lo']);
    assert.deepEqual(rendered('127.0.0.1', '0.0.0.0'), ['127.0.0.1', '192.0.2.1']);
    assert.deepEqual(rendered('203.0.113.9', 'localhost'), ['203.0.113.9', '127.0.0.1']);
  });
});

describe('UdpService', () => {
  test('answers leave from the address that was asked, whatever the wildcard', async () => {
    const service = createService(() => interfaces('127.0.0.1', '127.0.0.2', '127.0.0.3'));
    const port = await freePort();
    await service.listen([{ host: '0.0.0.0', port }]);
    for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      const { answer, from } = await askUdp({ host, port }, Buffer.from('abc'));
      assert.equal(answer.toString(), 'cba');
      assert.equal(from, host);
    }
    service.stop();
  });

  test('follows the addresses of the interfaces', async () => {
    let current = interfaces('127.0.0.1', '127.0.0.2');
    const service = createService(() => current);
    const port = await freePort();
    await service.listen([{ host: '0.0.0.0', port }]);
    current = interfaces('127.0.0.1', '127.0.0.3');
    await service.look();
    assert.deepEqual(service.addresses, [`127.0.0.1:${port}`, `127.0.0.3:${port}`]);
    const { from } = await askUdp({ host: '127.0.0.3', port }, Buffer.from('abc'));
    assert.equal(from, '127.0.0.3');
    service.stop();
  });

  test('an address of the host that cannot be bound yet is tried again, one that is configured is a mistake', async () => {
    let current = interfaces('127.0.0.1', '203.0.113.7');
    const service = createService(() => current);
    const port = await freePort();
    await service.listen([{ host: '0.0.0.0', port }]);
    assert.deepEqual(service.addresses, [`127.0.0.1:${port}`]);
    current = interfaces('127.0.0.1', '127.0.0.2');
    await service.look();
    assert.equal(service.addresses.length, 2);
    service.stop();
    await assert.rejects(
      createService(() => current).listen([{ host: '203.0.113.7', port }]),
      (error) => error instanceof CrossfadeError && error.code === 'bind' && /203\.0\.113\.7/.test(error.message),
    );
  });

  test('IPv4 and IPv6 have sockets of their own at one port', async (context) => {
    const service = createService(() => interfaces('127.0.0.1', '::1'));
    const port = await freePort();
    try {
      await service.listen([
        { host: '0.0.0.0', port },
        { host: '::', port },
      ]);
    } catch {
      context.skip('this host has no IPv6');
      return;
    }
    if (service.addresses.length < 2) context.skip('this host has no IPv6');
    else assert.equal((await askUdp({ host: '::1', port }, Buffer.from('ab'))).from, '::1');
    service.stop();
  });
});

describe('NameserverSockets', () => {
  test('port 0 is one free port of both transports, and a second worker shares it', async () => {
    const sockets = createSockets();
    const bound = await sockets.listen({ host: '127.0.0.1', port: 0 });
    assert.notEqual(bound.port, 0);
    assert.deepEqual(sockets.udpAddresses, [`127.0.0.1:${bound.port}`]);
    const second = createSockets();
    assert.deepEqual(await second.listen(bound), bound);
    assert.equal((await askUdp(bound, Buffer.from('ab'))).answer.toString(), 'ba');
    second.stop();
    sockets.stop();
  });
});
