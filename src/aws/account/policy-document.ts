import { failure, type Result, success } from '../../base/result.ts';

/** Who a policy lets connect as whom. */
export type ConnectRight = 'clientIdIsCommonName' | 'clientIdBeginsWithCommonName' | 'attachedThing';

/** Where a policy counts. */
export interface PolicyScope {
  readonly region: string;
  /** 12 digits; absent: whichever account the policy is in. */
  readonly account?: string;
}

export interface PolicyRights {
  readonly connect: ConnectRight;
  /** MQTT topic filters with `{clientId}`, `{commonName}` and `{thingName}` in them. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Whether publishes may be retained. */
  readonly retain: boolean;
}

/** Characters that AWS IoT Core takes, white space not counted. */
const longestDocument = 2_048;

/** Why AWS would not take a policy document; undefined: nothing is known against it. */
export function policyDocumentFault(document: string): string | undefined {
  const parsed = parsePolicyDocument(document);
  if (!parsed.ok) return parsed.error;
  const characters = [...document.replace(/\s/g, '')].length;
  if (characters <= longestDocument) return undefined;
  return `expected a policy document of at most ${longestDocument} characters without white space, got ${characters}`;
}

export function parsePolicyDocument(document: string): Result<unknown> {
  try {
    const parsed: unknown = JSON.parse(document);
    const isPolicy = typeof parsed === 'object' && parsed !== null && 'Statement' in parsed && 'Version' in parsed;
    return isPolicy ? success(parsed) : failure('expected a policy document with Version and Statement');
  } catch {
    return failure('expected a policy document in JSON');
  }
}

/**
 * A policy document for any number of devices: AWS fills in its variables at each connect. It grants no more than its
 * filters say; `+` becomes `*`, which spans levels, because a policy has no wildcard for one level.
 */
export function policyDocument({ connect, publish, subscribe, retain }: PolicyRights, scope: PolicyScope): string {
  const arn: ArnOf = (type, resource) =>
    `arn:${partitionOf(scope.region)}:iot:${scope.region}:${scope.account ?? '*'}:${type}/${resource}`;
  const statement = (actions: readonly string[], type: string, filters: readonly string[]) =>
    filters.length === 0
      ? []
      : [
          allow(
            actions,
            [...new Set(filters.flatMap(resourcesOf))].map((of) => arn(type, of)),
          ),
        ];
  const statements = [
    connectStatement(connect, arn),
    ...statement(retain ? ['iot:Publish', 'iot:RetainPublish'] : ['iot:Publish'], 'topic', publish),
    ...statement(['iot:Subscribe'], 'topicfilter', subscribe),
    ...statement(['iot:Receive'], 'topic', subscribe),
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

type ArnOf = (type: string, resource: string) => string;

function connectStatement(right: ConnectRight, arn: ArnOf): object {
  const connect = ['iot:Connect'];
  switch (right) {
    case 'clientIdIsCommonName':
      return allow(connect, [arn('client', variables['{commonName}'])]);
    case 'clientIdBeginsWithCommonName':
      return allow(connect, [arn('client', `${variables['{commonName}']}*`)]);
    case 'attachedThing': {
      const isAttached = { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } };
      return { ...allow(connect, [arn('client', '*')]), Condition: isAttached };
    }
    default:
      return right satisfies never;
  }
}

function allow(actions: readonly string[], resources: readonly string[]): object {
  const one = (items: readonly string[]) => (items.length === 1 ? items[0] : items);
  return { Effect: 'Allow', Action: one(actions), Resource: one(resources) };
}

/** The first part of every ARN in a region. */
function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** `a/#` matches `a` as well (MQTT 5 section 4.7.1.2), which `a/*` does not. */
function resourcesOf(filter: string): readonly string[] {
  const levels = filter.replace(/\{\w+\}/g, (name) => variables[name as keyof typeof variables] ?? name).split('/');
  const resource = levels.map((level) => (level === '+' || level === '#' ? '*' : level)).join('/');
  return levels.at(-1) === '#' && levels.length > 1 ? [levels.slice(0, -1).join('/'), resource] : [resource];
}

/** The names of a filter, for checks. */
export const policyVariables = ['{clientId}', '{commonName}', '{thingName}'] as const;

const variables = {
  '{clientId}': policyVariable('iot:ClientId'),
  '{commonName}': policyVariable('iot:Certificate.Subject.CommonName'),
  '{thingName}': policyVariable('iot:Connection.Thing.ThingName'),
} as const satisfies Record<(typeof policyVariables)[number], string>;

function policyVariable(name: string): string {
  return `\${${name}}`;
}
