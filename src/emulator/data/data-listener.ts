import { constants } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { ArrivedConnection } from '../account-gate.ts';
import { cipherSuites } from './cipher-suites.ts';
import type { ConnectionPort } from './client-connection.ts';
import type { ServerCertificates } from './server-certificates.ts';

/** The protocols that the MQTT listener on 443 knows: for X.509, and for custom authorizers. */
const mqttProtocols = ['x-amzn-mqtt-ca', 'mqtt'];

/** What is agreed of what a client offers; undefined: nothing, and the handshake fails. */
function agreedProtocol({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return mqttProtocols.find((known) => protocols.includes(known));
}

export interface DataListenerOptions {
  readonly port: ArrivedConnection['port'];
  /** An IP address and a TCP port, 0 for a free one. */
  readonly host: string;
  readonly tcpPort: number;
  readonly certificates: ServerCertificates;
  readonly handshakeMs: number;
  readonly maxConnections: number;
  readonly handleConnection: (socket: TLSSocket, arrived: ArrivedConnection) => void;
}

/** One of the two TLS ports. A client certificate is asked for and not verified: who that is, is judged at CONNECT. */
export class DataListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: DataListenerOptions) {
    const { port, certificates } = options;
    this.#server = createServer({
      ...certificates.fallback,
      SNICallback: (name, answer) => answer(null, certificates.contextOf(name)),
      // Without ALPN the account decides; on 8883 it is not looked at.
      ...(port === 'alpn' && { ALPNCallback: agreedProtocol }),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ciphers: cipherSuites,
      // AWS documents that it has no session tickets.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: options.handshakeMs,
    });
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      options.handleConnection(socket, arrivedConnection(port, socket));
    });
  }

  static async start(options: DataListenerOptions): Promise<DataListener> {
    const listener = new DataListener(options);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(options.tcpPort, options.host, () => {
        listener.#server.off('error', reject);
        resolve();
      });
    });
    return listener;
  }

  /** The bound TCP port. */
  get tcpPort(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are not gone after `graceMs` are cut. */
  async stop(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }
}

/** Milliseconds that a client has to close its side, once the broker has closed its own. */
const lingerMs = 1_000;

/** The socket as the message broker sees it. */
export class SocketPort implements ConnectionPort {
  readonly #socket: TLSSocket;
  readonly #maxWaitingBytes: number;

  /** With more than `maxWaitingBytes` waiting the connection is cut: its client does not read. */
  constructor(socket: TLSSocket, maxWaitingBytes: number) {
    this.#socket = socket;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.writableCorked === 0) {
      // What is sent in one turn leaves in one record.
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(bytes);
    if (socket.writableLength > this.#maxWaitingBytes) socket.destroy();
  }

  close(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    socket.end();
    // Reading on keeps the last bytes from being lost to a reset.
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  setReading(isReading: boolean): void {
    if (isReading) this.#socket.resume();
    else if (!this.#socket.writableEnded) this.#socket.pause();
  }
}

function arrivedConnection(port: ArrivedConnection['port'], socket: TLSSocket): ArrivedConnection {
  // `false` where the client named no server, or no protocol was agreed.
  const serverName: unknown = 'servername' in socket ? socket.servername : undefined;
  return {
    port,
    serverName: typeof serverName === 'string' && serverName !== '' ? serverName : undefined,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    sourceAddress: plainAddress(socket.remoteAddress),
    tlsVersion: socket.getProtocol() ?? '',
    ends: {
      sourcePort: socket.remotePort ?? 0,
      targetAddress: plainAddress(socket.localAddress),
      targetPort: socket.localPort ?? 0,
    },
    certificates: peerChain(socket),
  };
}

/** Without the form that an IPv4 address has at a listener of IPv6. */
function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:/, '') ?? '';
}

/** A chain is as long as the client made it; five certificates are more than AWS needs. */
const maxChain = 5;

function peerChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < maxChain) {
    const { raw } = certificate;
    if (chain.some((known) => known.equals(raw))) break;
    chain.push(raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
