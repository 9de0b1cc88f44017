import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { HostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ListenerTls, PeerCertificate } from '../tls/listener-tls.ts';
import type { Admission, ConnectionRefusal } from './admission.ts';
import { type DevicePeer, peerOf } from './device-peer.ts';
import type { DeviceListenerSettings } from './gateway-ports.ts';
import { receiveProxyHeader } from './proxied-arrival.ts';
import { ignoreError } from './socket-closing.ts';

/** A device as it stands behind TLS, before its first packet. */
export interface AcceptedDevice {
  /** Where its packets come from: the TLS socket, or on a plain listener the raw one. */
  readonly socket: Socket;
  /** The TCP socket. */
  readonly raw: Socket;
  readonly listener: DeviceListenerSettings;
  readonly peer: DevicePeer;
  /** Present when it verified or its faults are tolerated. */
  readonly certificate?: PeerCertificate;
  readonly certificateVerified: boolean;
  /** Absent on a plain listener. */
  readonly tlsVersion?: string;
}

export interface DeviceListenerParts {
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly tlsHandshakeMs: number;
  readonly relayBufferBytes: number;
  readonly handleDevice: (device: AcceptedDevice) => void;
}

/** A connection between accept and the end of its TLS handshake. */
interface Arrival {
  peer: DevicePeer;
  readonly deadline: NodeJS.Timeout;
}

/** Longest time between looks at the ticket keys; `setTimeout` cannot wait longer than 24.8 days. */
const longestRotationMs = 24 * 3_600_000;

/** The first stages of a device connection: accept, PROXY header where one is due, TLS, the word on its certificate. */
export class DeviceListener {
  readonly #settings: DeviceListenerSettings;
  readonly #parts: DeviceListenerParts;
  readonly #tcp: TcpServer;
  readonly #tls: TlsServer | undefined;
  readonly #arrivals = new Map<Socket, Arrival>();
  #rotation: NodeJS.Timeout | undefined;

  constructor(settings: DeviceListenerSettings, parts: DeviceListenerParts) {
    this.#settings = settings;
    this.#parts = parts;
    const highWaterMark = parts.relayBufferBytes;
    this.#tcp = createTcpServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, highWaterMark });
    this.#tcp.on('connection', (socket) => this.#handleConnection(socket));
    this.#tls = settings.tls === undefined ? undefined : this.#createTls(settings.tls);
  }

