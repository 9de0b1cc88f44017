import { policyDocument, policyDocumentFault } from '../../aws/account/policy-document.ts';
import {
  type AwsConfiguration,
  activationRuleOf,
  authoritiesOf,
  type PlacedAuthority,
  policyNameOf,
  safetyNetRuleOf,
} from '../aws-configuration.ts';
import { rightsOf } from '../aws-description.ts';
import type { ClientIdPolicy } from '../configuration.ts';
import type { ConfigurationPath, Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { awsSchema } from '../schema/aws-schema.ts';
import { checkAwsFiles } from './aws-file-checks.ts';
import type { NamedFiles } from './file-checks.ts';

/** What the schema cannot see of the section; nothing is said while the schema is not content with it. */
export function checkAws(root: Cursor, files: NamedFiles): readonly Finding[] {
  const section = root.at('aws');
  const parsed = section.isPresent ? awsSchema.safeParse(section.value) : undefined;
  if (parsed?.success !== true) return [];
  const aws = parsed.data;
  return [
    ...authoritiesOf(aws).flatMap((placed) => checkAuthority(root, aws, placed)),
    ...checkPolicies(root, aws),
    ...checkPropagation(root, aws),
    ...checkDomain(section.at('domain'), aws),
    ...checkArns(section, aws),
    ...checkNames(root, aws),
    ...checkAwsFiles(root, aws, files),
  ];
}

function checkAuthority(root: Cursor, aws: AwsConfiguration, { path, authority }: PlacedAuthority): readonly Finding[] {
  const at = root.at(...path);
  const findings: Finding[] = [];
  if (authority.jitr !== undefined && authority.jitp !== undefined) {
    findings.push(at.finding('expected jitr or jitp, got both: AWS does one or the other'));
  }
  const proofs = (['key', 'verificationCertificate'] as const).filter((name) => authority[name] !== undefined);
  if (authority.mode === 'DEFAULT' && proofs.length !== 1) {
    const got = proofs.length === 0 ? 'neither' : 'both';
    findings.push(
      at.finding(
        `expected key or verificationCertificate with mode DEFAULT, to prove that the CA is yours, got ${got}`,
      ),
    );
  }
  if (authority.mode === 'SNI_ONLY') {
    findings.push(...proofs.map((name) => at.at(name).finding(`expected ${name} only with mode DEFAULT, got it`)));
  }
  const wanted = authority.jitp?.policy;
  const known = aws.policies.map((policy) => policyNameOf(aws, policy));
  if (wanted !== undefined && !known.includes(wanted)) {
    findings.push(at.at('jitp', 'policy').unexpected(`the name of a policy of aws.policies (${known.join(', ')})`));
  }
  return findings;
}

function checkPolicies(root: Cursor, aws: AwsConfiguration): readonly Finding[] {
  const written = root.at('fleet', 'clientIdPolicy').text ?? 'any';
  return aws.policies.flatMap((policy, index) => {
    const at = root.at('aws', 'policies', index);
    const rights = (['connect', 'publish', 'subscribe', 'retain'] as const).filter(
      (name) => policy[name] !== undefined,
    );
    if (policy.document !== undefined) {
      const [first] = rights;
      return first === undefined ? [] : [at.at(first).finding(`expected ${first} or document, got both`)];
    }
    const fault = policyDocumentFault(policyDocument(rightsOf(policy, written as ClientIdPolicy), aws));
    return fault === undefined ? [] : [at.finding(fault)];
  });
}

function checkPropagation(root: Cursor, { thingType }: AwsConfiguration): readonly Finding[] {
  const at = root.at('aws', 'thingType', 'propagate');
  return (thingType?.propagate ?? []).flatMap(({ attribute, connection }, index) => {
    if ((attribute === undefined) !== (connection === undefined)) return [];
    const got = attribute === undefined ? 'neither' : 'both';
    return [at.at(index).finding(`expected attribute or connection, got ${got}`)];
  });
}

/** Pairs that mean something to AWS. */
const protocolsBy: Readonly<Record<string, readonly string[]>> = {
  AWS_X509: ['SECURE_MQTT', 'HTTPS'],
  CUSTOM_AUTH: ['SECURE_MQTT', 'MQTT_WSS', 'HTTPS'],
  CUSTOM_AUTH_X509: ['SECURE_MQTT', 'HTTPS'],
  AWS_SIGV4: ['MQTT_WSS', 'HTTPS'],
  DEFAULT: ['DEFAULT'],
};

function checkDomain(at: Cursor, { domain, authorizers }: AwsConfiguration): readonly Finding[] {
  if (domain === undefined) return [];
  const { authenticationType, applicationProtocol, authorizer } = domain;
  const findings: Finding[] = [];
  const protocols = protocolsBy[authenticationType] ?? [];
  if (!protocols.includes(applicationProtocol)) {
    const expected = `applicationProtocol ${protocols.join(' or ')} with authenticationType ${authenticationType}`;
    findings.push(at.finding(`expected ${expected}, got ${applicationProtocol}`));
  }
  if (authenticationType.startsWith('CUSTOM_AUTH') && authorizer === undefined) {
    findings.push(at.finding(`expected authorizer with authenticationType ${authenticationType}, got nothing`));
  }
  const names = authorizers.map(({ name }) => name);
  if (authorizer !== undefined && !names.includes(authorizer)) {
    findings.push(at.at('authorizer').unexpected(`the name of one of aws.authorizers (${names.join(', ') || 'none'})`));
  }
  if (domain.allowAuthorizerOverride && authorizer === undefined) {
    findings.push(at.at('allowAuthorizerOverride').finding('expected it only beside authorizer, got it alone'));
  }
  if (domain.clientCertificateFunctionArn !== undefined && !authenticationType.endsWith('X509')) {
    const only = 'expected clientCertificateFunctionArn only with AWS_X509 or CUSTOM_AUTH_X509';
    findings.push(at.at('clientCertificateFunctionArn').finding(`${only}, got it with ${authenticationType}`));
  }
  return findings;
}

/** Functions and certificates of another region, and anything of another account, AWS refuses. */
function checkArns(section: Cursor, { region, account }: AwsConfiguration): readonly Finding[] {
  return arnsIn(section).flatMap((at) => {
    const [, , service, arnRegion, arnAccount] = (at.text ?? '').split(':');
    if (service !== 'iam' && arnRegion !== region) return [at.unexpected(`an ARN in aws.region (${region})`)];
    if (account !== undefined && arnAccount !== account) return [at.unexpected(`an ARN in aws.account (${account})`)];
    return [];
  });
}

function arnsIn(at: Cursor): readonly Cursor[] {
  if (at.text !== undefined) return at.text.startsWith('arn:') && String(at.path.at(-1)).endsWith('Arn') ? [at] : [];
  return [...at.items, ...at.entries.map(([, value]) => value)].flatMap(arnsIn);
}

/** One name for two resources would make the second change the first. */
function checkNames(root: Cursor, aws: AwsConfiguration): readonly Finding[] {
  const authorities = authoritiesOf(aws);
  const rules = authorities.filter(({ authority }) => authority.jitr !== undefined);
  return [
    ...repeated(
      root,
      'CA',
      authorities.map(({ path, name }) => ({ path, name })),
    ),
    ...repeated(
      root,
      'policy',
      aws.policies.map((policy, index) => ({ path: ['aws', 'policies', index], name: policyNameOf(aws, policy) })),
    ),
    ...repeated(
      root,
      'authorizer',
      aws.authorizers.map(({ name }, index) => ({ path: ['aws', 'authorizers', index], name })),
    ),
    ...repeated(root, 'rule', [
      ...rules.map((placed) => ({ path: [...placed.path, 'jitr'], name: activationRuleOf(aws, placed) })),
      ...(aws.safetyNet === undefined ? [] : [{ path: ['aws', 'safetyNet'], name: safetyNetRuleOf(aws) }]),
    ]),
  ];
}

function repeated(
  root: Cursor,
  what: string,
  named: readonly { readonly path: ConfigurationPath; readonly name: string }[],
): readonly Finding[] {
  const seen = new Set<string>();
  return named.flatMap(({ path, name }) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [root.at(...path).finding(`expected a name for each ${what}, got ${name} again`)];
  });
}
