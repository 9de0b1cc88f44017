import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import type { Account } from '../account/account.ts';
import { type BurstBucket, createBurstBucket } from '../account/burst-bucket.ts';
import type { Operation, OperationName, Operations } from '../account/operation.ts';
import { IotRefusal } from '../account/refusal.ts';
import { changeRegion, signedRegion } from '../account/region-change.ts';
import { queryOf } from '../request-query.ts';
import { renderOutput } from './answer-writing.ts';
import type { BeforeCall, CallFault } from './call-faults.ts';
import { type OperationModel, readOperationModels, statusOfException } from './operation-model.ts';
import { operationTable } from './operation-table.ts';
import { readInput } from './request-reading.ts';

export interface ControlPlaneOptions {
  readonly account: Account;
  readonly clock: Clock;
  /** Calls per second of each operation by name; `default` for the others. Absent: nobody is throttled. */
  readonly throttle?: Readonly<Partial<Record<OperationName | 'default', number>>>;
  /** For tests: what becomes of a call. */
  readonly beforeCall?: BeforeCall;
  /** Whether the account is in the Region that the first signed call is for. */
  readonly adoptsRegion?: boolean;
  /** PEM; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Further routes on the same port; their bodies come as a Buffer. */
  readonly mount?: (app: FastifyInstance) => void;
  /** Operations besides the account's own. */
  readonly operations?: Operations;
}

export interface ControlPlane {
  readonly host: string;
  readonly port: number;
  /** What `endpoint` of an SDK client is set to. */
  readonly url: string;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Serves the account's API. Signatures are not verified: whoever reaches the port may do everything. */
export async function startControlPlane(
  { host, port }: { readonly host: string; readonly port: number },
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const settings = {
    forceCloseConnections: true,
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength: 4_096, ignoreTrailingSlash: true },
    // A path that is no path at all, before there is a route for it.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => void sendFailure(reply, error),
  } as const;
  const app = (
    options.tls === undefined ? fastify(settings) : fastify({ ...settings, https: options.tls })
  ) as FastifyInstance;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((_request, reply) =>
    sendError(reply, 404, 'UnknownOperationException', 'There is no such operation'),
  );
  app.setErrorHandler((error, _request, reply) => sendFailure(reply, error));
  const serve = createCallHandler(options);
  const operations: Operations = { ...operationTable, ...options.operations };
  for (const model of readOperationModels()) addRoute(app, model, serve, operations);
  options.mount?.(app);
  await app.listen({ host, port });
  const bound = app.server.address() as AddressInfo;
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  const url = `${options.tls === undefined ? 'http' : 'https'}://${name}:${bound.port}`;
  return { host: bound.address, port: bound.port, url, close: async () => app.close() };
}

const maxBodyBytes = 1_048_576;

type CallHandler = (
  model: OperationModel,
  operation: Operation<OperationName>,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<unknown>;

/** Paths with a part that spans slashes belong to operations that the emulator has not. */
function addRoute(app: FastifyInstance, model: OperationModel, serve: CallHandler, operations: Operations): void {
  const { name, method, path } = model;
  const operation = operations[name] as Operation<OperationName> | undefined;
  const url = path.replace(/\{[^}]+\+\}/g, '*').replace(/\{([^}]+)\}/g, ':$1');
  app.route({
    method: method as 'GET',
    url,
    handler: async (request, reply) =>
      operation === undefined
        ? sendError(reply, 501, 'NotImplementedException', `The emulator has no ${name}`)
        : serve(model, operation, request, reply),
  });
}

function createCallHandler(options: ControlPlaneOptions): CallHandler {
  const { account, clock, throttle, beforeCall, adoptsRegion = false } = options;
  const buckets = new Map<OperationName, BurstBucket>();
  let calls = 0;
  let isRegionOpen = adoptsRegion;

  function adoptRegion(authorization: string | undefined): void {
    const region = isRegionOpen ? signedRegion(authorization) : undefined;
    if (region === undefined) return;
    isRegionOpen = false;
    changeRegion(account, region);
  }

  function isThrottled(name: OperationName): boolean {
    const rate = throttle?.[name] ?? throttle?.default;
    if (rate === undefined) return false;
    const bucket = buckets.get(name) ?? createBurstBucket(rate);
    buckets.set(name, bucket);
    return !bucket.take(clock.monotonicMs());
  }

  return async (model, operation, request, reply) => {
    adoptRegion(request.headers.authorization);
    const fault = beforeCall?.(model.name, ++calls);
    if (fault?.when === 'before') return applyFault(fault, request, reply);
    if (isThrottled(model.name)) throw throttled();
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    const query = queryOf(request.url);
    const path = request.params as Readonly<Record<string, string>>;
    const input = readInput(model.input, { path, query, headers: request.headers, body });
    const output = await operation(input as never, { account, wallMs: clock.wallMs() });
    if (fault !== undefined) return applyFault(fault, request, reply);
    const text = renderOutput(model.output, output);
    return reply.header('x-amzn-requestid', account.identifiers.uuid()).type('application/json').send(text);
  };
}

function applyFault({ what }: CallFault, request: FastifyRequest, reply: FastifyReply): unknown {
  if (what === 'throttle') throw throttled();
  if (what === 'fail') throw new IotRefusal('InternalFailureException', 'An unexpected error has occurred');
  if (what === 'unavailable')
    throw new IotRefusal('ServiceUnavailableException', 'The service is temporarily unavailable');
  reply.hijack();
  request.raw.socket.destroy();
  return undefined;
}

function throttled(): IotRefusal {
  return new IotRefusal('ThrottlingException', 'Rate exceeded');
}

function sendFailure(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof IotRefusal) {
    return sendError(reply, statusOfException(error.exception), error.exception, error.message, error.resource);
  }
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  const message = error instanceof Error ? error.message : 'An unexpected error has occurred';
  if (status === 413) return sendError(reply, status, 'RequestEntityTooLargeException', message);
  if (status < 500) return sendError(reply, 400, 'InvalidRequestException', message);
  return sendError(reply, 500, 'InternalFailureException', message);
}

function sendError(reply: FastifyReply, status: number, exception: string, message: string, more: object = {}) {
  return reply
    .code(status)
    .header('x-amzn-ErrorType', exception)
    .type('application/json')
    .send(JSON.stringify({ message, ...more }));
}
