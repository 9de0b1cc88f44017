import type {
  ApplicationProtocol,
  AuthenticationType,
  AuthorizerConfig,
  ClientCertificateConfig,
  EventType,
  LogEventConfiguration,
  LogLevel,
  LogTarget,
  RegistrationConfig,
  ServerCertificateConfig,
  ThingGroupIndexingConfiguration,
  ThingGroupProperties,
  ThingIndexingConfiguration,
  ThingPrincipalType,
  ThingTypeProperties,
  TopicRulePayload,
} from '@aws-sdk/client-iot';
import type { RuleProgram } from '../rules/rule-program.ts';
import type { CertificateFacts } from './certificate-facts.ts';
import type { CertificateIssuance } from './certificate-issuance.ts';
import { Collection } from './collection.ts';
import { createFunctions, type FunctionHandler, type Functions } from './functions.ts';
import { type AccountIdentity, usualIdentity } from './identity.ts';
import { type AccountLimits, accountLimitDefaults } from './limits.ts';
import type { Policy } from './policy-document.ts';
import { Relation } from './relation.ts';

export type CertificateMode = 'DEFAULT' | 'SNI_ONLY';
export type AuthorityStatus = 'ACTIVE' | 'INACTIVE';
export type CertificateStatus = 'ACTIVE' | 'INACTIVE' | 'REVOKED' | 'PENDING_ACTIVATION';

export interface AuthorityRecord {
  readonly arn: string;
  readonly certificate: CertificateFacts;
  readonly mode: CertificateMode;
  readonly status: AuthorityStatus;
  readonly registersAutomatically: boolean;
  readonly registrationConfig: RegistrationConfig | undefined;
  readonly createdMs: number;
  readonly modifiedMs: number;
  /** Counts changes. */
  readonly version: number;
  readonly generation: string;
}

export interface CertificateRecord {
  readonly arn: string;
  readonly certificate: CertificateFacts;
  readonly mode: CertificateMode;
  readonly status: CertificateStatus;
  /** The registered CA that issued it. */
  readonly authorityId: string | undefined;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly version: number;
  readonly generation: string;
}

export interface PolicyVersionRecord {
  readonly id: string;
  readonly text: string;
  readonly policy: Policy;
  readonly createdMs: number;
}

export interface PolicyRecord {
  readonly arn: string;
  readonly name: string;
  readonly versions: readonly PolicyVersionRecord[];
  readonly defaultVersionId: string;
  readonly lastVersion: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly generation: string;
}

export interface ThingRecord {
  readonly arn: string;
  readonly name: string;
  readonly id: string;
  readonly typeName: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly billingGroupName: string | undefined;
  readonly version: number;
}

export interface ThingTypeRecord {
  readonly arn: string;
  readonly name: string;
  readonly id: string;
  readonly properties: ThingTypeProperties;
  readonly createdMs: number;
  /** Milliseconds since the Unix epoch; absent: in use. */
  readonly deprecatedMs: number | undefined;
}

export interface ThingGroupRecord {
  readonly arn: string;
  readonly name: string;
  readonly id: string;
  readonly parentName: string | undefined;
  readonly properties: ThingGroupProperties;
  readonly createdMs: number;
  readonly version: number;
}

export interface AuthorizerRecord {
  readonly arn: string;
  readonly name: string;
  readonly functionArn: string;
  readonly tokenKeyName: string | undefined;
  /** PEM by name. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly isActive: boolean;
  readonly signingDisabled: boolean;
  readonly cachesForHttp: boolean;
  readonly createdMs: number;
  readonly modifiedMs: number;
}

export interface DomainRecord {
  readonly arn: string;
  readonly name: string;
  /** The host name that SNI must show. */
  readonly domainName: string;
  readonly isDefault: boolean;
  readonly isEnabled: boolean;
  readonly serverCertificateArns: readonly string[];
  readonly authorizerConfig: AuthorizerConfig | undefined;
  readonly securityPolicy: string;
  readonly serverCertificateConfig: ServerCertificateConfig | undefined;
  readonly authenticationType: AuthenticationType;
  readonly applicationProtocol: ApplicationProtocol;
  readonly clientCertificateConfig: ClientCertificateConfig | undefined;
  readonly changedMs: number;
}

export interface TemplateVersionRecord {
  readonly id: number;
  readonly body: string;
  readonly createdMs: number;
}

export interface TemplateRecord {
  readonly arn: string;
  readonly name: string;
  readonly type: 'FLEET_PROVISIONING' | 'JITP';
  readonly description: string | undefined;
  readonly isEnabled: boolean;
  readonly roleArn: string;
  readonly versions: readonly TemplateVersionRecord[];
  readonly defaultVersionId: number;
  readonly lastVersion: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
}

export interface RuleRecord {
  readonly arn: string;
  readonly name: string;
  readonly payload: TopicRulePayload;
  readonly program: RuleProgram;
  readonly isDisabled: boolean;
  readonly createdMs: number;
}

export interface LoggingLevelRecord {
  readonly target: LogTarget;
  readonly level: LogLevel;
}

