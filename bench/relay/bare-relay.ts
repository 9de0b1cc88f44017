/**
 * The baseline: the simplest honest Node program that does a relay's work. It terminates TLS with client certificates
 * required, waits for the first bytes, dials one TLS upstream per device, and relays both ways with back-pressure. It
 * knows nothing of MQTT, of plans or of limits, so what Crossfade costs above it is the price of Crossfade's own work.
 *
 * Usage: node bare-relay.ts OPTIONS_AS_JSON. Prints {"event":"ready","port":N}; ends when its standard input does.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';

export interface BareRelayOptions {
  readonly cert: string;
  readonly key: string;
  /** Trusted for the devices' certificates. */
  readonly deviceCa: string;
  /** Trusted for the upstreams' certificates. */
  readonly upstreamCa: string;
  readonly upstreamServername: string;
  /** Devices alternate between these ports of 127.0.0.1. */
  readonly upstreamPorts: readonly number[];
  /** The relay's own client certificate upstream, where the upstream wants one. */
  readonly upstreamIdentity?: { readonly cert: string; readonly key: string };
  /** Whether an upstream connection offers the session ticket of an earlier one. */
  readonly resume: boolean;
}

const options = JSON.parse(process.argv[2] ?? '{}') as BareRelayOptions;
const upstreamCa = readFileSync(options.upstreamCa);
const identity = options.upstreamIdentity && {
  cert: readFileSync(options.upstreamIdentity.cert),
  key: readFileSync(options.upstreamIdentity.key),
};
const sessionByPort = new Map<number, Buffer>();
let accepted = 0;

const server = createServer(
  {
    cert: readFileSync(options.cert),
    key: readFileSync(options.key),
    ca: readFileSync(options.deviceCa),
    requestCert: true,
    rejectUnauthorized: true,
    noDelay: true,
  },
  (device) => {
    device.on('error', () => device.destroy());
    device.once('data', (first: Buffer) => {
      device.pause();
      dial(device, first);
    });
  },
);
server.on('tlsClientError', () => undefined);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ event: 'ready', port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit(0)).resume();

function dial(device: TLSSocket, first: Buffer): void {
  const port = options.upstreamPorts[accepted++ % options.upstreamPorts.length] ?? 0;
  const session = options.resume ? sessionByPort.get(port) : undefined;
  const upstream = connect({
    host: '127.0.0.1',
    port,
    ca: upstreamCa,
    servername: options.upstreamServername,
    ...identity,
    ...(session && { session }),
  });
  upstream.setNoDelay(true);
  if (options.resume) upstream.on('session', (ticket: Buffer) => sessionByPort.set(port, ticket));
  upstream.on('error', () => upstream.destroy());
  upstream.once('secureConnect', () => {
    upstream.write(first);
    relay(device, upstream);
    relay(upstream, device);
    device.resume();
  });
  upstream.on('close', () => device.destroy());
  device.on('close', () => upstream.destroy());
}

function relay(from: TLSSocket, to: TLSSocket): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
}
