import { createHash, X509Certificate } from 'node:crypto';
import type {
  AccountDescription,
  AuthorityDescription,
  AuthorizerDescription,
  DomainDescription,
  RegistrationDescription,
  SafetyNetDescription,
  ThingTypeDescription,
} from './account-description.ts';
import type {
  AuthorizerResource,
  CaCertificateResource,
  DomainConfigurationResource,
  PolicyResource,
  Resource,
  ThingTypeResource,
  TopicRuleResource,
} from './resource.ts';
import { resourceId } from './resource.ts';

const sqlVersion = '2016-03-23';

/** Everything that the description asks for, what others need before them. */
export function desiredResources(description: AccountDescription): readonly Resource[] {
  const policies = description.policies.map(policyResource);
  const thingType = description.thingType === undefined ? [] : [thingTypeResource(description.thingType)];
  const authorizers = description.authorizers.map(authorizerResource);
  const named = [...policies, ...thingType].map(resourceId);
  const authorities = description.authorities.flatMap((authority) => authorityResources(authority, named));
  const { domain, safetyNet, logging } = description;
  return [
    ...policies,
    ...thingType,
    ...authorizers,
    ...(logging === undefined ? [] : [loggingResource(logging)]),
    ...(safetyNet === undefined ? [] : [safetyNetResource(safetyNet)]),
    ...authorities,
    ...(domain === undefined ? [] : [domainResource(domain)]),
  ];
}

function policyResource({ name, document }: AccountDescription['policies'][number]): PolicyResource {
  return {
    kind: 'policy',
    name,
    properties: { document: JSON.parse(document) },
    purpose: 'what a device may do',
    dependsOn: [],
  };
}

function thingTypeResource(description: ThingTypeDescription): ThingTypeResource {
  const { name, description: text, searchableAttributes, propagatingAttributes } = description;
  return {
    kind: 'thing-type',
    name,
    properties: {
      ...(text !== undefined && { description: text }),
      searchableAttributes: searchableAttributes.toSorted(),
      propagatingAttributes: propagatingAttributes.toSorted(byUserPropertyKey),
      deprecated: false,
    },
    purpose: propagatingAttributes.length === 0 ? 'the type of the things' : 'adds what it propagates to each message',
    dependsOn: [],
  };
}

/** One order for what AWS keeps as a set. */
export function byUserPropertyKey(
  left: { readonly userPropertyKey?: string | undefined },
  right: { readonly userPropertyKey?: string | undefined },
): number {
  const [first = '', second = ''] = [left.userPropertyKey, right.userPropertyKey];
  return first < second ? -1 : Number(first > second);
}

function authorizerResource({ name, functionArn, signing, isActive }: AuthorizerDescription): AuthorizerResource {
  return {
    kind: 'authorizer',
    name,
    properties: {
      functionArn,
      status: isActive ? 'ACTIVE' : 'INACTIVE',
      signingDisabled: signing === undefined,
      tokenKeyName: signing?.tokenKeyName ?? null,
      publicKeys: signing === undefined ? null : mapValues(signing.publicKeys, (pem) => pem.trim()),
    },
    purpose: 'vouches for devices by a function',
    dependsOn: [],
  };
}

function loggingResource({ roleArn, level }: NonNullable<AccountDescription['logging']>): Resource {
  return {
    kind: 'logging-options',
    name: 'account',
    properties: { roleArn, defaultLogLevel: level, disableAllLogs: false },
    purpose: 'what AWS IoT Core logs, for the whole account',
    dependsOn: [],
  };
}

function safetyNetResource(safetyNet: SafetyNetDescription): TopicRuleResource {
  const { name, filter, bucket, key, roleArn, isEnabled, errors } = safetyNet;
  return {
    kind: 'topic-rule',
    name,
    properties: {
      sql:
        "SELECT encode(*, 'base64') AS data, topic() AS topic, clientid() AS clientId, principal() AS principal, " +
        `timestamp() AS ts FROM '${filter}'`,
      awsIotSqlVersion: sqlVersion,
      description: 'Keeps every message in S3 while the backends move',
      ruleDisabled: !isEnabled,
      actions: [{ s3: { roleArn, bucketName: bucket, key, cannedAcl: 'private' } }],
      errorAction: { cloudwatchLogs: { roleArn: errors.roleArn, logGroupName: errors.logGroup } },
    },
    purpose: 'the safety net: every message is kept in S3',
    dependsOn: [],
  };
}

