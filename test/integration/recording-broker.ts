import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { decodeProxyHeader, type ProxyAddress } from '../../src/gateway/proxy-protocol.ts';
import { PacketInbox } from '../gateway/packet-inbox.ts';
import { connackAccepted } from '../gateway/scripted-broker.ts';

export interface RecordedConnect {
  readonly clientId: string;
  /** Milliseconds of the monotonic clock at the TCP connection. */
  readonly acceptedAtMs: number;
  /** From the PROXY header, where one is expected. */
  readonly source?: ProxyAddress;
}

/** A broker of MQTT 3.1.1 that remembers who connected and when; for what Mosquitto cannot measure or read. */
export class RecordingBroker implements AsyncDisposable {
  readonly connects: RecordedConnect[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #expectsProxyHeader: boolean;

  private constructor(expectsProxyHeader: boolean) {
    this.#expectsProxyHeader = expectsProxyHeader;
    this.#server = createServer({ noDelay: true }, (socket) => this.#handleConnection(socket));
  }

  static async start(options: { readonly expectsProxyHeader?: boolean } = {}): Promise<RecordingBroker> {
    const broker = new RecordingBroker(options.expectsProxyHeader ?? false);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `mqtt://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #handleConnection(socket: Socket): void {
    const acceptedAtMs = performance.now();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const inbox = new PacketInbox(4);
    let isHeaderRead = !this.#expectsProxyHeader;
    let source: ProxyAddress | undefined;
    let isConnected = false;
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk;
      if (!isHeaderRead) {
        // Small enough to come in one piece on loopback.
        const header = decodeProxyHeader(chunk);
        if (header.kind !== 'header') return void socket.destroy();
        isHeaderRead = true;
        source = header.source;
        bytes = chunk.subarray(header.byteLength);
      }
      inbox.handleBytes(bytes);
      const clientId = inbox.find('connect')?.['clientId'];
      if (isConnected || typeof clientId !== 'string') return;
      isConnected = true;
      this.connects.push({ clientId, acceptedAtMs, ...(source === undefined ? {} : { source }) });
      socket.write(connackAccepted);
    });
  }
}
