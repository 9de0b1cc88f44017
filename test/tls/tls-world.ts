import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import {
  type CertificateRequest,
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';
import { createListenerTls } from '../../src/tls/create-listener-tls.ts';
import type { ListenerTls, ListenerTlsMaterial, ListenerTlsPolicy, PeerJudgement } from '../../src/tls/listener-tls.ts';

export const dayMs = 86_400_000;
export const serverCa = mintCertificateAuthority('Server CA');
export const deviceCa = mintCertificateAuthority('Device CA');
export const server = mintServer('mqtt.example.com');

export function mintServer(...dnsNames: string[]): MintedCertificate {
  return mintCertificate({
    subject: { commonName: dnsNames[0] ?? 'server' },
    dnsNames,
    extendedKeyUsage: ['serverAuth'],
    issuer: serverCa,
  });
}

export function mintDevice(request: Partial<CertificateRequest> = {}): MintedCertificate {
  const subject = { commonName: 'meter-7' };
  return mintCertificate({ subject, extendedKeyUsage: ['clientAuth'], issuer: deviceCa, ...request });
}

export function policy(changes: Partial<ListenerTlsPolicy> = {}): ListenerTlsPolicy {
  return {
    name: 'devices',
    clientCertificates: 'required',
    tolerate: [],
    crlStale: 'allow',
    minVersion: 'TLSv1.2',
    alpn: ['x-amzn-mqtt-ca', 'mqtt'],
    ticketSecret: 'a secret of the test',
    ticketRotationMs: 12 * 3_600_000,
    ...changes,
  };
}

export function material(changes: Partial<ListenerTlsMaterial> = {}): ListenerTlsMaterial {
  return {
    certificates: [{ cert: server.certificate, key: server.key }],
    trustedCas: [deviceCa.certificate],
    crls: [],
    ...changes,
  };
}

export function crl(content: string | undefined, file = 'device-ca.crl'): ListenerTlsMaterial['crls'] {
  return [content === undefined ? { file } : { file, content: Buffer.from(content) }];
}

/** What one connection looked like from both sides. */
export interface Encounter {
  readonly judgement: PeerJudgement;
  readonly isReused: boolean;
  readonly version: string | null;
  /** What the client got. */
  readonly alpnProtocol: string | false | null;
  readonly serverNames: string | undefined;
  /** For resumption: the client's last ticket. */
  readonly session: Buffer | undefined;
}

/** A listener on loopback; the time it judges at can be set. */
export class TlsWorld implements AsyncDisposable {
  readonly listener: ListenerTls;
  readonly #server: ReturnType<typeof createServer>;
  readonly #serverSockets = new Set<TLSSocket>();
  nowMs = Date.now();

  private constructor(listener: ListenerTls) {
    this.listener = listener;
    this.#server = createServer(listener.serverOptions);
    listener.adopt(this.#server, this.nowMs);
    this.#server.on('connection', (socket) => socket.on('error', () => socket.destroy()));
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  static async start(listenerPolicy: ListenerTlsPolicy, listenerMaterial = material()): Promise<TlsWorld> {
    const world = new TlsWorld(createListenerTls(listenerPolicy, listenerMaterial, Date.now()));
    world.#server.listen(0, '127.0.0.1');
    await once(world.#server, 'listening');
    return world;
  }

  /** Connects, is judged, and (unless `keep`) leaves. */
  async meet(
    device?: MintedCertificate,
    options: ConnectionOptions & { readonly chain?: string } = {},
  ): Promise<Encounter> {
    const { encounter, client } = await this.stay(device, options);
    client.destroy();
    return encounter;
  }

  async stay(
    device?: MintedCertificate,
    { chain = '', ...options }: ConnectionOptions & { readonly chain?: string } = {},
  ): Promise<{ encounter: Encounter; client: TLSSocket; serverSocket: TLSSocket }> {
    const client = connect({
      ...{ host: '127.0.0.1', port: this.#port, ca: serverCa.certificate, servername: 'mqtt.example.com' },
      // so that the client's own OpenSSL shows weak certificates, as an old device's library does
      ciphers: 'DEFAULT:@SECLEVEL=0',
      ...(device === undefined ? {} : { cert: device.certificate + chain, key: device.key }),
      ...options,
    });
    client.on('error', () => client.destroy());
    const tickets = Promise.withResolvers<Buffer>();
    client.on('session', tickets.resolve);
    const [serverSocket] = (await Promise.race([
      once(this.#server, 'secureConnection'),
      once(client, 'error').then(([error]) => Promise.reject(error)),
    ])) as [TLSSocket];
    this.#serverSockets.add(serverSocket);
    serverSocket.on('error', () => serverSocket.destroy());
    const judgement = this.listener.judge(serverSocket, this.nowMs);
    const isReused = serverSocket.isSessionReused();
    serverSocket.write('x');
    await once(client, 'data');
    // TLS 1.3 sends tickets after the handshake, and none after a resumption
    const isTicketDue = client.getProtocol() === 'TLSv1.3' && !client.isSessionReused();
    const session = isTicketDue ? await tickets.promise : client.getSession();
    const { alpnProtocol } = client;
    const serverNames = client.getPeerX509Certificate()?.subjectAltName;
    return {
      ...{ client, serverSocket },
      encounter: { judgement, isReused, version: serverSocket.getProtocol(), alpnProtocol, serverNames, session },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#serverSockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}
