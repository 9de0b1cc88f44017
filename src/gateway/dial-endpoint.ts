import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { errorMessage, systemErrorCode } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { SessionScope, UpstreamTlsSessions } from './upstream-tls-sessions.ts';

/** How TLS is spoken with one endpoint under one identity; made once and shared by all dials. */
export interface EndpointTls {
  readonly secureContext: SecureContext;
  /** For SNI; absent where the expected name is an IP (RFC 6066 section 3 knows host names only). */
  readonly serverName?: string;
  /** Offered in this order; empty: no ALPN at all. */
  readonly alpn: readonly string[];
  /** Verifies the name; called on full handshakes only. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
  readonly sessions: UpstreamTlsSessions;
  readonly sessionScope: SessionScope;
}

export interface EndpointDialOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: EndpointTls;
  /** Written before anything else. */
  readonly proxyHeader?: Buffer;
  readonly timeoutMs: number;
}

export interface DialFailure {
  readonly code: 'unreachable' | 'tls' | 'timeout' | 'aborted';
  /** One line, without the endpoint. */
  readonly message: string;
  /** Whether it says something about the endpoint, or only about this machine or the certificate that we showed. */
  readonly blames: 'endpoint' | 'identity' | 'gateway';
}

/**
 * One TCP and TLS attempt. A connected socket does not flow yet: nothing is lost until its first `data` listener or
 * `resume`. It carries none of our listeners, save a shared no-op for `error` (whoever takes the socket looks at
 * `destroyed` first) and the one that waits for a session ticket.
 */
export class EndpointDial {
  readonly outcome: Promise<Result<Socket, DialFailure>>;
  readonly #options: EndpointDialOptions;
  readonly #settle: (outcome: Result<Socket, DialFailure>) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onError = (error: unknown): void => this.#fail(describeFailure(error, this.#stage));
  readonly #onClose = (): void =>
    this.#fail({ ...describeFailure(undefined, this.#stage), message: 'connection closed' });
  #socket: Socket;
  #stage: 'tcp' | 'tls' = 'tcp';
  #isSettled = false;

  constructor(options: EndpointDialOptions) {
    const { promise, resolve } = Promise.withResolvers<Result<Socket, DialFailure>>();
    this.outcome = promise;
    this.#settle = resolve;
    this.#options = options;
    this.#timer = setTimeout(() => this.#handleTimeout(), options.timeoutMs);
    const { host, port, tls, proxyHeader } = options;
    if (tls !== undefined && proxyHeader === undefined) {
      const socket = connectTls({ ...tlsOptions(tls), host, port });
      this.#socket = socket;
      this.#watchTls(socket, tls);
      socket.once('connect', () => {
        this.#stage = 'tls';
      });
    } else {
      this.#socket = connectTcp({ host, port });
      this.#socket.once('connect', () => this.#handleConnect());
    }
    this.#listen(this.#socket);
  }

  /** Ends the attempt at once; does nothing when it is over. */
  cancel(): void {
    this.#fail({ code: 'aborted', message: 'given up by the caller', blames: 'gateway' });
  }

  #listen(socket: Socket): void {
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  #unlisten(socket: Socket): void {
    socket.on('error', ignoreError).off('error', this.#onError).off('close', this.#onClose);
  }

  #handleConnect(): void {
    const { tls, proxyHeader } = this.#options;
    const tcp = this.#socket;
    if (proxyHeader !== undefined) tcp.write(proxyHeader);
    if (tls === undefined) {
      this.#succeed();
      return;
    }
    this.#unlisten(tcp);
    this.#stage = 'tls';
    const socket = connectTls({ ...tlsOptions(tls), socket: tcp });
    this.#socket = socket;
    this.#watchTls(socket, tls);
    this.#listen(socket);
  }

  #watchTls(socket: TLSSocket, tls: EndpointTls): void {
    socket.once('secureConnect', () => this.#succeed());
    tls.sessions.remember(socket, tls.sessionScope);
  }

  #handleTimeout(): void {
    const missing = this.#stage === 'tcp' ? 'no TCP connection' : 'no TLS handshake';
    this.#fail({ code: 'timeout', message: `${missing} within ${this.#options.timeoutMs} ms`, blames: 'endpoint' });
  }

  #succeed(): void {
    if (this.#isSettled) return;
    this.#end();
    this.#socket.setNoDelay(true).setKeepAlive(true, keepAliveProbeMs);
    this.#settle(success(this.#socket));
  }

  #fail(reason: DialFailure): void {
    if (this.#isSettled) return;
    this.#end();
    this.#socket.removeAllListeners('secureConnect').removeAllListeners('session');
    this.#socket.destroy();
    this.#settle(failure(reason));
  }

  #end(): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#unlisten(this.#socket);
  }
}

/** TCP keep-alive probes begin after this much silence. */
const keepAliveProbeMs = 60_000;
const maxCauseLength = 300;

/** This machine's own want: it says nothing about the endpoint, and no other endpoint would do better. */
const localErrors = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** TLS alerts about the certificate that we showed (RFC 8446 section 6.2). */
const identityAlert = /ALERT_(?:NO_|BAD_|UNSUPPORTED_)?CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED/;

function ignoreError(): void {}

function tlsOptions({ secureContext, serverName, alpn, checkServerIdentity, sessions, sessionScope }: EndpointTls) {
  const session = sessions.find(sessionScope);
  return {
    secureContext,
    checkServerIdentity,
    rejectUnauthorized: true,
    servername: serverName ?? '',
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    ...(session !== undefined && { session }),
  };
}

function describeFailure(error: unknown, stage: 'tcp' | 'tls'): DialFailure {
  const code = systemErrorCode(error) ?? '';
  const blames = localErrors.has(code) ? 'gateway' : identityAlert.test(code) ? 'identity' : 'endpoint';
  return { code: stage === 'tcp' ? 'unreachable' : 'tls', message: causeText(error), blames };
}

/** One line: OpenSSL's messages carry line ends and source lines, its `reason` says it all; an AggregateError is empty. */
function causeText(error: unknown): string {
  const causes = error instanceof AggregateError ? error.errors : [error];
  const texts = causes.map((cause) =>
    cause instanceof Error && 'reason' in cause && 'library' in cause ? `TLS: ${cause.reason}` : errorMessage(cause),
  );
  return [...new Set(texts)].join(', ').replaceAll(/\s+/g, ' ').trim().slice(0, maxCauseLength);
}
