import type { z } from 'zod';
import type { awsSchema } from './schema/aws-schema.ts';

/** The section as written, defaults filled in; in a `Configuration` its paths are absolute. */
export type AwsConfiguration = z.output<typeof awsSchema>;
export type AwsAuthority = AwsConfiguration['deviceCas'][number];
export type AwsPolicy = AwsConfiguration['policies'][number];

type Absolute = (path: string) => string;

/** The same with absolute paths. */
export function resolveAws(aws: AwsConfiguration, absolute: Absolute): AwsConfiguration {
  const { gatewayCa } = aws;
  return {
    ...aws,
    deviceCas: aws.deviceCas.map((authority) => resolveAuthority(authority, absolute)),
    ...(gatewayCa !== undefined && { gatewayCa: resolveAuthority(gatewayCa, absolute) }),
    policies: aws.policies.map(({ document, ...policy }) => ({
      ...policy,
      ...(document !== undefined && { document: absolute(document) }),
    })),
    authorizers: aws.authorizers.map(({ publicKeys, ...authorizer }) => ({
      ...authorizer,
      ...(publicKeys !== undefined && {
        publicKeys: Object.fromEntries(Object.entries(publicKeys).map(([name, path]) => [name, absolute(path)])),
      }),
    })),
  };
}

function resolveAuthority(authority: AwsAuthority, absolute: Absolute): AwsAuthority {
  const { cert, key, verificationCertificate, jitp, ...rest } = authority;
  const template = jitp?.template;
  return {
    ...rest,
    cert: absolute(cert),
    ...(key !== undefined && { key: absolute(key) }),
    ...(verificationCertificate !== undefined && { verificationCertificate: absolute(verificationCertificate) }),
    ...(jitp !== undefined && { jitp: { ...jitp, ...(template !== undefined && { template: absolute(template) }) } }),
  };
}

/** A CA with its place in the section and the name that it has in plans. */
export interface PlacedAuthority {
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly authority: AwsAuthority;
}

/** The CAs of devices, then the gateway's. */
export function authoritiesOf({ deviceCas, gatewayCa }: AwsConfiguration): readonly PlacedAuthority[] {
  const devices = deviceCas.map((authority, index) => ({
    path: ['aws', 'deviceCas', index],
    name: authority.name ?? `device-${index + 1}`,
    authority,
  }));
  if (gatewayCa === undefined) return devices;
  return [...devices, { path: ['aws', 'gatewayCa'], name: gatewayCa.name ?? 'gateway', authority: gatewayCa }];
}

export function policyNameOf({ prefix }: Pick<AwsConfiguration, 'prefix'>, { name }: AwsPolicy): string {
  return name ?? `${prefix}-device`;
}

export function thingTypeNameOf(
  { prefix }: Pick<AwsConfiguration, 'prefix'>,
  { name }: NonNullable<AwsConfiguration['thingType']>,
): string {
  return name ?? `${prefix}-device`;
}

/** What each device gets beside its certificate when it is registered: the first of the policies, and the thing type. */
export function deviceEquipmentOf(aws: AwsConfiguration): {
  readonly policyName: string;
  readonly thingTypeName?: string;
} {
  const [policy = {}] = aws.policies;
  const { thingType } = aws;
  return {
    policyName: policyNameOf(aws, policy),
    ...(thingType !== undefined && { thingTypeName: thingTypeNameOf(aws, thingType) }),
  };
}

/** Rule names have no hyphens. */
export function ruleNameOf({ prefix }: Pick<AwsConfiguration, 'prefix'>, rest: string): string {
  return `${prefix}_${rest}`.replaceAll('-', '_');
}

/** The rule that activates certificates of a CA. */
export function activationRuleOf(aws: Pick<AwsConfiguration, 'prefix'>, { name, authority }: PlacedAuthority): string {
  return authority.jitr?.rule ?? ruleNameOf(aws, `jitr_${name}`);
}

export function safetyNetRuleOf({ prefix, safetyNet }: AwsConfiguration): string {
  return safetyNet?.rule ?? ruleNameOf({ prefix }, 'safety_net');
}
