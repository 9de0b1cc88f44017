import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Problem } from './admin-api.ts';
import type { AdminRoute, RouteAccess } from './admin-route.ts';
import { createProblem, ProblemError, problemContentType, problemOfError } from './problems.ts';
import {
  type AdminRole,
  type AdminToken,
  bearerTokenOf,
  createTokenCheck,
  hasRole,
  type TokenHolder,
} from './tokens.ts';

export interface AccessOptions {
  readonly tokens: readonly AdminToken[];
  readonly metricsToken?: string;
  readonly log: Logger;
  readonly logRefusal: (request: FastifyRequest, problem: Problem) => void;
}

/**
 * Serves one route. Stages, in order: who asks and may they (before a byte of the body is read) → body → the route's
 * own checks → its answer. A stage ends a request by throwing; `answerProblems` writes the document.
 */
export function serveRoute(app: FastifyInstance, route: AdminRoute, options: AccessOptions): void {
  const authorize = createAuthorization(route.access, options);
  const authorByRequest = new WeakMap<FastifyRequest, string>();
  app.route({
    method: route.method,
    url: route.url,
    ...(route.answerMs !== undefined && { handlerTimeout: route.answerMs }),
    exposeHeadRoute: route.method === 'GET' && route.success.contentType !== 'text/event-stream',
    onRequest: async (request) => {
      try {
        authorByRequest.set(request, authorize(request.headers.authorization));
      } catch (error) {
        if (error instanceof ProblemError) options.logRefusal(request, error.problem);
        throw error;
      }
    },
    handler: async (request, reply) => {
      const author = authorByRequest.get(request) ?? '';
      const { params: parameters, query, body, headers } = request;
      const answer = await route.answer({ parameters, query, body, headers, author });
      if ('stream' in answer) {
        reply.hijack();
        answer.stream(reply.raw);
        return reply;
      }
      if (route.method !== 'GET')
        options.log.info({ author, operation: route.operationId, parameters }, 'Change accepted');
      return reply
        .code(answer.status)
        .headers({ 'cache-control': 'no-store', ...answer.headers })
        .send(answer.body);
    },
  });
}

/** Every error of every stage becomes a problem document; only surprises are logged. */
export function answerProblems(
  app: FastifyInstance,
  { routes, log }: { readonly routes: readonly AdminRoute[]; readonly log: Logger },
): void {
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOfError(error);
    if (problem.status === 500) {
      log.error({ operation: request.routeOptions.url, reason: errorMessage(error) }, 'An admin request failed');
    }
    sendProblem(reply, problem, error instanceof ProblemError ? error.headers : {});
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = routes.filter(({ url }) => matchesPath(url, path)).map(({ method }) => method);
    if (methods.length === 0) {
      sendProblem(reply, createProblem('not-found', `Expected a path of /openapi.json, got ${path.slice(0, 200)}`));
      return;
    }
    const allow = methods.join(', ');
    const detail = `Expected ${methods.join(' or ')}, got ${request.method}`;
    sendProblem(reply, createProblem('method-not-allowed', detail), { allow });
  });
}

function createAuthorization(access: RouteAccess, options: AccessOptions): (header: string | undefined) => string {
  const { tokens, metricsToken } = options;
  if (access === 'free') return () => '';
  if (access === 'metrics') {
    if (metricsToken === undefined) return () => '';
    const scraper: AdminToken = { name: 'metrics', role: 'viewer', token: metricsToken };
    const check = createTokenCheck([...tokens, scraper]);
    return (header) => requireRole(check, header, 'viewer');
  }
  const check = createTokenCheck(tokens);
  return (header) => requireRole(check, header, access);
}

type TokenCheck = (presented: string) => TokenHolder | undefined;

/** The token's name; throws 401 without a known token and 403 without the role. */
function requireRole(check: TokenCheck, header: string | undefined, needed: AdminRole): string {
  const presented = bearerTokenOf(header);
  if (presented === undefined) {
    const detail = 'Expected Authorization: Bearer TOKEN, got none';
    throw new ProblemError(createProblem('unauthorized', detail), { 'www-authenticate': 'Bearer realm="crossfade"' });
  }
  const holder = check(presented);
  if (holder === undefined) {
    const challenge = 'Bearer realm="crossfade", error="invalid_token"';
    const detail = 'Expected a token of admin.tokens, got another';
    throw new ProblemError(createProblem('unauthorized', detail), { 'www-authenticate': challenge });
  }
  if (!hasRole(holder, needed)) {
    const detail = `Expected the role ${needed}, got ${holder.role} (token ${holder.name})`;
    const challenge = 'Bearer realm="crossfade", error="insufficient_scope"';
    throw new ProblemError(createProblem('forbidden', detail), { 'www-authenticate': challenge });
  }
  return holder.name;
}

/** Ends a request with a problem document. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  void reply
    .code(problem.status)
    .headers({ 'content-type': problemContentType, 'cache-control': 'no-store', ...headers })
    .send(JSON.stringify(problem));
}

function matchesPath(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const came = path.split('/');
  return (
    expected.length === came.length && expected.every((part, index) => part.startsWith(':') || part === came[index])
  );
}
