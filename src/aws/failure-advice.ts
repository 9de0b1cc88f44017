import type { IotFailure, IotFailureKind } from './iot-failure.ts';

/** What an operator can do about a call that AWS refused. */
export function adviceOn({ kind, operation, exception }: IotFailure): string {
  const byQuota = kind === 'limit-exceeded' ? quotaAdvice[operation] : undefined;
  return byQuota ?? adviceByException[exception ?? ''] ?? adviceByKind[kind];
}

const adviceByKind: Readonly<Record<IotFailureKind, string>> = {
  'not-found': 'something it needs is gone: "crossfade aws plan" shows what is there',
  'already-exists': 'somebody made it meanwhile: "crossfade aws plan" shows the difference',
  conflict: 'something it needs, or what needs it, is in another state: the message says which',
  'limit-exceeded':
    'a quota of the account is used up: raise it in Service Quotas (service AWS IoT Core), or remove what is not used',
  throttled: 'the account takes no more calls at the moment: run it again, nothing is done twice',
  unauthorized:
    'the credentials may not do this: compare with the IAM policy in docs/aws.md, and check the region and the clock',
  invalid: 'the message says what AWS does not take: mend the configuration',
  unsupported: 'this endpoint cannot do it; AWS can',
  unavailable: 'check aws.region, --endpoint and the network, and run it again: nothing is done twice',
  unexpected: 'run it again; if it stays so, the message is all that is known',
};

const adviceByException: Readonly<Record<string, string>> = {
  MalformedPolicyException: 'mend aws.policies: "crossfade aws plan --json" shows the documents',
  SqlParseException: 'mend aws.safetyNet.filter',
  CertificateValidationException:
    'AWS takes RSA of 2048 bits or P-256, signed with SHA-256, not expired; a CA in DEFAULT mode must prove to be yours',
  RegistrationCodeValidationException:
    'the verification certificate names another registration code: "crossfade aws status" shows the right one',
  CertificateConflictException:
    'this CA, or another one with its subject, is in DEFAULT mode here or in another account: use mode SNI_ONLY',
  CredentialsProviderError:
    'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached',
  DeleteConflictException: 'something still uses it: the message says what',
};

/** Limits on how many there are, per account and region. */
const quotaAdvice: Readonly<Record<string, string>> = {
  RegisterCACertificate: 'an account registers 10 CAs of one subject in a region: raise the quota or delete an old one',
  CreateAuthorizer: 'an account has 10 custom authorizers in a region: raise the quota or delete one',
  CreateTopicRule: 'an account has 1000 rules in a region: raise the quota or delete some',
  CreateDomainConfiguration: 'the domain configurations of the account are used up: raise the quota or delete one',
  CreatePolicyVersion: 'a policy keeps five versions: delete one that is not in use',
};
