import type { z } from 'zod';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { TopicRule } from '../mqtt/topic-rule.ts';
import type { bridgeSchema } from './schema/bridge-schema.ts';

/** The section as written, defaults filled in; in a `Configuration` its paths are absolute. */
export type BridgeConfiguration = z.output<typeof bridgeSchema>;
export type BridgeRuleConfiguration = BridgeConfiguration['rules'][number];
export type BridgeConnectionConfiguration = BridgeConfiguration['connections'][string];

type Absolute = (path: string) => string;

/** The same with absolute paths. */
export function resolveBridge(bridge: BridgeConfiguration, absolute: Absolute): BridgeConfiguration {
  const connections = Object.entries(bridge.connections).map(([name, { certificate, ...connection }]) => {
    if (certificate === undefined) return [name, connection] as const;
    const { cert, key } = certificate;
    return [name, { ...connection, certificate: { cert: absolute(cert), key: absolute(key) } }] as const;
  });
  return { ...bridge, directory: absolute(bridge.directory), connections: Object.fromEntries(connections) };
}

/** The version that the bridge speaks with a broker: the highest, because only MQTT 5 shows marks and RETAIN. */
export function bridgeVersion(
  versions: readonly ProtocolVersion[],
  connection: { readonly version?: ProtocolVersion } | undefined,
): ProtocolVersion {
  if (connection?.version !== undefined) return connection.version;
  return (['5', '3.1.1', '3.1'] as const).find((version) => versions.includes(version)) ?? '3.1.1';
}

/** What a rule carries, in the words of the machines. */
export function toTopicRule(rule: BridgeRuleConfiguration): TopicRule {
  const {
    stripPrefix,
    addPrefix,
    undeliverable,
    members: _members,
    partitions: _partitions,
    lanes: _lanes,
    ...rest
  } = rule;
  return {
    ...rest,
    topicChange: { stripPrefix, addPrefix },
    undeliverable: undeliverable === 'deadLetter' ? 'dead-letter' : 'drop',
  };
}
