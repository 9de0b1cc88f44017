import type { ApplicationProtocol, AuthenticationType } from '@aws-sdk/client-iot';
import type { Account, DomainRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName, expectOneOf } from './names.ts';
import type { Input, Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const defaultDomainName = 'iot:Data-ATS';

export const domainConfigurationOperations = {
  CreateDomainConfiguration(input, { account, wallMs }) {
    const { domainConfigurationName: name, tags } = input;
    expectName('domain configuration', name);
    if (/^iot/i.test(name)) throw invalidRequest('Names of domain configurations that begin with IoT are reserved');
    expectServerCertificate(account, input);
    expectTags(account, tags);
    const record: DomainRecord = {
      ...{
        arn: arnOf(account.identity, 'domainconfiguration', `${name}/${account.identifiers.uuid().slice(0, 5)}`),
        name,
      },
      domainName: input.domainName ?? managedDomainName(account, name),
      ...{ isDefault: false, isEnabled: true, serverCertificateArns: input.serverCertificateArns ?? [] },
      ...{
        authorizerConfig: input.authorizerConfig,
        securityPolicy: securityPolicy(input.tlsConfig) ?? usualSecurityPolicy,
      },
      ...{ serverCertificateConfig: input.serverCertificateConfig },
      ...{ authenticationType: input.authenticationType ?? 'DEFAULT' },
      ...{ applicationProtocol: input.applicationProtocol ?? 'DEFAULT' },
      ...{ clientCertificateConfig: input.clientCertificateConfig, changedMs: wallMs },
    };
    expectConsistent(account, record);
    account.domains.add(name, record);
    setTags(account, record.arn, tags);
    return { domainConfigurationName: name, domainConfigurationArn: record.arn };
  },

  DescribeDomainConfiguration: ({ domainConfigurationName }, { account }) =>
    describe(account, account.domains.get(domainConfigurationName)),

  UpdateDomainConfiguration(input, { account, wallMs }) {
    const { domainConfigurationName: name, domainConfigurationStatus: status, removeAuthorizerConfig = false } = input;
    const record = account.domains.get(name);
    if (removeAuthorizerConfig && input.authorizerConfig !== undefined) {
      throw invalidRequest('Expected either authorizerConfig or removeAuthorizerConfig, got both');
    }
    expectOneOf('domainConfigurationStatus', status, ['ENABLED', 'DISABLED']);
    const isEnabled = status === undefined ? record.isEnabled : status === 'ENABLED';
    const changed: DomainRecord = {
      ...{ ...record, isEnabled, changedMs: isEnabled === record.isEnabled ? record.changedMs : wallMs },
      authorizerConfig: removeAuthorizerConfig ? undefined : (input.authorizerConfig ?? record.authorizerConfig),
      securityPolicy: securityPolicy(input.tlsConfig) ?? record.securityPolicy,
      serverCertificateConfig: input.serverCertificateConfig ?? record.serverCertificateConfig,
      authenticationType: input.authenticationType ?? record.authenticationType,
      applicationProtocol: input.applicationProtocol ?? record.applicationProtocol,
      clientCertificateConfig: input.clientCertificateConfig ?? record.clientCertificateConfig,
    };
    expectConsistent(account, changed);
    account.domains.replace(name, changed);
    return { domainConfigurationName: name, domainConfigurationArn: record.arn };
  },

  DeleteDomainConfiguration({ domainConfigurationName: name }, { account, wallMs }) {
    const record = account.domains.get(name);
    if (record.isDefault) throw invalidRequest(`The domain configuration ${name} cannot be deleted`);
    if (record.isEnabled)
      throw invalidRequest(`The domain configuration ${name} must be disabled before it is deleted`);
    if (isManaged(account, record) && wallMs < record.changedMs + managedRestMs) {
      throw invalidRequest(
        `The AWS-managed domain configuration ${name} must be disabled for 7 days before it is deleted`,
      );
    }
    account.domains.remove(name);
    account.tagsByArn.delete(record.arn);
    return {};
  },

  ListDomainConfigurations({ marker, pageSize, serviceType = 'DATA' }, { account }) {
    const wanted = serviceType === 'DATA' ? account.domains.all() : [];
    const page = pageOf(wanted, ({ name }) => name, { size: pageSize, token: marker });
    return {
      domainConfigurations: page.items.map(({ name, arn }) => ({
        ...{ domainConfigurationName: name, domainConfigurationArn: arn, serviceType: 'DATA' as const },
      })),
      nextMarker: page.next,
    };
  },
} satisfies Operations;

/** The configuration of the account's own endpoint; every account has it from its first day. */
export function addDefaultDomain(account: Account, wallMs: number): void {
  account.domains.add(defaultDomainName, {
    arn: arnOf(
      account.identity,
      'domainconfiguration',
      `${defaultDomainName}/${account.identifiers.uuid().slice(0, 5)}`,
    ),
    ...{ name: defaultDomainName, domainName: account.endpoints.data, isDefault: true, isEnabled: true },
    ...{ serverCertificateArns: [], authorizerConfig: undefined, securityPolicy: usualSecurityPolicy },
    ...{ serverCertificateConfig: undefined, authenticationType: 'DEFAULT', applicationProtocol: 'DEFAULT' },
    ...{ clientCertificateConfig: undefined, changedMs: wallMs },
  });
}

const usualSecurityPolicy = 'IoTSecurityPolicy_TLS13_1_2_2022_10';
const securityPolicies: readonly string[] = [
  'IoTSecurityPolicy_TLS13_1_3_2022_10',
  'IoTSecurityPolicy_TLS13_1_2_2022_10',
  'IoTSecurityPolicy_TLS12_1_2_2022_10',
  'IoTSecurityPolicy_TLS12_1_0_2016_01',
  'IoTSecurityPolicy_TLS12_1_0_2015_01',
];
const managedRestMs = 7 * 86_400_000;

/** Protocols that an authentication type can be told to serve. */
const protocolsOf: Readonly<Record<AuthenticationType, readonly ApplicationProtocol[]>> = {
  DEFAULT: ['DEFAULT'],
  AWS_X509: ['DEFAULT', 'SECURE_MQTT', 'HTTPS'],
  CUSTOM_AUTH: ['DEFAULT', 'SECURE_MQTT', 'MQTT_WSS', 'HTTPS'],
  CUSTOM_AUTH_X509: ['SECURE_MQTT', 'HTTPS'],
  AWS_SIGV4: ['DEFAULT', 'MQTT_WSS', 'HTTPS'],
};

const applicationProtocols: readonly ApplicationProtocol[] = ['SECURE_MQTT', 'MQTT_WSS', 'HTTPS', 'DEFAULT'];

function securityPolicy(config: { readonly securityPolicy?: string | undefined } | undefined): string | undefined {
  const name = config?.securityPolicy;
  if (name === undefined || securityPolicies.includes(name)) return name;
  throw invalidRequest(`There is no security policy ${name}`);
}

function expectServerCertificate(account: Account, input: Input<'CreateDomainConfiguration'>): void {
  const { domainName, serverCertificateArns: arns = [], serviceType = 'DATA' } = input;
  if (serviceType !== 'DATA') throw invalidRequest('Only the service type DATA is supported');
  if (arns.length > 1) throw invalidRequest('A domain configuration may have one server certificate');
  if (domainName !== undefined && arns.length === 0) {
    throw invalidRequest(`Expected a server certificate of the domain ${domainName}`);
  }
  const foreign = arns.find((arn) => !arn.startsWith('arn:aws:acm:'));
  if (foreign !== undefined) {
    throw new IotRefusal('CertificateValidationException', `Expected the ARN of an ACM certificate, got ${foreign}`);
  }
  const other = account.domains.all().find((domain) => domain.domainName === domainName);
  if (other === undefined) return;
  const message = `The domain ${domainName} has a configuration: ${other.name}`;
  throw new IotRefusal('ResourceAlreadyExistsException', message, { resourceId: other.name, resourceArn: other.arn });
}

function expectConsistent(account: Account, record: DomainRecord): void {
  const { authenticationType, applicationProtocol, clientCertificateConfig, authorizerConfig } = record;
  expectOneOf('authenticationType', authenticationType, Object.keys(protocolsOf));
  expectOneOf('applicationProtocol', applicationProtocol, applicationProtocols);
  const protocols = protocolsOf[authenticationType];
  if (!protocols.includes(applicationProtocol)) {
    throw invalidRequest(`The authentication type ${authenticationType} does not go with ${applicationProtocol}`);
  }
  const showsCertificate = authenticationType === 'AWS_X509' || authenticationType === 'CUSTOM_AUTH_X509';
  if (clientCertificateConfig?.clientCertificateCallbackArn !== undefined && !showsCertificate) {
    throw invalidRequest('A client certificate callback needs the authentication type AWS_X509 or CUSTOM_AUTH_X509');
  }
  const { defaultAuthorizerName } = authorizerConfig ?? {};
  if (defaultAuthorizerName !== undefined) account.authorizers.get(defaultAuthorizerName);
}

function managedDomainName({ endpoints }: Account, name: string): string {
  return `${name.toLowerCase()}.${endpoints.data}`;
}

function isManaged({ endpoints }: Account, { domainName, isDefault }: DomainRecord): boolean {
  return !isDefault && domainName.endsWith(`.${endpoints.data}`);
}

function describe(account: Account, record: DomainRecord) {
  const type = record.isDefault ? 'ENDPOINT' : isManaged(account, record) ? 'AWS_MANAGED' : 'CUSTOMER_MANAGED';
  return {
    ...{ domainConfigurationName: record.name, domainConfigurationArn: record.arn, domainName: record.domainName },
    serverCertificates: record.serverCertificateArns.map((arn) => ({
      ...{ serverCertificateArn: arn, serverCertificateStatus: 'VALID' as const },
    })),
    ...(record.authorizerConfig === undefined ? {} : { authorizerConfig: record.authorizerConfig }),
    domainConfigurationStatus: record.isEnabled ? ('ENABLED' as const) : ('DISABLED' as const),
    ...{ serviceType: 'DATA' as const, domainType: type as 'ENDPOINT' | 'AWS_MANAGED' | 'CUSTOMER_MANAGED' },
    ...{ lastStatusChangeDate: new Date(record.changedMs), tlsConfig: { securityPolicy: record.securityPolicy } },
    ...(record.serverCertificateConfig === undefined
      ? {}
      : { serverCertificateConfig: record.serverCertificateConfig }),
    ...{ authenticationType: record.authenticationType, applicationProtocol: record.applicationProtocol },
    ...(record.clientCertificateConfig === undefined
      ? {}
      : { clientCertificateConfig: record.clientCertificateConfig }),
  };
}
