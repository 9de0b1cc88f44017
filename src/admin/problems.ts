import { systemErrorCode } from '../base/errors.ts';
import type { FieldProblem, Problem } from './admin-api.ts';
import type { AdminFailure, AdminFailureKind } from './admin-backend.ts';

/** Every problem that the server answers with: the end of its `type`, its HTTP status and its title. */
const problemKinds = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A token is needed' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'The resource does not know this method' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  frozen: { status: 409, title: 'Cutovers are frozen' },
  unbridged: { status: 409, title: 'Devices would lose the other end of topics' },
  'not-now': { status: 409, title: 'Not in this state' },
  'revision-conflict': { status: 412, title: 'The plan has a newer revision' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is not JSON' },
  'not-possible': { status: 422, title: 'Not possible as things are set up' },
  'revision-required': { status: 428, title: 'If-Match is needed' },
  'headers-too-large': { status: 431, title: 'The header fields are too large' },
  'internal-error': { status: 500, title: 'The gateway failed' },
  unavailable: { status: 503, title: 'Not available now' },
  'not-ready': { status: 503, title: 'The gateway is not ready' },
  'too-many-readers': { status: 503, title: 'Too many readers of the event stream' },
  'too-slow': { status: 504, title: 'The gateway did not answer in time' },
} as const;

export type ProblemKind = keyof typeof problemKinds;

export const problemContentType = 'application/problem+json; charset=utf-8';

export function createProblem(
  kind: ProblemKind,
  detail: string,
  extra: Pick<Problem, 'errors' | 'latestRevision' | 'interlock'> = {},
): Problem {
  const { status, title } = problemKinds[kind];
  return { type: `urn:crossfade:problem:${kind}`, title, status, detail, ...extra };
}

/** Thrown by a stage of a request to end it with a problem document. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail);
    this.name = 'ProblemError';
    this.problem = problem;
    this.headers = headers;
  }
}

export function invalidRequest(errors: readonly FieldProblem[]): ProblemError {
  const detail = errors.map(({ field, expected, got }) => `${field}: expected ${expected}, got ${got}`).join('; ');
  return new ProblemError(createProblem('invalid-request', detail, { errors }));
}

const kindByFailure: Readonly<Record<AdminFailureKind, ProblemKind>> = {
  conflict: 'revision-conflict',
  'not-found': 'not-found',
  invalid: 'invalid-request',
  frozen: 'frozen',
  unbridged: 'unbridged',
  'not-now': 'not-now',
  'not-possible': 'not-possible',
  unavailable: 'unavailable',
  'too-slow': 'too-slow',
};

export function problemOfFailure(failure: AdminFailure): Problem {
  return createProblem(kindByFailure[failure.kind], failure.message, {
    ...(failure.details === undefined ? {} : { errors: failure.details }),
    ...(failure.latestRevision === undefined ? {} : { latestRevision: failure.latestRevision }),
    ...(failure.interlock === undefined ? {} : { interlock: failure.interlock }),
  });
}

const kindByErrorCode: Readonly<Record<string, ProblemKind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_HANDLER_TIMEOUT: 'too-slow',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

const detailByKind: Partial<Record<ProblemKind, string>> = {
  'unsupported-media-type': 'Expected a body with Content-Type: application/json',
  'too-slow': 'Nothing came in time from the part of the gateway that was asked; whether a change was made is unknown',
};

/** The problem of anything that was thrown; `internal-error` says nothing of what happened inside. */
export function problemOfError(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const kind = kindByErrorCode[systemErrorCode(error) ?? ''] ?? kindByStatus(error);
  if (kind === 'internal-error') return createProblem(kind, 'The log of the gateway says more');
  const message = error instanceof Error ? error.message : 'The request cannot be read';
  return createProblem(kind, detailByKind[kind] ?? message);
}

function kindByStatus(error: unknown): ProblemKind {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500 ? 'malformed-request' : 'internal-error';
}