  /** Resolves with the bound address; rejects with CrossfadeError `listen` when it cannot be bound. */
  listen({ port, reusePort }: { readonly port: number; readonly reusePort: boolean }): Promise<HostPort> {
    const { host } = this.#settings.bind;
    return new Promise((resolve, reject) => {
      const handleFailure = (cause: Error): void => {
        const message = `cannot listen on ${host} port ${port} for ${this.#settings.name}: ${cause.message}`;
        reject(new CrossfadeError('listen', message, { cause }));
      };
      this.#tcp.once('error', handleFailure);
      this.#tcp.listen({ host, port, reusePort, backlog: 4096 }, () => {
        this.#tcp.off('error', handleFailure);
        this.#tcp.on('error', (error) => this.#handleAcceptError(error));
        const address = this.#tcp.address();
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port });
      });
    });
  }

  /** Accepts no more; connections that are here stay. */
  close(): void {
    this.#tcp.close();
    clearTimeout(this.#rotation);
  }

  /** Cuts the connections that have not finished TLS. */
  destroyArrivals(): void {
    for (const socket of this.#arrivals.keys()) socket.destroy();
  }

  #createTls(tls: ListenerTls): TlsServer {
    const { tlsHandshakeMs, clock } = this.#parts;
    const server = createTlsServer({ ...tls.serverOptions, handshakeTimeout: tlsHandshakeMs });
    tls.adopt(server, clock.wallMs());
    server.on('secureConnection', (socket) => this.#handleSecure(socket, tls));
    server.on('tlsClientError', (error, socket) => this.#handleTlsError(error, socket));
    this.#scheduleRotation(tls);
    return server;
  }

  #scheduleRotation(tls: ListenerTls): void {
    const nowMs = this.#parts.clock.wallMs();
    const waitMs = Math.min(Math.max(1_000, tls.rotate(nowMs) - nowMs), longestRotationMs);
    this.#rotation = setTimeout(() => this.#scheduleRotation(tls), waitMs);
    this.#rotation.unref();
  }

  #handleAcceptError(error: Error): void {
    this.#parts.admission.reportAcceptError(this.#settings.name, systemErrorCode(error) ?? errorMessage(error));
  }

  #handleConnection(socket: Socket): void {
    socket.on('error', ignoreError);
    const peer = peerOf(socket);
    const isProxied = this.#settings.sendsProxyProtocol?.(peer.remoteAddress) === true;
    if (!this.#parts.admission.enter(this.#settings.name, socket, isProxied ? undefined : peer.remoteAddress)) {
      socket.destroy();
      return;
    }
    socket.once('close', this.#handleRawClose);
    const arrival: Arrival = {
      peer,
      deadline: setTimeout(() => this.#refuse(socket, 'timeout'), this.#parts.tlsHandshakeMs),
    };
    this.#arrivals.set(socket, arrival);
    if (isProxied) this.#awaitProxyHeader(socket, arrival);
    else this.#startTls(socket);
  }

  #awaitProxyHeader(socket: Socket, arrival: Arrival): void {
    receiveProxyHeader(socket, (header) => {
      if (header.kind === 'invalid') {
        this.#parts.log.debug(
          { listener: this.#settings.name, ...arrival.peer, problem: header.message },
          'no PROXY header',
        );
        this.#refuse(socket, 'proxy-header');
        return;
      }
      const { peer } = header;
      if (peer !== undefined && !this.#parts.admission.name(this.#settings.name, socket, peer.remoteAddress)) {
        this.#dropArrival(socket);
        socket.destroy();
        return;
      }
      arrival.peer = peer ?? arrival.peer;
      this.#startTls(socket);
    });
  }

  #startTls(socket: Socket): void {
    if (this.#tls === undefined) this.#finishArrival(socket, socket, { certificateVerified: false });
    else this.#tls.emit('connection', socket);
  }

  #handleSecure(socket: TLSSocket, tls: ListenerTls): void {
    socket.on('error', ignoreError);
    const raw = parentOf(socket);
    const { metrics, clock } = this.#parts;
    const version = socket.getProtocol() ?? 'unknown';
    metrics.tlsHandshakes.inc({ version, resumed: String(socket.isSessionReused()), result: 'ok' });
    const judgement = tls.judge(socket, clock.wallMs());
    const faults = judgement.accepted ? judgement.observed : judgement.reasons;
    for (const reason of faults) metrics.clientCertificatesRefused.inc({ reason });
    if (!judgement.accepted) {
      this.#parts.log.debug({ listener: this.#settings.name, ...peerOf(raw), reasons: faults }, 'certificate refused');
      this.#refuse(raw, 'certificate');
      return;
    }
    const { certificate } = judgement;
    this.#finishArrival(raw, socket, {
      ...(certificate === undefined ? {} : { certificate }),
      certificateVerified: certificate !== undefined && faults.length === 0,
      tlsVersion: version,
    });
  }

  #handleTlsError(error: Error, socket: TLSSocket): void {
    const raw = parentOf(socket);
    const peer = this.#arrivals.get(raw)?.peer;
    if (peer === undefined) return;
    this.#parts.metrics.tlsHandshakes.inc({ version: 'none', resumed: 'false', result: 'failed' });
    this.#parts.log.debug({ listener: this.#settings.name, ...peer, error: error.message }, 'TLS handshake failed');
    this.#refuse(raw, 'tls');
  }

  #finishArrival(
    raw: Socket,
    socket: Socket,
    identity: Pick<AcceptedDevice, 'certificate' | 'certificateVerified' | 'tlsVersion'>,
  ): void {
    const arrival = this.#arrivals.get(raw);
    if (arrival === undefined) return;
    clearTimeout(arrival.deadline);
    this.#arrivals.delete(raw);
    this.#parts.admission.advance(raw);
    this.#parts.handleDevice({ socket, raw, listener: this.#settings, peer: arrival.peer, ...identity });
  }

  #refuse(raw: Socket, reason: ConnectionRefusal): void {
    this.#parts.admission.countRefusal(this.#settings.name, reason);
    this.#dropArrival(raw);
    raw.destroy();
  }

  #dropArrival(raw: Socket): boolean {
    const arrival = this.#arrivals.get(raw);
    if (arrival === undefined) return false;
    clearTimeout(arrival.deadline);
    this.#arrivals.delete(raw);
    this.#parts.admission.settle(raw);
    return true;
  }

  /** One function for all connections: the raw socket is `this`, so that none of them carries a closure for its count. */
  readonly #handleRawClose = makeCloseHandler((raw) => {
    if (this.#dropArrival(raw)) this.#parts.admission.countRefusal(this.#settings.name, 'gone');
    this.#parts.admission.leave(this.#settings.name);
  });
}

function makeCloseHandler(handle: (socket: Socket) => void): () => void {
  return function handleClose(this: Socket) {
    handle(this);
  };
}

/** The TCP socket under a TLS socket of a server. Node keeps it in `_parent`; a test of PROXY before TLS stands on it. */
function parentOf(socket: TLSSocket): Socket {
  return Reflect.get(socket, '_parent') ?? socket;
}
