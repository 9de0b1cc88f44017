/** The exceptions of the service's model that the emulator raises. */
export type RefusalName =
  | 'CertificateConflictException'
  | 'CertificateStateException'
  | 'CertificateValidationException'
  | 'ConflictException'
  | 'DeleteConflictException'
  | 'IndexNotReadyException'
  | 'InternalFailureException'
  | 'InvalidAggregationException'
  | 'InvalidQueryException'
  | 'InvalidRequestException'
  | 'InvalidResponseException'
  | 'LimitExceededException'
  | 'MalformedPolicyException'
  | 'NotConfiguredException'
  | 'RegistrationCodeValidationException'
  | 'ResourceAlreadyExistsException'
  | 'ResourceNotFoundException'
  | 'ResourceRegistrationFailureException'
  | 'ServiceUnavailableException'
  | 'SqlParseException'
  | 'ThrottlingException'
  | 'UnauthorizedException'
  | 'VersionConflictException'
  | 'VersionsLimitExceededException';

/** Members of an exception besides its message. */
export interface RefusedResource {
  readonly resourceId?: string;
  readonly resourceArn?: string;
}

/**
 * An operation's refusal. It is thrown, not returned, because the model calls it an exception of the operation and
 * exactly one place, the control plane, renders it.
 */
export class IotRefusal extends Error {
  readonly exception: RefusalName;
  readonly resource: RefusedResource;

  constructor(exception: RefusalName, message: string, resource: RefusedResource = {}) {
    super(message);
    this.name = 'IotRefusal';
    this.exception = exception;
    this.resource = resource;
  }
}

export function invalidRequest(message: string): IotRefusal {
  return new IotRefusal('InvalidRequestException', message);
}

export function notFound(message: string): IotRefusal {
  return new IotRefusal('ResourceNotFoundException', message);
}
