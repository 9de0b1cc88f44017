import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Contender, type RunningContender, runningContender } from './contender.ts';
import { LineProcess } from './line-process.ts';
import { brokerDomain, type World } from './world.ts';

const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/**
 * HAProxy with the work that Crossfade does: TLS on both sides, client certificates required, client ID → hash →
 * backend. It keeps TLS sessions of its servers for resumption by itself (that is its default).
 */
export const haproxy: Contender = {
  name: 'haproxy',
  label: 'HAProxy',
  describe: () => {
    const text = execFileSync('haproxy', ['-vv'], { encoding: 'utf8', env: { ...process.env, ...env } });
    const version = /^HAProxy version (\S+)/m.exec(text)?.[1] ?? 'unknown';
    const openssl = /^Running on OpenSSL version : (OpenSSL \S+)/m.exec(text)?.[1] ?? 'unknown TLS library';
    return `HAProxy ${version}, ${openssl}, nbthread 1, client ID → xxh32 → one of two backends`;
  },
  start,
};

async function start(world: World): Promise<RunningContender> {
  const port = await freePort();
  const path = join(world.directory, 'haproxy.cfg');
  writeFileSync(path, configuration(world, port));
  const child = new LineProcess({
    command: 'haproxy',
    args: ['-db', '-f', path],
    env,
    ...(world.cores.proxy !== undefined && { core: world.cores.proxy }),
  });
  await untilListening(port, child);
  return runningContender(child, port);
}

function configuration(world: World, port: number): string {
  const { files } = world;
  const upstreamIdentity = world.mutualUpstream ? ` crt ${files.gateway.bundle}` : '';
  const backends = world.brokerPorts.map(
    (brokerPort, index) => `
backend broker${index}
    server broker${index} 127.0.0.1:${brokerPort} ssl verify required ca-file ${files.brokerCa} sni str(${brokerDomain})${upstreamIdentity}`,
  );
  return `global
    nbthread 1
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode tcp
    maxconn 8000
    timeout connect 5s
    timeout client 1h
    timeout server 1h

frontend mqtt
    bind 127.0.0.1:${port} backlog 4096 ssl crt ${files.server.bundle} ca-file ${files.deviceCa} verify required alpn x-amzn-mqtt-ca,mqtt
    tcp-request inspect-delay 10s
    tcp-request content reject if { req.len ge 2 } !{ req.payload(0,1) -m bin 10 }
    tcp-request content set-var(txn.cid) req.payload(0,0),mqtt_field_value(connect,client_identifier) if { req.payload(0,0),mqtt_is_valid }
    tcp-request content set-var(txn.bucket) var(txn.cid),xxh32(0),mod(10000) if { var(txn.cid) -m found }
    tcp-request content accept if { var(txn.bucket) -m found }
    tcp-request content reject if WAIT_END
    use_backend broker1 if { var(txn.bucket) -m int lt 5000 }
    default_backend broker0
${backends.join('\n')}
`;
}

/** A port that was free a moment ago: HAProxy cannot say which one it got for port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListening(port: number, child: LineProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (child.hasEnded) break;
    if (await accepts(port)) return;
    await delay(50);
  }
  throw new Error(`HAProxy does not listen on port ${port}: ${child.errors}`);
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
