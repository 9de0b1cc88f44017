import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes, type AedesPublishPacket, type Client } from 'aedes';
import type { MintedCertificate } from '../tls/certificate-minting.ts';
import type { Arrival, DemoBroker, DemoBrokerEvents } from './demo-broker.ts';

export interface LegacyBrokerOptions extends DemoBrokerEvents {
  readonly server: MintedCertificate;
}

/** One MQTT 3.1 and 3.1.1 broker inside this process, on a TLS listener of its own. */
export class LegacyBroker implements DemoBroker {
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #clients = new Map<string, Client>();
  /** Topic filters of each client. */
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #sockets = new Set<Socket>();

  private constructor(aedes: Aedes, options: LegacyBrokerOptions) {
    this.#aedes = aedes;
    this.#server = createServer({ cert: options.server.certificate, key: options.server.key }, (socket) =>
      this.#accept(socket),
    );
    aedes.on('clientReady', (client) => {
      this.#clients.set(client.id, client);
      options.onClients(client.id);
    });
    aedes.on('clientDisconnect', (client) => {
      if (this.#clients.get(client.id) === client) this.#clients.delete(client.id);
      options.onClients(client.id);
    });
    aedes.on('subscribe', (subscriptions, client) => {
      const filters = this.#filtersOf(client);
      for (const { topic } of subscriptions) filters.add(topic);
      options.onClients(client.id);
    });
    aedes.on('unsubscribe', (topics, client) => {
      const filters = this.#filtersOf(client);
      for (const topic of topics) filters.delete(topic);
      options.onClients(client.id);
    });
    aedes.on('publish', (packet, client) => {
      if (client !== null && client !== undefined) options.onArrival(toArrival(packet, client));
    });
    // A client that breaks off is the gateway's business; here it only must not end the process.
    for (const event of ['clientError', 'connectionError'] as const) aedes.on(event, () => {});
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: LegacyBrokerOptions): Promise<LegacyBroker> {
    const aedes = await Aedes.createBroker();
    const broker = new LegacyBroker(aedes, options);
    await broker.#listen();
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get servedCount(): number {
    return [...this.#clients.keys()].filter((clientId) => this.serves(clientId)).length;
  }

  serves(clientId: string): boolean {
    const client = this.#clients.get(clientId);
    return client !== undefined && this.#filtersOf(client).size > 0;
  }

  publish(topic: string, text: string): void {
    const packet = { cmd: 'publish', topic, payload: Buffer.from(text), qos: 1, retain: false, dup: false } as const;
    this.#aedes.publish(packet, () => {});
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    await closed;
  }

  #filtersOf(client: Client): Set<string> {
    const known = this.#filters.get(client) ?? new Set();
    this.#filters.set(client, known);
    return known;
  }

  #accept(socket: TLSSocket): void {
    socket.on('error', () => {});
    this.#aedes.handle(socket);
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
      });
      this.#server.on('tlsClientError', () => {});
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }
}

function toArrival(
  { topic, payload, qos }: Pick<AedesPublishPacket, 'topic' | 'payload' | 'qos'>,
  client: Client,
): Arrival {
  return { clientId: client.id, topic, payload: Buffer.from(payload), qos };
}
