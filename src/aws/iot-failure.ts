import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';

/** What a failed call means for whoever made it; AWS's exception names end here. */
export type IotFailureKind =
  /** Too many calls a second; the same call later works. */
  | 'throttled'
  /** AWS's own failure, or no way to it; the same call later may work. */
  | 'unavailable'
  /** The caller may not: no call of this kind will work. */
  | 'unauthorized'
  | 'not-found'
  | 'already-exists'
  /** In another state than the call needs, or bound to something else. */
  | 'conflict'
  | 'limit-exceeded'
  | 'invalid'
  /** The endpoint does not have this call. */
  | 'unsupported'
  | 'unexpected';

/** A refused or failed call of AWS IoT Core's control plane. */
export class IotFailure extends CrossfadeError {
  readonly kind: IotFailureKind;
  /** As in the API reference, for example `RegisterCertificate`. */
  readonly operation: string;
  /** AWS's exception, where it was one. */
  readonly exception: string | undefined;
  /** Of the answer, where there was one. */
  readonly httpStatus: number | undefined;

  constructor(
    kind: IotFailureKind,
    operation: string,
    options: { readonly message: string; readonly cause?: unknown },
  ) {
    super(`aws-${kind}`, `${operation}: ${options.message}`, {
      source: 'upstream',
      retryable: isPassing(kind),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.name = 'IotFailure';
    this.kind = kind;
    this.operation = operation;
    this.exception = exceptionOf(options.cause);
    this.httpStatus = statusOf(options.cause);
  }
}

/** Maps what the SDK throws, by name: a Lambda runtime brings an SDK of its own, whose classes are others. */
export function toIotFailure(operation: string, error: unknown): IotFailure {
  if (error instanceof IotFailure) return error;
  const kind = kindOf(error);
  return new IotFailure(kind, operation, { message: describe(error), cause: error });
}

export function isIotFailure(error: unknown, ...kinds: readonly IotFailureKind[]): error is IotFailure {
  return error instanceof IotFailure && kinds.includes(error.kind);
}

/** Whether the SDK has just set its clock by AWS's: what was refused for its date is signed with another one now. */
export function isClockSet(error: unknown): boolean {
  const metadata = (error as { readonly $metadata?: { readonly clockSkewCorrected?: boolean } } | undefined)?.$metadata;
  return metadata?.clockSkewCorrected === true;
}

function isPassing(kind: IotFailureKind): boolean {
  return kind === 'throttled' || kind === 'unavailable';
}

function kindOf(error: unknown): IotFailureKind {
  const named = kindByException[exceptionOf(error) ?? ''];
  if (named !== undefined) return named;
  const status = statusOf(error);
  if (status === 429) return 'throttled';
  if (status !== undefined && status >= 500) return status === 501 ? 'unsupported' : 'unavailable';
  if (status === 401 || status === 403) return 'unauthorized';
  return networkCodes.has(systemErrorCode(error) ?? '') ? 'unavailable' : 'unexpected';
}

/** Exceptions of the service model, the ones that any AWS endpoint may answer with, and the SDK's own. */
const kindByException: Readonly<Record<string, IotFailureKind>> = {
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  RequestLimitExceeded: 'throttled',
  InternalFailureException: 'unavailable',
  InternalException: 'unavailable',
  ServiceUnavailableException: 'unavailable',
  TimeoutError: 'unavailable',
  UnauthorizedException: 'unauthorized',
  AccessDeniedException: 'unauthorized',
  UnrecognizedClientException: 'unauthorized',
  InvalidClientTokenId: 'unauthorized',
  InvalidSignatureException: 'unauthorized',
  SignatureDoesNotMatch: 'unauthorized',
  ExpiredToken: 'unauthorized',
  ExpiredTokenException: 'unauthorized',
  CredentialsProviderError: 'unauthorized',
  ResourceNotFoundException: 'not-found',
  NotConfiguredException: 'not-found',
  ResourceAlreadyExistsException: 'already-exists',
  CertificateConflictException: 'conflict',
  CertificateStateException: 'conflict',
  ConflictException: 'conflict',
  ConflictingResourceUpdateException: 'conflict',
  DeleteConflictException: 'conflict',
  TransferConflictException: 'conflict',
  VersionConflictException: 'conflict',
  LimitExceededException: 'limit-exceeded',
  VersionsLimitExceededException: 'limit-exceeded',
  CertificateValidationException: 'invalid',
  InvalidRequestException: 'invalid',
  MalformedPolicyException: 'invalid',
  RegistrationCodeValidationException: 'invalid',
  SqlParseException: 'invalid',
  NotImplemented: 'unsupported',
  UnknownOperationException: 'unsupported',
};

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function exceptionOf(error: unknown): string | undefined {
  return error instanceof Error && error.name !== 'Error' ? error.name : undefined;
}

function statusOf(error: unknown): number | undefined {
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata;
  return metadata?.httpStatusCode;
}

function describe(error: unknown): string {
  const exception = exceptionOf(error);
  const message = errorMessage(error);
  return exception === undefined || exception === message ? message : `${exception}: ${message}`;
}
