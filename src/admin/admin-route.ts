import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Result } from '../base/result.ts';
import type { AdminFailure } from './admin-backend.ts';
import type { ProblemKind } from './problems.ts';
import { ProblemError, problemOfFailure } from './problems.ts';
import { parseRequestPart } from './request-parsing.ts';
import type { AdminRole } from './tokens.ts';

/** `free`: without a token. `metrics`: with the metrics token where one is configured, else free. */
export type RouteAccess = AdminRole | 'free' | 'metrics';

/** A request as the handlers see it: checked and typed. */
export interface CheckedRequest<Parameters, Query, Body> {
  readonly parameters: Parameters;
  readonly query: Query;
  readonly body: Body;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The token's name; the empty string on a route without one. */
  readonly author: string;
}

export type Answer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Takes the response over, head and all. */
  | { readonly stream: (response: ServerResponse) => void };

export interface SuccessDescription {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Absent: application/json. */
  readonly contentType?: string;
}

/** What is known of a route without running it; the OpenAPI description is made from it. */
export interface RouteDescription {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parameters. */
  readonly url: string;
  readonly operationId: string;
  readonly summary: string;
  readonly access: RouteAccess;
  readonly parameters?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly headers?: z.ZodType;
  readonly success: SuccessDescription;
  /** What it answers to a request with `dryRun`. */
  readonly rehearsal?: SuccessDescription;
  /** Milliseconds that the backend may take for it; absent: as long as for any other. */
  readonly answerMs?: number;
  /** The problems beside those that every route of its access can answer with. */
  readonly problems: readonly ProblemKind[];
}

export interface RawRequest {
  readonly parameters: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly author: string;
}

export interface AdminRoute extends RouteDescription {
  answer(request: RawRequest): Promise<Answer>;
}

interface RouteDefinition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> extends RouteDescription {
  readonly parameters?: P;
  readonly query?: Q;
  readonly body?: B;
  answer(request: CheckedRequest<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>;
}

/** A route whose handler only ever sees values that its own schemas accepted. */
export function defineRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  definition: RouteDefinition<P, Q, B>,
): AdminRoute {
  const { parameters = z.unknown(), query = z.unknown(), body = z.unknown(), answer } = definition;
  return {
    ...definition,
    answer: async (request) =>
      answer({
        parameters: parseRequestPart(parameters, request.parameters, 'path') as z.output<P>,
        query: parseRequestPart(query, request.query, 'query') as z.output<Q>,
        body: parseRequestPart(body, request.body, 'body') as z.output<B>,
        headers: request.headers,
        author: request.author,
      }),
  };
}

/** The value of a backend's answer; throws the problem of its failure. */
export function answered<Value>(result: Result<Value, AdminFailure>): Value {
  if (result.ok) return result.value;
  throw new ProblemError(problemOfFailure(result.error));
}
