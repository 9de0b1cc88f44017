import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { errorMessage, systemErrorCode } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Problem } from './admin-api.ts';

export type AdminClientFailure =
  /** The server answered with a problem document. */
  | { readonly kind: 'problem'; readonly problem: Problem }
  /** No answer, or one that is not of the admin API; `message` names the URL, never the token. */
  | { readonly kind: 'unreachable'; readonly message: string };

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly body: string;
}

export interface HttpCaller {
  call(call: HttpCall): Promise<Result<HttpAnswer, AdminClientFailure>>;
  /** Resolves with the response's stream once its head says 200. */
  open(call: HttpCall, signal?: AbortSignal): Promise<Result<IncomingMessage, AdminClientFailure>>;
  close(): void;
}

/** Bytes of an answer that the client takes before it gives up; the longest is a list of plans. */
const maxAnswerBytes = 256 * 1_048_576;

export interface HttpCallerOptions {
  readonly url: string;
  readonly token: string;
  readonly ca?: string;
  readonly timeoutMs?: number;
}

export function createHttpCaller(options: HttpCallerOptions): HttpCaller {
  const { timeoutMs = 30_000 } = options;
  const base = parseBaseUrl(options.url);
  const { dial, agent } = createDialer(base, options);
  const unreachable = (error: unknown) =>
    failure<AdminClientFailure>({ kind: 'unreachable', message: `No answer from ${base.href}: ${causeOf(error)}` });

  return {
    async call(call) {
      try {
        const response = await responseOf(dial(call, AbortSignal.timeout(timeoutMs)));
        const answer = { url: base.href, status: response.statusCode ?? 0, body: await textOf(response) };
        return isSuccess(answer.status) ? success(answer) : failure(toFailure(answer));
      } catch (error) {
        return unreachable(error);
      }
    },
    async open(call, signal) {
      try {
        const response = await responseOf(dial(call, signal));
        if (isSuccess(response.statusCode ?? 0)) return success(response);
        return failure(toFailure({ url: base.href, status: response.statusCode ?? 0, body: await textOf(response) }));
      } catch (error) {
        return unreachable(error);
      }
    },
    close: () => agent.destroy(),
  };
}

function createDialer(base: URL, { token, ca }: HttpCallerOptions) {
  const secure = base.protocol === 'https:';
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) })
    : new HttpAgent({ keepAlive: true });
  const dial = (call: HttpCall, signal?: AbortSignal): ClientRequest => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options = {
      method: call.method,
      agent,
      headers: { authorization: `Bearer ${token}`, ...bodyHeaders(body), ...call.headers },
      ...(signal === undefined ? {} : { signal }),
    };
    const target = new URL(base.pathname.replace(/\/$/, '') + call.path, base);
    return (secure ? requestHttps(target, options) : requestHttp(target, options)).end(body);
  };
  return { dial, agent };
}

/** Why no answer came; a name with several addresses fails with an error that has a code and no message. */
function causeOf(error: unknown): string {
  return errorMessage(error) || (systemErrorCode(error) ?? 'the connection failed');
}

function parseBaseUrl(url: string): URL {
  const base = URL.parse(url);
  if (base === null || !['http:', 'https:'].includes(base.protocol)) {
    throw new TypeError(`Expected an http:// or https:// URL of the admin API, got ${JSON.stringify(url)}`);
  }
  return new URL(base.pathname, base.origin);
}

function bodyHeaders(body: string | undefined): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error(`The answer is longer than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function toFailure(answer: HttpAnswer): AdminClientFailure {
  const problem = parseProblem(answer.body);
  if (problem !== undefined) return { kind: 'problem', problem };
  const message = `Expected the admin API at ${answer.url}, got HTTP status ${answer.status} without a problem document`;
  return { kind: 'unreachable', message };
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isProblem(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  const { type, title, status, detail } = value as Record<string, unknown>;
  return (
    typeof type === 'string' && typeof title === 'string' && typeof status === 'number' && typeof detail === 'string'
  );
}