/** What an account has once, not by name. */
export interface AccountSettings {
  registrationCode: string | undefined;
  defaultAuthorizerName: string | undefined;
  logging:
    | {
        readonly roleArn: string | undefined;
        readonly defaultLogLevel: LogLevel;
        readonly disableAllLogs: boolean;
        readonly eventConfigurations: readonly LogEventConfiguration[];
      }
    | undefined;
  thingIndexing: ThingIndexingConfiguration;
  thingGroupIndexing: ThingGroupIndexingConfiguration;
  eventConfigurations: ReadonlyMap<EventType, boolean>;
  eventsChangedMs: number | undefined;
}

/** Names and secrets that nobody can foretell; a test passes its own. */
export interface Identifiers {
  uuid(): string;
  /** So many random octets, as lower-case hexadecimal. */
  hexadecimal(octets: number): string;
}

/** One account's whole state. Operations change it in place, records are replaced whole. */
export interface Account {
  identity: AccountIdentity;
  readonly limits: AccountLimits;
  readonly identifiers: Identifiers;
  readonly issuance: CertificateIssuance;
  readonly functions: Functions;
  endpoints: AccountEndpoints;
  readonly authorities: Collection<AuthorityRecord>;
  readonly certificates: Collection<CertificateRecord>;
  readonly policies: Collection<PolicyRecord>;
  readonly things: Collection<ThingRecord>;
  readonly thingTypes: Collection<ThingTypeRecord>;
  readonly thingGroups: Collection<ThingGroupRecord>;
  readonly authorizers: Collection<AuthorizerRecord>;
  readonly domains: Collection<DomainRecord>;
  readonly templates: Collection<TemplateRecord>;
  readonly rules: Collection<RuleRecord>;
  readonly loggingLevels: Map<string, LoggingLevelRecord>;
  readonly tagsByArn: Map<string, ReadonlyMap<string, string>>;
  /** Policy names and the ARNs they are attached to. */
  readonly policyTargets: Relation;
  /** Thing names and principals' ARNs. */
  readonly thingPrincipals: Relation<ThingPrincipalType>;
  /** Group names and thing names. */
  readonly groupMembers: Relation;
  readonly settings: AccountSettings;
  /** Called with a certificate ID when the certificate is not ACTIVE any more. */
  readonly onPrincipalEnded: Set<(principalId: string) => void>;
}

/** Host names of the account's endpoints. */
export interface AccountEndpoints {
  readonly data: string;
  /** Names that SNI may show instead. */
  readonly dataAliases: readonly string[];
  readonly credentialProvider: string;
  readonly jobs: string;
}

export interface AccountOptions {
  readonly identity?: Partial<AccountIdentity>;
  readonly limits?: Partial<AccountLimits>;
  readonly identifiers: Identifiers;
  readonly issuance: CertificateIssuance;
  /** Lambda functions by ARN; what they may take is `limits.functionMs`. */
  readonly functions?: ReadonlyMap<string, FunctionHandler>;
  /** The host name of `iot:Data-ATS`; default: AWS's form. */
  readonly dataHost?: string;
  /** Further names by which devices may ask for that endpoint, `localhost` for example. */
  readonly dataAliases?: readonly string[];
}

/** An account as it is when nobody has done anything in it yet. */
export function createAccount(options: AccountOptions): Account {
  const { identity, limits, identifiers, issuance, functions = new Map(), dataHost, dataAliases = [] } = options;
  const whole = { ...usualIdentity, ...identity };
  const bounds = { ...accountLimitDefaults, ...limits };
  const prefix = identifiers.hexadecimal(7);
  const host = (service: string) => `${prefix}${service}.${whole.region}.amazonaws.com`;
  return {
    identity: whole,
    limits: bounds,
    identifiers,
    issuance,
    functions: createFunctions(functions, bounds.functionMs),
    endpoints: {
      data: dataHost ?? host('-ats.iot'),
      dataAliases,
      credentialProvider: host('.credentials.iot'),
      jobs: host('.jobs.iot'),
    },
    authorities: new Collection('CA certificate', bounds.authorities),
    certificates: new Collection('Certificate', bounds.certificates),
    policies: new Collection('Policy', bounds.policies),
    things: new Collection('Thing', bounds.things),
    thingTypes: new Collection('Thing type', bounds.thingTypes),
    thingGroups: new Collection('Thing group', bounds.thingGroups),
    authorizers: new Collection('Authorizer', bounds.authorizers),
    domains: new Collection('Domain configuration', bounds.domainConfigurations + 1),
    templates: new Collection('Provisioning template', bounds.provisioningTemplates),
    rules: new Collection('Rule', bounds.rules),
    loggingLevels: new Map(),
    tagsByArn: new Map(),
    policyTargets: new Relation(),
    thingPrincipals: new Relation(),
    groupMembers: new Relation(),
    settings: {
      registrationCode: undefined,
      defaultAuthorizerName: undefined,
      logging: undefined,
      thingIndexing: { thingIndexingMode: 'OFF' },
      thingGroupIndexing: { thingGroupIndexingMode: 'OFF' },
      eventConfigurations: new Map(),
      eventsChangedMs: undefined,
    },
    onPrincipalEnded: new Set(),
  };
}
