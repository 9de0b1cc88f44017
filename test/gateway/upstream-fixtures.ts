import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import {
  createUpstreamConnector,
  type ReloadableUpstreamConnector,
  type UpstreamConnectorOptions,
} from '../../src/gateway/dial-upstream.ts';
import type { UpstreamBrokerOptions } from '../../src/gateway/upstream-broker.ts';
import type { UpstreamDevice, UpstreamRequest } from '../../src/gateway/upstream-connector.ts';
import {
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';

export const brokerCa = mintCertificateAuthority('Broker CA');
export const otherCa = mintCertificateAuthority('Some other CA');
export const clientCa = mintCertificateAuthority('Client CA');
export const brokerCertificate = mintCertificate({
  subject: { commonName: 'broker.test' },
  dnsNames: ['broker.test'],
  ipAddresses: ['127.0.0.1'],
  issuer: brokerCa,
});

export function mintClient(commonName: string): MintedCertificate {
  return mintCertificate({ subject: { commonName }, issuer: clientCa, extendedKeyUsage: ['clientAuth'] });
}

/** Whether the broker has not failed since it was last heard from. */
export function answers(connector: ReloadableUpstreamConnector): boolean {
  return connector.brokerLife('legacy').failedMs === undefined;
}

/** A loopback server that ends with the test, its connections first. */
export interface FakeBroker {
  readonly port: number;
  /** TCP connections so far, and how many are open now. */
  readonly connections: { total: number; open: number };
  /** Resolves when no connection is open. */
  whenEmpty(): Promise<void>;
  /** Calls back when the next TCP connection has been accepted. */
  onceConnected(callback: () => void): void;
}

export async function startPlainBroker(
  context: TestContext,
  handle: (socket: Socket) => void = (socket) => void socket.resume(),
): Promise<FakeBroker> {
  return await listen(context, createServer(handle));
}

export async function startTlsBroker(
  context: TestContext,
  options: TlsOptions = {},
  handle: (socket: TLSSocket) => void = (socket) => void socket.resume(),
): Promise<FakeBroker & { setTicketKeys(keys: Buffer): void }> {
  const { certificate: cert, key } = brokerCertificate;
  const server = createTlsServer({ cert, key, ...options }, (socket) => {
    socket.on('error', () => {});
    handle(socket);
  });
  server.on('tlsClientError', () => {});
  return { ...(await listen(context, server)), setTicketKeys: (keys) => void server.setTicketKeys(keys) };
}

async function listen(context: TestContext, server: Server): Promise<FakeBroker> {
  const sockets = new Set<Socket>();
  const connections = { total: 0, open: 0 };
  let emptied = Promise.withResolvers<void>();
  server.on('connection', (socket: Socket) => {
    connections.total++;
    connections.open++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      connections.open--;
      sockets.delete(socket);
      if (sockets.size === 0) {
        emptied.resolve();
        emptied = Promise.withResolvers<void>();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    onceConnected: (callback) => void server.once('connection', callback),
    whenEmpty: () => (sockets.size === 0 ? Promise.resolve() : emptied.promise),
  };
}

/** A port of loopback that nobody listens on. */
export async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

type LogLine = { readonly level: 'info' | 'warn'; readonly fields: unknown; readonly message: unknown };

export interface ConnectorUnderTest {
  readonly connector: ReloadableUpstreamConnector;
  readonly log: LogLine[];
}

export function createConnector(
  context: TestContext,
  broker: Partial<UpstreamBrokerOptions> & Pick<UpstreamBrokerOptions, 'endpoints'>,
  options: Partial<Pick<UpstreamConnectorOptions, 'clock'>> & {
    limits?: Partial<UpstreamConnectorOptions['limits']>;
  } = {},
): ConnectorUnderTest {
  const log: LogLine[] = [];
  const record = (level: LogLine['level']) => (fields: unknown, message?: unknown) =>
    void log.push({ level, fields, message });
  const connector = createUpstreamConnector({
    brokers: {
      legacy: {
        tls: { ca: brokerCa.certificate, servername: 'broker.test' },
        identityMode: 'forward',
        sendProxyProtocol: false,
        ...broker,
      },
    },
    limits: {
      dialMs: 3_000,
      endpointHoldDownMs: 5_000,
      upstreamTlsSessions: 100,
      deviceCertificates: 100,
      deviceContexts: 100,
      ...options.limits,
    },
    clock: options.clock ?? systemClock,
    log: { info: record('info'), warn: record('warn') },
  });
  context.after(() => connector.close());
  return { connector, log };
}

export const device: UpstreamDevice = {
  rendezvousKey: 'cn:meter-7',
  remoteAddress: '192.0.2.1',
  remotePort: 54321,
  localAddress: '198.51.100.2',
  localPort: 8883,
  commonName: 'meter-7',
  tlsVersion: 'TLSv1.3',
  certificateVerified: true,
};

export function createRequest(overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    broker: 'legacy',
    device,
    connectToken: async () => true,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...overrides,
  };
}
