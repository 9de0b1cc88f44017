import type {
  AccountDescription,
  AuthorityDescription,
  DomainDescription,
  PolicyDescription,
  RegistrationDescription,
  ThingTypeDescription,
} from '../aws/account/account-description.ts';
import { type PolicyRights, policyDocument } from '../aws/account/policy-document.ts';
import { provisioningTemplate } from '../aws/account/provisioning-template.ts';
import { failure, type Result, success } from '../base/result.ts';
import {
  type AwsConfiguration,
  type AwsPolicy,
  activationRuleOf,
  authoritiesOf,
  type PlacedAuthority,
  policyNameOf,
  safetyNetRuleOf,
  thingTypeNameOf,
} from './aws-configuration.ts';
import type { ClientIdPolicy, Configuration } from './configuration.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';

/** What the account has to have, with the files that the section names read. */
export function readAwsDescription(
  { fleet }: Pick<Configuration, 'fleet'>,
  aws: AwsConfiguration,
  source: ConfigurationSource,
): Result<AccountDescription, readonly string[]> {
  const mistakes: string[] = [];
  const read: Read = (path) => {
    const text = readText(source, path, fileBounds.pemBytes);
    if (text.ok) return text.value;
    mistakes.push(`expected a readable file, got ${path}: ${text.error}`);
    return '';
  };
  const { thingType, domain, logging } = aws;
  const description: AccountDescription = {
    fleet: fleet.domain,
    prefix: aws.prefix,
    authorities: authoritiesOf(aws).map((placed) => describeAuthority(aws, placed, read)),
    policies: aws.policies.map((policy) => describePolicy(aws, policy, fleet.clientIdPolicy, read)),
    ...(thingType !== undefined && { thingType: describeThingType(aws, thingType) }),
    authorizers: aws.authorizers.map(({ name, functionArn, tokenKeyName, publicKeys, active }) => ({
      name,
      functionArn,
      isActive: active,
      ...(publicKeys !== undefined && { signing: { tokenKeyName, publicKeys: readAll(publicKeys, read) } }),
    })),
    ...(domain !== undefined && { domain: describeDomain(aws.prefix, domain, fleet.domain) }),
    ...describeSafetyNet(aws),
    ...(logging !== undefined && { logging }),
  };
  return mistakes.length === 0 ? success(description) : failure(mistakes);
}

type Read = (path: string) => string;

/** What a policy grants that has no document of its own. */
export function rightsOf(
  { connect, publish, subscribe, retain = true }: AwsPolicy,
  clientIdPolicy: ClientIdPolicy,
): PolicyRights {
  const device = clientIdPolicy === 'any' ? '{thingName}' : '{clientId}';
  const isSilent = publish === undefined && subscribe === undefined;
  return {
    connect: connect ?? connectRights[clientIdPolicy],
    publish: publish ?? (isSilent ? [`dt/${device}/#`] : []),
    subscribe: subscribe ?? (isSilent ? [`cmd/${device}/#`] : []),
    retain,
  };
}

const connectRights = {
  'equals-common-name': 'clientIdIsCommonName',
  'prefixed-by-common-name': 'clientIdBeginsWithCommonName',
  any: 'attachedThing',
} as const satisfies Record<ClientIdPolicy, PolicyRights['connect']>;

function describePolicy(
  aws: AwsConfiguration,
  policy: AwsPolicy,
  clientIdPolicy: ClientIdPolicy,
  read: Read,
): PolicyDescription {
  const document =
    policy.document === undefined ? policyDocument(rightsOf(policy, clientIdPolicy), aws) : read(policy.document);
  return { name: policyNameOf(aws, policy), document };
}

function describeAuthority(aws: AwsConfiguration, placed: PlacedAuthority, read: Read): AuthorityDescription {
  const { name, authority } = placed;
  const { cert, key, verificationCertificate, mode, active } = authority;
  const proof =
    verificationCertificate === undefined
      ? key !== undefined && { key: read(key) }
      : { verificationCertificate: read(verificationCertificate) };
  return {
    name,
    certificate: read(cert),
    mode,
    isActive: active,
    ...(proof && { proof }),
    registration: describeRegistration(aws, placed, read),
  };
}

function describeRegistration(aws: AwsConfiguration, placed: PlacedAuthority, read: Read): RegistrationDescription {
  const { jitr, jitp } = placed.authority;
  if (jitr !== undefined) {
    return { by: 'function', ruleName: activationRuleOf(aws, placed), functionArn: jitr.functionArn };
  }
  if (jitp === undefined) return { by: 'nobody' };
  const [first = {}] = aws.policies;
  const policyName = jitp.policy ?? policyNameOf(aws, first);
  const thingTypeName = aws.thingType && thingTypeNameOf(aws, aws.thingType);
  const templateBody =
    jitp.template === undefined
      ? provisioningTemplate({ policyName, ...(thingTypeName !== undefined && { thingTypeName }) })
      : read(jitp.template);
  return { by: 'template', roleArn: jitp.roleArn, templateBody };
}

type ThingType = NonNullable<AwsConfiguration['thingType']>;

function describeThingType(aws: AwsConfiguration, thingType: ThingType): ThingTypeDescription {
  const { description, searchable, propagate } = thingType;
  return {
    name: thingTypeNameOf(aws, thingType),
    ...(description !== undefined && { description }),
    searchableAttributes: searchable,
    propagatingAttributes: propagate.map(({ attribute, connection, as }) => ({
      userPropertyKey: as,
      ...(attribute !== undefined && { thingAttribute: attribute }),
      ...(connection !== undefined && { connectionAttribute: connectionAttributes[connection] }),
    })),
  };
}

const connectionAttributes = { clientId: 'iot:ClientId', thingName: 'iot:Thing.ThingName' } as const;

function describeDomain(
  prefix: string,
  domain: NonNullable<AwsConfiguration['domain']>,
  fleetDomain: string,
): DomainDescription {
  const { name, domainName = fleetDomain, authorizer, allowAuthorizerOverride, ocspStapling, ...rest } = domain;
  const { clientCertificateFunctionArn, ...described } = rest;
  const { functionArn, responderArn } = ocspStapling ?? {};
  return {
    ...described,
    name: name ?? `${prefix}-${domainName}`.slice(0, 128),
    domainName,
    ...(authorizer !== undefined && { authorizer: { name: authorizer, allowOverride: allowAuthorizerOverride } }),
    ...(clientCertificateFunctionArn !== undefined && { clientCertificateCallbackArn: clientCertificateFunctionArn }),
    ...(ocspStapling !== undefined && {
      ocspStapling: {
        ...(functionArn !== undefined && { lambdaArn: functionArn }),
        ...(responderArn !== undefined && { responderArn }),
      },
    }),
  };
}

function describeSafetyNet(aws: AwsConfiguration): Pick<AccountDescription, 'safetyNet'> {
  const { safetyNet } = aws;
  if (safetyNet === undefined) return {};
  const { bucket, roleArn, filter, key, active, errors } = safetyNet;
  return {
    safetyNet: {
      name: safetyNetRuleOf(aws),
      filter,
      bucket,
      key,
      roleArn,
      isEnabled: active,
      errors: { logGroup: errors.logGroup, roleArn: errors.roleArn ?? roleArn },
    },
  };
}

function readAll(paths: Readonly<Record<string, string>>, read: Read): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, read(path)]));
}
