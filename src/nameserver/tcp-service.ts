import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import type { AnswerMessage } from './answering.ts';
import { createAskerAddresses } from './asker-address.ts';
import { TcpConnection, type TcpTimes } from './tcp-connection.ts';

export interface TcpLimits extends TcpTimes {
  /** Connections of this worker; for a further one the longest silent makes room. */
  readonly connections: number;
  /** Of one client address (IPv6: one /64); for a further one its own longest silent makes room. */
  readonly connectionsPerClient: number;
}

export interface TcpServiceDeps {
  readonly answer: AnswerMessage;
  readonly clock: Clock;
  readonly limits: TcpLimits;
}

/** How often overdue connections are looked for. */
const sweepEveryMs = 500;
const backlog = 1_024;

/** The TCP listeners of one worker and their connections. */
export class TcpService {
  readonly #deps: TcpServiceDeps;
  readonly #servers: Server[] = [];
  readonly #askerAddress = createAskerAddresses();
  /** With their client, in the order of their last message: the longest silent first. */
  readonly #connections = new Map<TcpConnection, string>();
  readonly #byClient = new Map<string, Set<TcpConnection>>();
  readonly #timer: NodeJS.Timeout;

  constructor(deps: TcpServiceDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#sweep(), sweepEveryMs).unref();
  }

  /** Binds one address; port 0 takes a free one. Rejects with CrossfadeError `bind`. */
  async listen({ host, port }: HostPort): Promise<HostPort> {
    // Half-open: a client that ends its side after its last question still gets its answers.
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const problem = `${renderHostPort({ host, port })} cannot be bound: ${errorMessage(error)}`;
        reject(new CrossfadeError('bind', `nameserver: ${problem}`, { cause: error }));
      });
      server.listen({ host, port, reusePort: true, ipv6Only: true, backlog }, resolve);
    });
    server.removeAllListeners('error');
    // Out of descriptors, for example: the listener stays.
    server.on('error', () => {});
    this.#servers.push(server);
    return { host, port: (server.address() as AddressInfo).port };
  }

  /** Ends a listener again: its port does not suit. */
  forget(address: HostPort): void {
    const index = this.#servers.findIndex((server) => (server.address() as AddressInfo).port === address.port);
    this.#servers.splice(index, 1)[0]?.close();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections.keys()) connection.destroy();
  }

  #accept(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const asker = this.#askerAddress(remoteAddress);
    const client = asker.subarray(0, asker.length === 4 ? 4 : 8).join('.');
    this.#makeRoom(client);
    const { answer, clock } = this.#deps;
    const connection: TcpConnection = new TcpConnection(socket, asker, {
      answer: (message, from) => answer(message, from, 'tcp'),
      nowMs: () => clock.monotonicMs(),
      onMessage: () => {
        moveToEnd(this.#connections, connection);
        moveToEnd(this.#byClient.get(client), connection);
      },
    });
    const ofClient = this.#byClient.get(client) ?? new Set<TcpConnection>();
    this.#byClient.set(client, ofClient.add(connection));
    this.#connections.set(connection, client);
    socket.once('close', () => this.#forgetConnection(connection));
  }

  #makeRoom(client: string): void {
    const { limits } = this.#deps;
    const ofClient = this.#byClient.get(client);
    const oldest =
      (ofClient?.size ?? 0) >= limits.connectionsPerClient
        ? ofClient?.values().next().value
        : this.#connections.size >= limits.connections
          ? this.#connections.keys().next().value
          : undefined;
    if (oldest === undefined) return;
    this.#forgetConnection(oldest);
    oldest.destroy();
  }

  #forgetConnection(connection: TcpConnection): void {
    const client = this.#connections.get(connection);
    if (client === undefined) return;
    this.#connections.delete(connection);
    const ofClient = this.#byClient.get(client);
    ofClient?.delete(connection);
    if (ofClient?.size === 0) this.#byClient.delete(client);
  }

  #sweep(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const connection of this.#connections.keys()) {
      if (connection.isOverdue(nowMs, this.#deps.limits)) connection.destroy();
    }
  }
}

/** Sets and maps keep the order of insertion. */
function moveToEnd(
  connections: Set<TcpConnection> | Map<TcpConnection, string> | undefined,
  connection: TcpConnection,
) {
  if (connections === undefined || !connections.has(connection)) return;
  if (connections instanceof Map) {
    const client = connections.get(connection) ?? '';
    connections.delete(connection);
    connections.set(connection, client);
  } else {
    connections.delete(connection);
    connections.add(connection);
  }
}
