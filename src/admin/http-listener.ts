import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { createProblem, problemContentType, problemOfError } from './problems.ts';

/** PEM texts. */
export interface AdminTlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface HttpBounds {
  /** Milliseconds from the first byte of a request to the end of its header fields. */
  readonly headersMs: number;
  /** Milliseconds from the first byte of a request to its last. */
  readonly requestMs: number;
  /** Milliseconds that a connection may stay without a request. */
  readonly keepAliveMs: number;
  /** Milliseconds without a byte in either direction, an answer that nobody reads included; heartbeats keep events alive. */
  readonly idleMs: number;
  /** Milliseconds for a TLS handshake. */
  readonly handshakeMs: number;
  /** Open connections; a further one is closed at accept. */
  readonly connections: number;
}

export const httpBoundDefaults: HttpBounds = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 30_000,
  idleMs: 60_000,
  handshakeMs: 10_000,
  connections: 256,
};

/** An HTTP or (with `tls`) HTTPS server whose peers are bounded in number and in time. */
export function createBoundedServer(
  handler: RequestListener,
  { bounds, tls }: { readonly bounds: HttpBounds; readonly tls?: AdminTlsMaterial },
): HttpServer | HttpsServer {
  const options = {
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    keepAliveTimeout: bounds.keepAliveMs,
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, bounds.headersMs / 4)),
  };
  const server =
    tls === undefined
      ? createHttpServer(options, handler)
      : createHttpsServer({ ...options, ...checkedTls(tls), handshakeTimeout: bounds.handshakeMs }, handler);
  server.maxConnections = bounds.connections;
  server.timeout = bounds.idleMs;
  return server;
}

/** Swaps the certificate for new connections; throws CrossfadeError `tls-material` and keeps the old one when it is wrong. */
export function reloadCertificate(server: HttpServer | HttpsServer, tls: AdminTlsMaterial): void {
  if ('setSecureContext' in server) server.setSecureContext(checkedTls(tls));
}

/** Answers what the HTTP parser refused, so that this too is a problem document. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const parsed = problemOfError(error);
  const problem = parsed.status === 500 ? createProblem('malformed-request', 'Expected an HTTP/1.1 request') : parsed;
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `Content-Type: ${problemContentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`);
}

function checkedTls({ cert, key }: AdminTlsMaterial) {
  const options = { cert, key, minVersion: 'TLSv1.2' } as const;
  try {
    createSecureContext(options);
  } catch (error) {
    const message = `Expected a PEM certificate and its key for the admin API: ${errorMessage(error)}`;
    throw new CrossfadeError('tls-material', message);
  }
  return options;
}
