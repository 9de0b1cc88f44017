/** What an account may have, and how much a document may hold. The defaults with a quota behind them are AWS's. */
export interface AccountLimits {
  readonly certificates: number;
  readonly authorities: number;
  /** CAs with the same subject. */
  readonly authoritiesPerSubject: number;
  readonly policies: number;
  readonly policyVersions: number;
  /** Policies attached to one certificate. */
  readonly policiesPerTarget: number;
  readonly policiesPerThingGroup: number;
  /** Characters of a policy document, white space not counted. */
  readonly policyCharacters: number;
  readonly things: number;
  readonly thingTypes: number;
  /** Milliseconds between a thing type's deprecation and its deletion. */
  readonly thingTypeRestMs: number;
  readonly thingGroups: number;
  readonly thingGroupsPerThing: number;
  /** Things and principals attached to each other, on either side. */
  readonly principalsPerThing: number;
  readonly thingsPerPrincipal: number;
  readonly attributesWithoutType: number;
  readonly attributesWithType: number;
  readonly authorizers: number;
  readonly domainConfigurations: number;
  readonly provisioningTemplates: number;
  readonly provisioningTemplateVersions: number;
  readonly rules: number;
  readonly actionsPerRule: number;
  readonly ruleBytes: number;
  readonly tagsPerResource: number;
  readonly loggingLevels: number;
  /** Certificates that a first CONNECT registers, per second. */
  readonly registrationsPerSecond: number;
  /** Milliseconds that a function may take. */
  readonly functionMs: number;
}

export const accountLimitDefaults: AccountLimits = {
  certificates: 100_000,
  authorities: 1_000,
  authoritiesPerSubject: 10,
  policies: 10_000,
  policyVersions: 5,
  policiesPerTarget: 10,
  policiesPerThingGroup: 2,
  policyCharacters: 2_048,
  things: 100_000,
  thingTypes: 1_000,
  thingTypeRestMs: 300_000,
  thingGroups: 10_000,
  thingGroupsPerThing: 10,
  principalsPerThing: 100,
  thingsPerPrincipal: 100_000,
  attributesWithoutType: 3,
  attributesWithType: 50,
  authorizers: 10,
  domainConfigurations: 10,
  provisioningTemplates: 100,
  provisioningTemplateVersions: 5,
  rules: 1_000,
  actionsPerRule: 10,
  ruleBytes: 262_144,
  tagsPerResource: 50,
  loggingLevels: 100,
  registrationsPerSecond: 15,
  functionMs: 5_000,
};
