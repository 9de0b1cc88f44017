import type { CertificateMode } from './account-description.ts';

/** Marks what was made for a fleet; its value is the fleet's domain. */
export const fleetTag = 'crossfade:fleet';

export type ResourceKind =
  | 'policy'
  | 'thing-type'
  | 'authorizer'
  | 'topic-rule'
  | 'ca-certificate'
  | 'domain-configuration'
  | 'logging-options';

interface ResourceOf<Kind extends ResourceKind, Properties> {
  readonly kind: Kind;
  /** What AWS knows it by. */
  readonly name: string;
  /** What an operator knows it by, where that is not the name. */
  readonly title?: string;
  readonly properties: Properties;
  /** What it is for, in a plan. */
  readonly purpose: string;
  /** `kind name` of what has to be there before. */
  readonly dependsOn: readonly string[];
}

export interface PolicyProperties {
  readonly document: unknown;
}

export interface ThingTypeProperties {
  readonly description?: string;
  readonly searchableAttributes: readonly string[];
  readonly propagatingAttributes: readonly object[];
  readonly deprecated: boolean;
}

export interface AuthorizerProperties {
  readonly functionArn: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly signingDisabled: boolean;
  readonly tokenKeyName: string | null;
  readonly publicKeys: Readonly<Record<string, string>> | null;
}

export interface TopicRuleProperties {
  readonly sql: string;
  readonly awsIotSqlVersion: string;
  readonly description: string;
  readonly ruleDisabled: boolean;
  readonly actions: readonly object[];
  readonly errorAction: object | null;
}

export interface CaCertificateProperties {
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly certificateMode: CertificateMode;
  readonly autoRegistrationStatus: 'ENABLE' | 'DISABLE';
  readonly registrationConfig: { readonly roleArn: string; readonly template: unknown } | null;
}

export interface DomainConfigurationProperties {
  readonly domainName: string;
  readonly serverCertificateArns: readonly string[];
  readonly status: 'ENABLED';
  readonly tlsPolicy: string;
  readonly authenticationType: string;
  readonly applicationProtocol: string;
  readonly authorizer: { readonly defaultAuthorizerName: string; readonly allowAuthorizerOverride: boolean } | null;
  readonly clientCertificateCallbackArn: string | null;
  readonly serverCertificateConfig: object | null;
}

export interface LoggingOptionsProperties {
  readonly roleArn: string;
  readonly defaultLogLevel: string;
  readonly disableAllLogs: boolean;
}

export type PolicyResource = ResourceOf<'policy', PolicyProperties>;
export type ThingTypeResource = ResourceOf<'thing-type', ThingTypeProperties>;
export type AuthorizerResource = ResourceOf<'authorizer', AuthorizerProperties>;
export type TopicRuleResource = ResourceOf<'topic-rule', TopicRuleProperties>;
export type LoggingOptionsResource = ResourceOf<'logging-options', LoggingOptionsProperties>;

export type CaCertificateResource = ResourceOf<'ca-certificate', CaCertificateProperties> & {
  /** PEM, of one certificate. */
  readonly certificate: string;
  readonly proof?: { readonly key: string } | { readonly verificationCertificate: string };
};

export type DomainConfigurationResource = ResourceOf<'domain-configuration', DomainConfigurationProperties> & {
  /** Said at its creation only: AWS does not tell it again. */
  readonly validationCertificateArn?: string;
};

/** What the account has to have, in an order in which it can be made. */
export type Resource =
  | PolicyResource
  | ThingTypeResource
  | AuthorizerResource
  | TopicRuleResource
  | CaCertificateResource
  | DomainConfigurationResource
  | LoggingOptionsResource;

/** A resource as the account has it. */
export interface ActualResource {
  /** Absent where AWS gives none. */
  readonly arn?: string;
  /** What was told of it, named as in `properties`; what the endpoint does not tell has no key here. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** Absent: the endpoint has no tags, or the kind carries none. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What else an operator may want to know of it, a few words each. */
  readonly remarks?: readonly string[];
  /** The name that the endpoint knows it by, where it is another one. */
  readonly knownAs?: string;
}

/** What was found where a resource should be. */
export type Reading =
  | { readonly state: 'absent' }
  | { readonly state: 'present'; readonly actual: ActualResource }
  /** The endpoint does not know the operation. */
  | { readonly state: 'unsupported'; readonly operation: string };

export function resourceId({ kind, name }: Pick<Resource, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/** As in a table: what an operator knows it by. */
export function resourceTitle({ name, title }: Pick<Resource, 'name' | 'title'>): string {
  return title ?? name;
}

/** What AWS does not change once it is there, each with what can be done instead. */
export const fixedProperties: Readonly<Partial<Record<ResourceKind, Readonly<Record<string, string>>>>> = {
  'thing-type': {
    description: 'AWS changes nothing of a thing type but what it propagates: give it another name',
    searchableAttributes: 'AWS changes nothing of a thing type but what it propagates: give it another name',
  },
  authorizer: { signingDisabled: 'AWS never changes it: give the authorizer another name' },
  'ca-certificate': {
    certificateMode:
      'AWS never changes it: make the CA INACTIVE and delete it (its devices stay registered), then apply again',
  },
  'domain-configuration': {
    domainName: 'AWS never changes it: give the domain configuration another name',
    serverCertificateArns:
      'AWS never changes it: renew the certificate under its ARN in ACM, or delete the domain configuration and apply again',
  },
};
