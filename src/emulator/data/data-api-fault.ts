/** The data plane's exceptions and their statuses: its ThrottlingException is 429, unlike the control plane's. */
const statusByException = {
  InvalidRequestException: 400,
  UnauthorizedException: 401,
  ForbiddenException: 403,
  ResourceNotFoundException: 404,
  RequestEntityTooLargeException: 413,
  ThrottlingException: 429,
  GatewayTimeoutException: 504,
} as const;

export interface DataApiFault {
  readonly exception: keyof typeof statusByException;
  readonly status: number;
  readonly message: string;
}

export function dataApiFault(exception: keyof typeof statusByException, message: string): DataApiFault {
  return { exception, status: statusByException[exception], message };
}
