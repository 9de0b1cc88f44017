import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { type FastifyInstance, fastify } from 'fastify';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import { createCidrMatcher, parseCidr } from '../base/cidr.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AdminRoute } from './admin-route.ts';
import {
  type AdminTlsMaterial,
  answerClientError,
  createBoundedServer,
  type HttpBounds,
  httpBoundDefaults,
  reloadCertificate,
} from './http-listener.ts';
import { problemOfError } from './problems.ts';
import { createRefusalLog } from './refusal-log.ts';
import { answerProblems, sendProblem, serveRoute } from './request-handling.ts';
import type { AdminToken } from './tokens.ts';

export const defaultAnswerMs = 10_000;

export interface RouteServerOptions {
  readonly tokens: readonly AdminToken[];
  /** With it `/metrics` needs this token or any of `tokens`; without it `/metrics` is free. */
  readonly metricsToken?: string;
  /** Absent: plain HTTP, on loopback only. */
  readonly tls?: AdminTlsMaterial;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  readonly log: Logger;
  /** Milliseconds that the backend has for one answer before the caller gets a 504. */
  readonly answerMs?: number;
  readonly bounds?: Partial<HttpBounds>;
}

export interface AdminServer {
  /** Binds; port 0 takes a free one. Rejects with CrossfadeError `admin-plain-http` for plain HTTP beyond loopback. */
  listen(bind: HostPort): Promise<{ readonly address: string; readonly url: string }>;
  /** Swaps the certificate for new connections; throws CrossfadeError `tls-material` and keeps the old one when wrong. */
  reloadTls(material: AdminTlsMaterial): void;
  /** Ends the event streams, lets requests under way finish for `graceMs` (default 2 000), then closes. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** Serves routes over HTTP; nothing is bound before `listen`. Throws TypeError for an empty token. */
export function createRouteServer(
  routes: readonly AdminRoute[],
  options: RouteServerOptions,
  onClose: () => void = () => {},
): AdminServer {
  const { app, server } = createApp(options);
  answerProblems(app, { routes, log: options.log });
  const logRefusal = createRefusalLog(options.log);
  for (const route of routes) serveRoute(app, route, { ...options, logRefusal });

  return {
    async listen(bind) {
      if (options.tls === undefined) refusePlainHttpBeyondLoopback(bind);
      await app.listen({ host: bind.host, port: bind.port });
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new TypeError('Expected a bound TCP port');
      const address = renderHostPort({ host: bound.address, port: bound.port });
      return { address, url: `${options.tls === undefined ? 'http' : 'https'}://${address}` };
    },
    reloadTls: (material) => reloadCertificate(server, material),
    async close(graceMs = 2_000) {
      onClose();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await app.close();
      clearTimeout(cut);
    },
  };
}

function createApp(options: RouteServerOptions): { app: FastifyInstance; server: HttpServer | HttpsServer } {
  const created: (HttpServer | HttpsServer)[] = [];
  const app = fastify({
    serverFactory: (handler) => {
      const server = createBoundedServer(handler, {
        bounds: { ...httpBoundDefaults, ...options.bounds },
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      });
      created.push(server);
      return server as HttpServer;
    },
    bodyLimit: options.bodyLimit,
    handlerTimeout: options.answerMs ?? defaultAnswerMs,
    // A cohort's name has at most 256 characters, each at most 12 when percent-encoded.
    routerOptions: { maxParamLength: 4_096 },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => sendProblem(reply, problemOfError(error)),
    forceCloseConnections: 'idle',
  });
  const [server] = created;
  if (server === undefined) throw new TypeError('Expected fastify to create its server at once');
  return { app, server };
}

function refusePlainHttpBeyondLoopback(bind: HostPort): void {
  const blocks = ['127.0.0.0/8', '::1'].map(parseCidr).flatMap((block) => (block.ok ? [block.value] : []));
  if (bind.host === 'localhost' || createCidrMatcher(blocks)(bind.host)) return;
  const message = `Expected a tls block for the admin API beyond loopback, got plain HTTP on ${renderHostPort(bind)}`;
  throw new CrossfadeError('admin-plain-http', message);
}