/** The rule of JITR stands before its CA: an event that nobody hears is a device that waits until it comes again. */
function authorityResources(authority: AuthorityDescription, named: readonly string[]): readonly Resource[] {
  const { name: title, certificate, mode, isActive, proof, registration } = authority;
  const parsed = new X509Certificate(certificate);
  const id = certificateId(parsed);
  const rule = registration.by === 'function' ? [activationRule(id, title, registration)] : [];
  const authorityResource: CaCertificateResource = {
    kind: 'ca-certificate',
    name: id,
    title,
    certificate: parsed.toString(),
    ...(mode === 'DEFAULT' && proof !== undefined && { proof }),
    properties: {
      status: isActive ? 'ACTIVE' : 'INACTIVE',
      certificateMode: mode,
      autoRegistrationStatus: registration.by === 'nobody' ? 'DISABLE' : 'ENABLE',
      registrationConfig:
        registration.by === 'template'
          ? { roleArn: registration.roleArn, template: JSON.parse(registration.templateBody) }
          : null,
    },
    purpose: authorityPurposes[registration.by],
    dependsOn: [...rule.map(resourceId), ...(registration.by === 'template' ? named : [])],
  };
  return [...rule, authorityResource];
}

const authorityPurposes: Readonly<Record<RegistrationDescription['by'], string>> = {
  nobody: 'its certificates can be registered',
  function: 'its certificates register themselves, a function activates them',
  template: 'its certificates register themselves by the template',
};

function activationRule(
  authorityId: string,
  title: string,
  { ruleName, functionArn }: Extract<RegistrationDescription, { by: 'function' }>,
): TopicRuleResource {
  return {
    kind: 'topic-rule',
    name: ruleName,
    properties: {
      sql: `SELECT * FROM '$aws/events/certificates/registered/${authorityId}'`,
      awsIotSqlVersion: sqlVersion,
      description: `Activates certificates of the CA ${title} when they connect for the first time`,
      ruleDisabled: false,
      actions: [{ lambda: { functionArn } }],
      errorAction: null,
    },
    purpose: 'calls the function that activates new certificates',
    dependsOn: [],
  };
}

function domainResource(domain: DomainDescription): DomainConfigurationResource {
  const { authorizer, ocspStapling, validationCertificateArn } = domain;
  return {
    kind: 'domain-configuration',
    name: domain.name,
    title: `${domain.name} (${domain.domainName})`,
    ...(validationCertificateArn !== undefined && { validationCertificateArn }),
    properties: {
      domainName: domain.domainName,
      serverCertificateArns: [domain.serverCertificateArn],
      status: 'ENABLED',
      tlsPolicy: domain.tlsPolicy,
      authenticationType: domain.authenticationType,
      applicationProtocol: domain.applicationProtocol,
      authorizer:
        authorizer === undefined
          ? null
          : { defaultAuthorizerName: authorizer.name, allowAuthorizerOverride: authorizer.allowOverride },
      clientCertificateCallbackArn: domain.clientCertificateCallbackArn ?? null,
      serverCertificateConfig: ocspStapling === undefined ? null : serverCertificateConfig(ocspStapling),
    },
    purpose: "AWS answers to the fleet's own name",
    dependsOn: authorizer === undefined ? [] : [resourceId({ kind: 'authorizer', name: authorizer.name })],
  };
}

function serverCertificateConfig({ lambdaArn, responderArn }: NonNullable<DomainDescription['ocspStapling']>): object {
  return {
    enableOCSPCheck: true,
    ...(lambdaArn !== undefined && { ocspLambdaArn: lambdaArn }),
    ...(responderArn !== undefined && { ocspAuthorizedResponderArn: responderArn }),
  };
}

/** What AWS knows a certificate by: the SHA-256 of its DER, 64 lower-case hexadecimal digits. */
export function certificateId({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('hex');
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Readonly<Record<string, Result>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
