/** Which leg a failure came from; `internal` is our own. */
export type ErrorSource = 'downstream' | 'upstream' | 'internal';

/** A failure with a stable `code`, so that metrics, problem documents and exit codes can be chosen in one place each. */
export class CrossfadeError extends Error {
  readonly code: string;
  readonly source: ErrorSource;
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    options: { readonly source?: ErrorSource; readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CrossfadeError';
    this.code = code;
    this.source = options.source ?? 'internal';
    this.retryable = options.retryable ?? false;
  }
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error such as `ECONNREFUSED`, or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
